// What the NPU runs as one step: a node, or nodes that only together are integer work.
//
//   product    MatMulInteger                          i8 -> i32
//              MatMulInteger DequantizeLinear         i8 -> f32, as the sums leave the NPU
//              QLinearMatMul                          i8 -> i8
//   quantize   QuantizeLinear                         f32 -> i8, where codes enter
//   dequantize DequantizeLinear                       i8 -> f32, where they leave
//   lookup     DequantizeLinear f QuantizeLinear      i8 -> i8, f of one element: a table
//   multiply   2 DequantizeLinear Mul QuantizeLinear  i8, i8 -> i8; add likewise
//
// f is Relu, Sigmoid, Tanh, Erf, Gelu, Swish, Neg or Abs. A float op between codes is integer work,
// by itself it is refused; so are a QuantizeLinear and a DequantizeLinear with no neighbour here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/vulkan_npu/claim.h"

namespace weft::vulkan_npu {

// A function of one element, by its op and attributes.
struct Function {
  std::string op;
  float alpha = 1;   // Swish
  bool fit = false;  // Gelu by tanh
  double operator()(double x) const;
};

struct Unit {
  enum class Kind : uint32_t { product, quantize, dequantize, lookup, multiply, add };
  Kind kind = Kind::product;
  Product product;
  uint32_t x = WEFT_NONE, x2 = WEFT_NONE, y = WEFT_NONE;  // values; of products a and y
  Codes of_x, of_x2, of_y;
  Function function;  // of a lookup
};

// Reads nodes that are one unit, in the order of the graph. Throws common::Refusal.
Unit read_unit(const plugin::GraphView& graph, const std::vector<uint32_t>& nodes,
               const Limits& limits, uint64_t memory);

// The units of a whole graph, and a refusal for every node that is in none.
struct Units {
  std::vector<std::vector<uint32_t>> nodes;
  std::map<uint32_t, common::Refusal> refused;
};
Units find_units(const plugin::GraphView& graph, const Limits& limits, uint64_t memory);

}  // namespace weft::vulkan_npu
