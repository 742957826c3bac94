#include "tools/weft/check_model.h"

#include <algorithm>
#include <cmath>

#include "importers/onnx/model.h"
#include "tools/weft/check_graph.h"
#include "tools/weft/check_session.h"

namespace weft::cli {

namespace {

// The checkers of one model, made when they are needed.
struct Checkers {
  const ir::Graph& graph;  // as imported
  const TestData& data;
  const std::vector<host::PluginPtr>& plugins;
  const CheckOptions& options;
  std::unique_ptr<SessionChecker> session{};
  std::unique_ptr<GraphChecker> whole{};
  std::optional<Error> no_session{};  // why there is none

  void open_session() {
    if (options.way == CheckWay::graph) return;
    auto made = SessionChecker::make(graph, data, plugins, options);
    if (made.ok()) {
      session = std::move(*made);
    } else {
      no_session = made.error();
    }
  }

  static std::string why(const SetCheck& check) {
    return check.why_graph.empty() ? "" : " (run as a graph: " + check.why_graph + ")";
  }

  Result<std::vector<OutputCheck>> run(const DataSet& set, SetCheck& check) {
    if (session) check.why_graph = session->obstacle(set);
    if (!session && no_session) check.why_graph = no_session->message;
    check.as_session = session && check.why_graph.empty();
    if (check.as_session) return session->check(set);
    // Where it is not the model's fault, a graph of the same model would not do better.
    const bool stop = options.way == CheckWay::session;
    if (no_session && (stop || no_session->kind != ErrorKind::model)) {
      check.why_graph.clear();
      return *no_session;
    }
    if (stop) return Error(check.why_graph);
    if (!whole) {
      auto made = GraphChecker::make(graph, data, plugins, options);
      if (!made.ok()) return Error(made.error().message + why(check), made.error().kind);
      whole = std::move(*made);
    }
    auto checks = whole->check(set);
    if (!checks.ok()) return Error(checks.error().message + why(check), checks.error().kind);
    return checks;
  }

  std::string placement() const {
    if (session) return session->engine().placement().line();
    return whole ? whole->engine().placement().line() : std::string();
  }
};

Status check_sets(FolderCheck& out, const std::vector<host::PluginPtr>& plugins,
                  const CheckOptions& options) {
  onnx::ImportOptions import_options;
  import_options.content_memory = options.engine.cache_folder;
  const ir::Graph graph = TRY(onnx::import(out.folder, import_options));
  std::vector<std::string> inputs, outputs;
  for (const ir::ValueId id : graph.inputs) inputs.push_back(graph[id].name);
  for (const ir::Output& output : graph.outputs) outputs.push_back(output.name);
  const TestData data = TRY(read_test_data(out.folder, inputs, outputs));
  Checkers checkers{graph, data, plugins, options};
  checkers.open_session();
  for (const DataSet& set : data.sets) {
    SetCheck check;
    check.name = set.name;
    check.exact = set.exact;
    auto outcome = checkers.run(set, check);
    if (outcome.ok()) {
      check.outputs = std::move(*outcome);
    } else {
      check.error = std::move(outcome).error();
    }
    out.sets.push_back(std::move(check));
  }
  out.placement = checkers.placement();
  return {};
}

// How far beyond what is allowed; tensors that cannot be compared come first.
double excess(const OutputCheck& output) {
  const ops::Difference& d = output.difference;
  if (!d.unlike.empty()) return HUGE_VAL;
  if (d.absolute == 0) return 0;
  return d.allowed > 0 ? d.absolute / d.allowed : HUGE_VAL;
}

}  // namespace

bool SetCheck::passes() const {
  return !error && !outputs.empty() &&
         std::all_of(outputs.begin(), outputs.end(),
                     [](const OutputCheck& output) { return output.difference.passes(); });
}

const OutputCheck* SetCheck::worst() const {
  const auto worst = std::max_element(
      outputs.begin(), outputs.end(),
      [](const OutputCheck& a, const OutputCheck& b) { return excess(a) < excess(b); });
  return worst == outputs.end() ? nullptr : &*worst;
}

bool FolderCheck::passes() const {
  return !error && !sets.empty() &&
         std::all_of(sets.begin(), sets.end(), [](const SetCheck& set) { return set.passes(); });
}

const Error* FolderCheck::first_error() const {
  if (error) return &*error;
  for (const SetCheck& set : sets) {
    if (set.error) return &*set.error;
  }
  return nullptr;
}

FolderCheck check_folder(const std::filesystem::path& folder,
                         const std::vector<host::PluginPtr>& plugins, const CheckOptions& options) {
  FolderCheck out;
  out.folder = folder;
  out.backends = options.engine.backends;
  const Status status = check_sets(out, plugins, options);
  if (!status.ok()) out.error = status.error();
  return out;
}

ops::Array view_of(const onnx::Tensor& tensor) {
  ops::Array view;
  view.dtype = tensor.dtype;
  view.shape = tensor.dims;
  view.strides = ops::row_major(view.shape);
  view.data = const_cast<std::byte*>(tensor.data->bytes.data());
  return view;
}

const onnx::Tensor* find_tensor(const std::vector<onnx::NamedTensor>& tensors,
                                const std::string& name) {
  for (const onnx::NamedTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor.tensor;
  }
  return nullptr;
}

}  // namespace weft::cli
