#include "tools/weft/verification.h"

#include <algorithm>

#include "importers/onnx/emit/emit.h"
#include "importers/onnx/model.h"

namespace weft::cli {

namespace fs = std::filesystem;

namespace {

Error cannot_write(const fs::path& path, const std::error_code& why) {
  return Error{"cannot write " + path.string() + ": " + why.message(), ErrorKind::usage};
}

// <folder>/test_data_set_0, with no tensors of an earlier reproducer in it.
Result<fs::path> fresh_data_folder(const fs::path& folder) {
  const fs::path data = folder / "test_data_set_0";
  std::error_code error;
  fs::create_directories(data, error);
  if (error) return cannot_write(data, error);
  std::vector<fs::path> old;
  for (fs::directory_iterator it(data, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool ours = name.starts_with("input_") || name.starts_with("output_");
    if (ours && name.ends_with(".pb")) old.push_back(it->path());
  }
  for (const fs::path& file : old) fs::remove(file, error);
  if (error) return cannot_write(data, error);
  return data;
}

Status write_tensors(const fs::path& data, const char* kind, const std::vector<std::string>& names,
                     const std::vector<ops::Tensor>& tensors) {
  for (size_t k = 0; k < tensors.size(); ++k) {
    const fs::path file = data / (kind + std::to_string(k) + ".pb");
    TRY(onnx::write_tensor_file(file, names[k], tensors[k].dtype, tensors[k].shape,
                                tensors[k].bytes));
  }
  return {};
}

Status write_model(const fs::path& folder, const runtime::Culprit& culprit) {
  const fs::path data = TRY(fresh_data_folder(folder));
  const ir::Graph& graph = culprit.part.graph;
  const fs::path model = folder / "model.onnx";
  // Opset 23 for as many readers as possible; 25 where only that can say it.
  const Status plain = onnx::emit(graph, model);
  if (!plain.ok()) TRY(onnx::emit(graph, model, {.opset = 25}));
  std::vector<std::string> inputs, outputs;
  for (const ir::ValueId id : graph.inputs) inputs.push_back(graph[id].name);
  for (const ir::Output& output : graph.outputs) outputs.push_back(output.name);
  TRY(write_tensors(data, "input_", inputs, culprit.inputs));
  return write_tensors(data, "output_", outputs, culprit.expected);
}

// Writes the reproducer and tries it as `weft check` does.
Reproducer reproduce(const VerifyOptions& options, const runtime::Culprit& culprit,
                     const std::string& backend, const std::vector<host::PluginPtr>& plugins) {
  Reproducer out;
  if (culprit.extent == runtime::Extent::in_place) {
    out.why_not = "the nodes are right when they run alone";
    return out;
  }
  const Status written = write_model(options.out, culprit);
  if (!written.ok()) {
    out.why_not = written.error().message;
    return out;
  }
  out.folder = options.out;
  CheckOptions check;
  check.tolerance = options.tolerance;
  check.way = CheckWay::graph;
  check.engine = options.engine;
  check.engine.backends = {backend};
  for (const std::string& other : options.engine.backends) {
    if (other != backend) check.engine.backends.push_back(other);
  }
  check.engine.prefill = check.engine.decode = {};
  check.engine.require.clear();
  check.engine.cache_folder.clear();  // nobody starts a reproducer often
  const FolderCheck tried = check_folder(options.out, plugins, check);
  out.fails = !tried.passes() && !tried.first_error();
  if (out.fails) return out;
  const Error* error = tried.first_error();
  out.why_not = error ? error->message : "it passes: the passes make another graph of it";
  return out;
}

struct Verifying {
  const VerifyOptions& options;
  const std::vector<host::PluginPtr>& plugins;
  Verification out = {};
  std::unique_ptr<runtime::Verifier> verifier = {};

  Status open(std::unique_ptr<EnginePlan> plan) {
    out.engine = TRY(Engine::build(std::move(plan)));
    verifier = TRY(out.engine->open_verifier(options.tolerance));
    return {};
  }

  Status run(const runtime::VerifyStep& step) {
    out.steps.push_back(TRY(verifier->run(step), step.name));
    if (out.finding) return {};
    for (const runtime::IslandReport& island : out.steps.back().islands) {
      if (island.own.passes()) continue;
      Finding found{step.name, island.island, out.backend_of(island), {}, {}};
      found.culprit = TRY(verifier->find(island.island));
      if (!options.out.empty())
        found.reproducer = reproduce(options, found.culprit, found.backend, plugins);
      out.finding = std::move(found);
      return {};
    }
    return {};
  }

  // The likeliest token after the last of the step, by the reference.
  Result<int64_t> next_token(const DecoderInputs& inputs) {
    const ops::Array logits = TRY(verifier->reference().value(inputs.logits));
    const int64_t first = logits.count() - inputs.vocabulary;
    int64_t best = 0;
    for (int64_t i = 1; i < inputs.vocabulary; ++i) {
      if (ops::load(logits, first + i) > ops::load(logits, first + best)) best = i;
    }
    return best;
  }

  // Nothing when the graph is none that a session runs; `why_graph` says why.
  Result<bool> as_decoder(ir::Graph graph) {
    EngineOptions engine = options.engine;
    const int64_t length =
        options.prompt.empty() ? options.choice.length : int64_t(options.prompt.size());
    engine.chunk = length;
    engine.capacity = (length + 1 + 15) / 16 * 16;
    auto plan = EnginePlan::make(std::move(graph), plugins, std::move(engine));
    if (!plan.ok() && plan.error().kind != ErrorKind::model) return plan.error();
    if (!plan.ok()) out.why_graph = plan.error().message;
    if (!plan.ok()) return false;
    const auto inputs = decoder_inputs((*plan)->graph());
    if (!inputs) out.why_graph = "it has inputs or outputs that no session knows";
    if (!inputs) return false;
    TRY(open(std::move(*plan)));
    out.as_decoder = true;
    auto ids = options.prompt;
    if (ids.empty()) ids = random_ids(options.choice, inputs->vocabulary);
    for (const int64_t id : ids) {
      if (id < 0 || id >= inputs->vocabulary) {
        return Error{"token id " + std::to_string(id) + " is outside the vocabulary of " +
                         std::to_string(inputs->vocabulary),
                     ErrorKind::usage};
      }
    }
    const ir::Graph& made = out.engine->graph();
    TRY(run(decoder_step(made, *inputs, "prompt of " + std::to_string(length), ids, 0)));
    const int64_t next = TRY(next_token(*inputs));
    TRY(run(decoder_step(made, *inputs, "token after it", std::span(&next, 1), length)));
    return true;
  }

  // The first set of a folder, or the set that is named.
  Result<DataSet> read_set(const ir::Graph& graph) const {
    std::vector<std::string> inputs, outputs;
    for (const ir::ValueId id : graph.inputs) inputs.push_back(graph[id].name);
    for (const ir::Output& output : graph.outputs) outputs.push_back(output.name);
    fs::path folder = options.data.lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    const std::string name = folder.filename().string();
    const bool named = name.starts_with("test_data_set_");
    TestData data = TRY(read_test_data(named ? folder.parent_path() : folder, inputs, outputs));
    for (DataSet& set : data.sets) {
      if (!named || set.name == name || set.name == name + "_exact") return std::move(set);
    }
    return Error{"there is no test data in " + options.data.string(), ErrorKind::usage};
  }

  Status as_graph(ir::Graph graph) {
    std::vector<FileInput> inputs;
    for (const ir::ValueId id : graph.inputs) inputs.push_back({id, graph[id].name});
    std::optional<DataSet> set;
    if (!options.data.empty()) set = TRY(read_set(graph));
    const DataSet* given = set ? &*set : nullptr;
    const sym::Bindings bindings = TRY(bind_sizes(graph, inputs, given, options.choice));
    EngineOptions engine = options.engine;
    engine.keep_interface = true;
    TRY(open(TRY(EnginePlan::make(std::move(graph), plugins, std::move(engine)))));
    return run(TRY(graph_step(out.engine->graph(), inputs, bindings, given, options.choice)));
  }
};

}  // namespace

size_t Verification::islands() const {
  size_t count = 0;
  for (const auto& step : steps) count += step.islands.size();
  return count;
}

size_t Verification::wrong() const {
  size_t count = 0;
  for (const auto& step : steps) {
    count += size_t(std::count_if(step.islands.begin(), step.islands.end(),
                                  [](const auto& island) { return !island.own.passes(); }));
  }
  return count;
}

size_t Verification::inherits() const {
  size_t count = 0;
  for (const auto& step : steps) {
    count += size_t(std::count_if(step.islands.begin(), step.islands.end(), [](const auto& island) {
      return island.own.passes() && !island.inherited.passes();
    }));
  }
  return count;
}

const std::string& Verification::backend_of(const runtime::IslandReport& island) const {
  return engine->plan().devices()[island.device]->plugin()->name();
}

Result<Verification> verify_model(const VerifyOptions& options,
                                  const std::vector<host::PluginPtr>& plugins) {
  onnx::ImportOptions import_options;
  import_options.content_memory = options.engine.cache_folder;
  const ir::Graph graph = TRY(onnx::import(options.model, import_options));
  Verifying verifying{options, plugins};
  const bool may_decode = options.way != CheckWay::graph && options.data.empty();
  if (may_decode && TRY(verifying.as_decoder(graph))) return std::move(verifying.out);
  if (options.way == CheckWay::session) return Error(verifying.out.why_graph);
  TRY(verifying.as_graph(graph));
  return std::move(verifying.out);
}

}  // namespace weft::cli
