// The dims that several operands are walked over together, as few as their strides allow.
//
//   shape [2, 3, 4], strides {12, 4, 1} and {0, 4, 1}   becomes   shape [2, 12], {12, 1} and {0, 1}
//
// Dims of one element go, and a dim joins the next where every operand goes on through both.
#pragma once

#include <CL/cl.h>

#include "plugins/opencl/tensor.h"

namespace weft::opencl {

template <uint32_t operands>
struct Walk {
  uint32_t rank = 0;
  int64_t shape[kMaxRank] = {};
  int64_t stride[operands][kMaxRank] = {};

  int64_t count() const {
    int64_t n = 1;
    for (uint32_t d = 0; d < rank; d++) n *= shape[d];
    return n;
  }
  // Appends a dim behind the others.
  void add(int64_t size, const int64_t (&steps)[operands]) {
    if (size == 1) return;
    bool joins = rank > 0;
    for (uint32_t o = 0; joins && o < operands; o++) joins = stride[o][rank - 1] == steps[o] * size;
    if (!joins) {
      shape[rank] = 1;
      rank++;
    }
    shape[rank - 1] *= size;
    for (uint32_t o = 0; o < operands; o++) stride[o][rank - 1] = steps[o];
  }
  // The dims as kernels take them: innermost last, ones in front.
  cl_long8 dims() const { return padded(shape, 1); }
  cl_long8 strides(uint32_t operand) const { return padded(stride[operand], 0); }

 private:
  cl_long8 padded(const int64_t* list, int64_t other) const {
    cl_long8 out;
    for (uint32_t d = 0; d < 8; d++) out.s[d] = d + rank < 8 ? other : list[d + rank - 8];
    return out;
  }
};

// Elements from one of dim `d` of y to the next in x, which broadcasts to y and is tight; 0 where
// it stands still.
int64_t broadcast_stride(const Tensor& x, const Tensor& y, uint32_t d);
// All inputs over the dims of y.
Walk<2> walk_of(const Tensor& a, const Tensor& b, const Tensor& y);
Walk<3> walk_of(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& y);

}  // namespace weft::opencl
