#include "tools/weft/calibrate.h"

#include <algorithm>

#include "core/engine.h"

namespace weft::cli {

using ir::Graph;
using ir::ValueId;

namespace {

constexpr int64_t kMostBytes = int64_t{256} << 20;  // of values of one run

// The graph with `values` for outputs and room for one window.
Graph with_outputs(const Graph& source, std::span<const ValueId> values, int64_t window) {
  Graph graph = source;
  graph.outputs.clear();
  for (size_t i = 0; i < values.size(); ++i)
    graph.outputs.push_back({"value_" + std::to_string(i), values[i]});
  graph.bounds.set("seq", {1, window});
  graph.bounds.set("past", {0, 1});
  return graph;
}

// Inputs of one window, read from its first token on with nothing before it.
Status write_inputs(runtime::GraphRun& run, const Graph& graph, std::span<const int64_t> ids) {
  std::vector<int64_t> positions(ids.size());
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = int64_t(i);
  for (const ValueId input : graph.inputs) {
    const ir::Value& value = graph[input];
    const bool whole = value.type.dtype == ir::DType::i64;
    if (whole && value.name == "input_ids") {
      TRY(run.write(input, std::as_bytes(ids)));
    } else if (whole && value.name == "position_ids") {
      TRY(run.write(input, std::as_bytes(std::span(positions))));
    } else if (value.type.shape.size() == 4) {
      TRY(run.write(input, {}));
    } else {
      return Error{"the model's input '" + value.name + "' is " + ir::str(value.type) +
                   "; calibration knows ids, positions and caches"};
    }
  }
  return {};
}

Status read_some(const Graph& source, std::span<const ValueId> values, size_t first,
                 const CalibrationText& text, const std::vector<host::PluginPtr>& plugins,
                 const ValueReader& reader) {
  EngineOptions options;
  options.backends = {"cpu", "reference"};
  options.keep_interface = true;
  options.capacity = options.chunk = text.window;
  auto engine =
      TRY(Engine::build(with_outputs(source, values, text.window), plugins, std::move(options)));
  auto run = TRY(engine->open_graph_run());
  run->bind("seq", text.window);
  run->bind("past", 0);
  for (size_t begin = 0; begin + size_t(text.window) <= text.ids.size();
       begin += size_t(text.window)) {
    const auto ids = std::span(text.ids).subspan(begin, size_t(text.window));
    TRY(write_inputs(*run, engine->graph(), ids));
    TRY(run->run());
    for (size_t i = 0; i < values.size(); ++i) {
      const auto bytes = TRY(run->read(engine->graph().outputs[i].value));
      TRY(reader(first + i, {reinterpret_cast<const float*>(bytes.data()), bytes.size() / 4}));
    }
  }
  return {};
}

}  // namespace

Status read_values(const Graph& graph, std::span<const ValueId> values, const CalibrationText& text,
                   const std::vector<host::PluginPtr>& plugins, const ValueReader& reader) {
  for (size_t first = 0; first < values.size();) {
    int64_t bytes = 0;
    size_t end = first;
    for (; end < values.size(); ++end) {
      bytes += graph[values[end]].type.shape.back().constant() * text.window * 4;
      if (bytes > kMostBytes && end > first) break;
    }
    TRY(read_some(graph, values.subspan(first, end - first), first, text, plugins, reader));
    first = end;
  }
  return {};
}

}  // namespace weft::cli
