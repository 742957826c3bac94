// Counting linears; see linear_share.h.
#include "core/linear_share.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace weft {

using ir::Op;
using ir::ValueId;

namespace {

// The input that is the weight, where it is a constant; none for other nodes.
ValueId weight_of(const ir::Graph& graph, const ir::Node& node) {
  size_t at = 0;
  if (node.op == Op::QLinearMatMul) {
    at = 3;
  } else if (node.op == Op::MatMul || node.op == Op::Gemm || node.op == Op::MatMulInteger ||
             node.op == Op::ExpertMatMul) {
    at = 1;
  }
  if (at == 0 || at >= node.inputs.size() || node.inputs[at] == ValueId::none) return ValueId::none;
  return graph[node.inputs[at]].kind == ir::ValueKind::constant ? node.inputs[at] : ValueId::none;
}

// Elements of the result times the length that is summed over; 0 where a size stays unknown.
double multiply_adds(const ir::Graph& graph, const ir::Node& node, ValueId weight, int64_t seq) {
  const ir::Shape& shape = graph[weight].type.shape;
  if (shape.size() < 2) return 0;
  const auto length = shape[shape.size() - 2].eval({});
  const ir::Shape& result = graph[node.outputs[0]].type.shape;
  double count = length ? double(*length) : 0;
  for (const ir::Dim& dim : result) {
    sym::Bindings at;
    for (const std::string& symbol : dim.symbols())
      at[symbol] = symbol == "seq" ? seq : symbol == "past" ? 0 : 1;
    const auto value = dim.eval(at);
    count *= value ? double(*value) : 0;
  }
  return count;
}

}  // namespace

double multiply_adds(const ir::Graph& graph, const plan::IslandPlan& island, int64_t seq) {
  double count = 0;
  for (const ir::NodeId id : island.nodes) {
    const ValueId weight = weight_of(graph, graph[id]);
    if (weight != ValueId::none) count += multiply_adds(graph, graph[id], weight, seq);
  }
  return count;
}

std::vector<LinearShare> linear_shares(const plan::Plan& plan,
                                       const std::vector<host::DevicePtr>& devices, int64_t seq) {
  std::map<uint32_t, double> counts;
  double all = 0;
  for (const plan::IslandPlan& island : plan.islands()) {
    const double count = multiply_adds(plan.graph(), island, seq);
    if (count == 0) continue;
    counts[island.device] += count;
    all += count;
  }
  std::vector<LinearShare> out;
  for (const auto& [device, count] : counts)
    out.push_back({devices[device]->plugin()->name(), count, all > 0 ? count / all : 0});
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.multiply_adds > b.multiply_adds; });
  return out;
}

std::vector<WeightCopies> weight_copies(const EnginePlan& plan) {
  std::set<std::pair<std::string, const ir::Constant*>> seen;
  std::map<std::tuple<std::string, std::string, bool>, WeightCopies> groups;
  for (const plan::Plan* phase : {&plan.prefill(), &plan.decode()}) {
    for (const plan::IslandPlan& island : phase->islands()) {
      const std::string& backend = plan.devices()[island.device]->plugin()->name();
      for (const ir::NodeId id : island.nodes) {
        const ValueId weight = weight_of(plan.graph(), plan.graph()[id]);
        if (weight == ValueId::none) continue;
        const ir::Value& value = plan.graph()[weight];
        if (!seen.emplace(backend, value.constant.get()).second) continue;
        const ir::DType type = value.quantization ? value.quantization->storage : value.type.dtype;
        const std::string name(ir::name(type));
        WeightCopies& group = groups[{backend, name, value.column_major}];
        group.backend = backend;
        group.type = name;
        group.order = value.column_major ? "columns" : "rows";
        ++group.tensors;
        group.bytes += int64_t(value.constant->bytes.size());
      }
    }
  }
  std::vector<WeightCopies> out;
  for (auto& [key, group] : groups) out.push_back(std::move(group));
  return out;
}

}  // namespace weft
