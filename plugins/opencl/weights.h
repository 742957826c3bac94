// Constant matrices as the device keeps them: one packed copy each, which serves one row of x, many
// rows, and the rows of an embedding.
//
// Its lines (plugins/common/line_matrix.h) are columns of a weight or rows of an embedding; a head
// and an embedding of the same bytes share one copy.
//
//   panel    16 lines side by side: groups of 8 k, then scales [blocks][16], then zero points
//   part     the panels of one buffer; a matrix has as many parts as the device's largest
//            allocation asks for
//
// Floats are kept as halves or bfloat16 where those keep every bit, integers as codes of 4 or 8
// bits, scales as halves and zero points as bytes, or as a half over the scale, where that loses
// nothing. So a decoded element is bit for bit the f32 of (code - zero) * scale.
// kernels/any/prelude_weights.cl draws the words.
#pragma once

#include "plugins/common/line_matrix.h"
#include "plugins/opencl/context.h"

namespace weft::opencl {

// What kernels are told: Weight in kernels/any/prelude_weights.cl, field by field.
struct WeightForm {
  cl_int form = 0, k = 0, stride = 0, first = 0, columns = 0, group_words = 0, panel_words = 0,
         block = 0, scales_at = 0, zeros_at = 0, scale_form = 0, zero_form = 0;
  cl_float offset = 0, zero = 0;
};

struct PackedWeight {
  struct Part {
    ConstantRef bytes;
    WeightForm form;  // first and columns are this part's
    int64_t panels;
  };
  std::vector<Part> parts;
  int64_t n = 0, k = 0;
};

using common::columns_of;
using common::LineMatrix;
using common::rows_of;

// Throws a Refusal when the constant's form is not one that pack_weight() takes.
void check_weight(const plugin::GraphView& graph, const LineMatrix& matrix, const Limits& limits);
// The parts live as long as the result or whoever holds one of them.
// Throws Failure when the constant is shorter than its form says.
PackedWeight pack_weight(Context& context, const plugin::GraphView& graph,
                         const LineMatrix& matrix);

}  // namespace weft::opencl
