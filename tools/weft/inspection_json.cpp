// An inspection for programs. Keys are only ever added.
#include <nlohmann/json.hpp>

#include "tools/weft/inspection.h"

namespace weft::cli {

namespace {

using nlohmann::ordered_json;

ordered_json ports_json(const std::vector<onnx::FileSummary::Port>& ports) {
  ordered_json rows = ordered_json::array();
  for (const auto& port : ports)
    rows.push_back({{"name", port.name}, {"type", port.type}, {"used", port.used}});
  return rows;
}

ordered_json file_json(const onnx::FileSummary& file) {
  ordered_json opsets = ordered_json::object(), external = ordered_json::array(),
               ops = ordered_json::object(), tensors = ordered_json::array();
  for (const auto& opset : file.opsets) opsets[opset.domain] = opset.version;
  for (const auto& one : file.external) {
    ordered_json row = {
        {"name", one.name}, {"size_bytes", nullptr}, {"used_bytes", one.used_bytes}};
    if (one.size_bytes >= 0) row["size_bytes"] = one.size_bytes;
    external.push_back(row);
  }
  for (const auto& op : file.ops) ops[op.domain][op.op] = op.count;
  for (const auto& row : file.initializers)
    tensors.push_back({{"type", row.type}, {"tensors", row.count}, {"bytes", row.bytes}});
  return {{"path", file.path.string()},
          {"size_bytes", file.size_bytes},
          {"ir_version", file.ir_version},
          {"producer", file.producer},
          {"opsets", opsets},
          {"external", external},
          {"inputs", ports_json(file.inputs)},
          {"outputs", ports_json(file.outputs)},
          {"ops", ops},
          {"functions", file.functions},
          {"initializers", tensors}};
}

ordered_json weights_json(const WeightFacts& weights) {
  ordered_json rows = ordered_json::array();
  for (const auto& row : weights.rows) {
    rows.push_back({{"format", row.format},
                    {"tensors", row.tensors},
                    {"elements", row.elements},
                    {"bytes", row.bytes}});
  }
  return {{"parameters", weights.parameters}, {"formats", rows}};
}

ordered_json architecture_json(const Architecture& a, int64_t longest_context) {
  const auto or_null = [](const std::optional<int64_t>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
  };
  return {{"layers", or_null(a.layers)},
          {"hidden", or_null(a.hidden)},
          {"heads", or_null(a.heads)},
          {"kv_heads", or_null(a.kv_heads)},
          {"head_size", or_null(a.head_size)},
          {"feed_forward", or_null(a.feed_forward)},
          {"vocabulary", or_null(a.vocabulary)},
          {"context", longest_context > 0 ? ordered_json(longest_context) : nullptr}};
}

ordered_json placement_json(const PlacementSummary& placement) {
  ordered_json rows = ordered_json::array();
  for (const auto& row : placement.rows)
    rows.push_back({{"backend", row.backend}, {"nodes", row.nodes}});
  return {{"backends", rows}, {"reasons", placement.reasons}, {"missing", placement.missing}};
}

ordered_json memory_json(const EnginePlan& plan) {
  const PlannedMemory memory = plan.memory();
  const int64_t capacity = plan.options().capacity;
  return {{"weights_bytes", memory.weights},
          {"cache_bytes", memory.cache},
          {"cache_bytes_per_1024", memory.cache / capacity * 1024},
          {"arena_bytes", memory.arena},
          {"total_bytes", memory.total()},
          {"first_start_bytes", memory.total() + memory.weights},
          {"capacity", capacity},
          {"chunk", plan.options().chunk}};
}

}  // namespace

std::string to_json(const Inspection& inspection) {
  ordered_json out;
  out["file"] = file_json(inspection.file);
  out["beside"] = inspection.beside;
  out["end_tokens"] = inspection.folder.end_tokens;
  out["import_notes"] = inspection.notes;
  for (const char* part :
       {"weights", "architecture", "rewrites", "ops_to_run", "placement", "memory"}) {
    out[part] = nullptr;
  }
  if (inspection.weights) out["weights"] = weights_json(*inspection.weights);
  if (inspection.architecture) {
    out["architecture"] =
        architecture_json(*inspection.architecture, inspection.folder.longest_context);
  }
  if (inspection.plan) {
    const EnginePlan& plan = *inspection.plan;
    out["rewrites"] = ordered_json::array();
    for (const passes::Note& note : plan.rewrites())
      out["rewrites"].push_back({{"pass", note.pass}, {"node", note.node}, {"what", note.what}});
    out["ops_to_run"] = ordered_json::object();
    for (const auto& [op, count] : op_counts(plan.graph())) out["ops_to_run"][op] = count;
    out["placement"] = placement_json(plan.placement());
    out["memory"] = memory_json(plan);
  }
  out["warnings"] = warnings(inspection);
  out["error"] = inspection.error ? ordered_json(inspection.error->message) : nullptr;
  // Names in a file need not be UTF-8.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace weft::cli
