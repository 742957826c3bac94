// Which nodes the NPU runs, and what a claimed node says: integer matrix products whose weights,
// scales and zero points are constants.
//
//   MatMulInteger   i8 [rows..., K] x i8 [K, N] -> i32, both zero points 0
//   QLinearMatMul   i8 [rows..., K] x i8 [K, N] -> i8; one scale of a and y, one of b or one per
//                   column; the zero points of a and b are 0
//
// Every row of a result comes from the same row of the activations alone, which is what makes a
// claim with fixed shapes right when a run has fewer rows (WEFT_CLAIM_NEEDS_STATIC_SHAPES).
#pragma once

#include "plugins/common/row.h"
#include "plugins/vulkan_npu/instance.h"
#include "weft/plugin.hpp"

namespace weft::vulkan_npu {

struct Product {
  uint32_t a = WEFT_NONE, b = WEFT_NONE, y = WEFT_NONE;  // values
  int64_t k = 0, n = 0;
  bool to_i8 = false;  // QLinearMatMul
  int32_t y_zero = 0;  // and its zero point
  float a_scale = 1, y_scale = 1;
  uint32_t b_scale = WEFT_NONE;  // value: 1 or n floats
};

// Bytes of packed weights, and of the steps of a result in i8 behind them.
uint64_t weight_bytes(const Product& product);

// Reads a node. Throws common::Refusal when it is none for the NPU with at most `memory` bytes.
Product read_product(const plugin::NodeView& node, const Limits& limits, uint64_t memory);

}  // namespace weft::vulkan_npu
