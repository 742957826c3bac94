// Products with float weights turned into integer ones, for tests: what a W8A8 model looks like,
// with scales that any model survives.
//
//   y = x W   becomes   q = QuantizeLinear(x); i = MatMulInteger(q, W8); y = DequantizeLinear(i)
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "core/ir/graph.h"

namespace weft {

namespace integer_linears {

template <typename T>
ir::ValueId constant(ir::Graph& graph, const std::string& name, ir::DType dtype, ir::Shape shape,
                     const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return graph.add_constant(name, {dtype, std::move(shape)}, ir::make_constant(std::move(bytes)));
}

// The codes of a weight [k, n] and what a unit of a sum stands for, per column.
inline void quantize(const float* w, int64_t k, int64_t n, float x_scale,
                     std::vector<int8_t>& codes, std::vector<float>& scales) {
  for (int64_t column = 0; column < n; ++column) {
    float most = 1e-6f;
    for (int64_t i = 0; i < k; ++i) most = std::max(most, std::fabs(w[i * n + column]));
    const float scale = most / 127;
    for (int64_t i = 0; i < k; ++i)
      codes[size_t(i * n + column)] = int8_t(std::nearbyint(w[i * n + column] / scale));
    scales[size_t(column)] = scale * x_scale;
  }
}

}  // namespace integer_linears

// Every MatMul by a constant f32 [K, N] but those that give an output. The graph is as imported.
inline size_t make_linears_integer(ir::Graph& graph, float x_scale) {
  using integer_linears::constant;
  const ir::ValueId scale = constant<float>(graph, "x_scale", ir::DType::f32, {}, {x_scale});
  const ir::ValueId zero = constant<int8_t>(graph, "zero", ir::DType::i8, {}, {0});
  std::map<ir::ValueId, ir::ValueId> quantized;
  size_t count = 0;
  const std::vector<ir::NodeId> nodes = graph.order();
  for (const ir::NodeId id : nodes) {
    const ir::Node node = graph[id];
    if (node.op != ir::Op::MatMul || graph.is_output(node.outputs[0])) continue;
    const ir::Value weight = graph[node.inputs[1]];
    if (weight.kind != ir::ValueKind::constant || weight.type.shape.size() != 2) continue;
    if (weight.type.dtype != ir::DType::f32 || weight.quantization || weight.column_major) continue;
    const int64_t k = weight.type.shape[0].constant(), n = weight.type.shape[1].constant();
    std::vector<float> reals(size_t(k * n)), scales(static_cast<size_t>(n));
    std::memcpy(reals.data(), weight.constant->bytes.data(), reals.size() * sizeof(float));
    std::vector<int8_t> codes(reals.size());
    integer_linears::quantize(reals.data(), k, n, x_scale, codes, scales);
    if (!quantized.contains(node.inputs[0]))
      quantized[node.inputs[0]] =
          graph.add(ir::Op::QuantizeLinear, {node.inputs[0], scale, zero}, {}, node.name + "/q");
    const ir::ValueId q = quantized[node.inputs[0]];
    const ir::ValueId sums =
        graph.add(ir::Op::MatMulInteger,
                  {q, constant<int8_t>(graph, weight.name + "/w8", ir::DType::i8, {k, n}, codes)},
                  {}, node.name);
    ir::Attrs attrs;
    attrs.set("axis", int64_t{-1});
    const ir::ValueId y =
        graph.add(ir::Op::DequantizeLinear,
                  {sums, constant<float>(graph, weight.name + "/s", ir::DType::f32, {n}, scales)},
                  attrs, node.name + "/y");
    graph.replace_uses(node.outputs[0], y);
    ++count;
  }
  (void)graph.collect_and_sort();
  return count;
}

}  // namespace weft
