#include "tools/weft/inspection.h"

#include <algorithm>
#include <map>

#include "importers/onnx/model.h"
#include "tools/weft/load.h"

namespace weft::cli {

namespace {

constexpr const char* kBeside[] = {"config.json",         "generation_config.json",
                                   "genai_config.json",   "tokenizer.json",
                                   "chat_template.jinja", "tokenizer_config.json"};

Status plan_model(const Flags& flags, ir::Graph graph, History* history, Inspection& out) {
  passes::Observer observer;
  if (history) {
    history->begin(graph);
    observer = [history](const passes::Step& step, const ir::Graph& then) {
      history->after(step, then);
    };
  }
  const int64_t capacity = TRY(choose_capacity(flags, out.folder, 1));
  out.plugins = load_plugins(flags);
  out.plan = TRY(
      EnginePlan::make(std::move(graph), out.plugins, engine_options(flags, capacity), observer));
  out.weights = weight_facts(out.plan->graph());
  out.architecture = architecture(out.plan->graph());
  return {};
}

}  // namespace

Result<Inspection> inspect_model(const Flags& flags, History* history) {
  Inspection out;
  out.folder = TRY(open_model_folder(flags.model));
  std::error_code ignored;
  for (const char* name : kBeside) {
    if (std::filesystem::exists(out.folder.folder / name, ignored)) out.beside.push_back(name);
  }
  auto graph = onnx::import(flags.model, {&out.notes, &out.file});
  if (out.file.path.empty()) return std::move(graph).error();
  if (graph.ok()) {
    out.weights = weight_facts(*graph);
    const Status planned = plan_model(flags, std::move(*graph), history, out);
    if (!planned.ok()) out.error = planned.error();
  } else {
    out.error = graph.error();
  }
  return out;
}

std::vector<std::string> warnings(const Inspection& inspection) {
  std::vector<std::string> out;
  const onnx::FileSummary& file = inspection.file;
  for (const auto& input : file.inputs) {
    if (!input.used) out.push_back("input '" + input.name + "' is read by no node");
  }
  for (const auto& op : file.ops) {
    if (op.supported) continue;
    out.push_back("op '" + op.op + "' of domain " + op.domain + " is not supported (" +
                  std::to_string(op.count) + (op.count == 1 ? " node)" : " nodes)"));
  }
  for (const auto& external : file.external) {
    if (external.size_bytes < 0) out.push_back("the file " + external.name + " is missing");
  }
  if (inspection.plan) {
    for (const std::string& missing : inspection.plan->placement().missing) out.push_back(missing);
  }
  return out;
}

std::vector<std::pair<std::string, size_t>> op_counts(const ir::Graph& graph) {
  std::map<std::string, size_t> counts;
  for (const ir::NodeId id : graph.order()) ++counts[std::string(ir::name(graph[id].op))];
  std::vector<std::pair<std::string, size_t>> out(counts.begin(), counts.end());
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

}  // namespace weft::cli
