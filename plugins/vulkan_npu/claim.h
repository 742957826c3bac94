// Integer matrix products as nodes say them: which the NPU runs, and what is refused in which
// words.
//
//   MatMulInteger   i8 [rows..., K] x i8 [K, N] -> i32, both zero points 0
//   and a DequantizeLinear of its sums, one scale or one per column -> f32
//   QLinearMatMul   i8 [rows..., K] x i8 [K, N] -> i8; one scale of a and y, one of b or one per
//                   column; the zero points of a and b are 0
//
// Every row of a result comes from the same row of the activations alone, which is what makes a
// claim with fixed shapes right when a run has fewer rows (WEFT_CLAIM_NEEDS_STATIC_SHAPES).
#pragma once

#include "plugins/vulkan_npu/instance.h"
#include "plugins/vulkan_npu/node_checks.h"

namespace weft::vulkan_npu {

struct Product {
  enum class Result : uint32_t { sums, codes, reals };   // i32, i8, f32
  uint32_t a = WEFT_NONE, b = WEFT_NONE, y = WEFT_NONE;  // values
  int64_t k = 0, n = 0;
  Result result = Result::sums;
  int32_t y_zero = 0;  // of codes
  float a_scale = 1, y_scale = 1;
  uint32_t scale = WEFT_NONE;  // of codes and reals, value: 1 or n floats
  bool has_steps() const { return result != Result::sums; }
  uint64_t item() const { return result == Result::codes ? 1 : 4; }  // bytes of an element of y
};

// Bytes of packed weights, and of the steps of a result in codes or reals behind them.
uint64_t weight_bytes(const Product& product);

// Reads a node. Throws common::Refusal when it is none for the NPU with at most `memory` bytes.
Product read_product(const plugin::NodeView& node, const Limits& limits, uint64_t memory);
// The same product with its sums dequantized by `dequantize`. Throws likewise.
Product with_reals(const Product& sums, const plugin::NodeView& dequantize, const Limits& limits);

}  // namespace weft::vulkan_npu
