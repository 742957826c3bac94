// A tensor of one run, as an op sees it: where it is, and its shape.
#pragma once

#include <CL/cl.h>

#include <cstdint>

#include "plugins/common/operand.h"
#include "plugins/common/row.h"

namespace weft::opencl {

using common::kMaxRank;

struct Tensor {
  cl_mem memory = nullptr;  // null while unresolved
  uint64_t offset = 0;      // bytes
  uint32_t dtype = 0;
  uint32_t rank = 0;
  int64_t shape[kMaxRank] = {};
  int64_t count = 0;  // product of shape
  // The elements, where the host has them: a small integer constant, or contents of this run.
  const int64_t* known = nullptr;

  uint32_t item() const { return common::element_size(dtype); }
  // Product of the dims from `from` on.
  int64_t inner(uint32_t from) const {
    int64_t n = 1;
    for (uint32_t d = from; d < rank; d++) n *= shape[d];
    return n;
  }
};

}  // namespace weft::opencl
