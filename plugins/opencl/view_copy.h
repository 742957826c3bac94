// Copies between views of the device's memory, with gaps or without.
#pragma once

#include "plugins/common/host_memory.h"
#include "plugins/opencl/buffer.h"
#include "plugins/opencl/submission.h"

namespace weft::opencl {

// Elements with strides: a view of the ABI, or a tight tensor.
struct Strided {
  cl_mem memory = nullptr;
  uint64_t offset = 0;  // bytes
  uint32_t dtype = 0;
  uint32_t rank = 0;
  int64_t shape[kMaxRank] = {};
  int64_t stride[kMaxRank] = {};  // elements

  bool is_tight() const { return common::is_tight(shape, stride, rank); }
  int64_t count() const;
};

// Throws Failure unless the whole view lies inside its buffer and is aligned to its elements.
Strided strided(const weft_view& view);
Strided strided(const Tensor& tensor);

// Enqueues the copy; shapes and dtypes are equal, and places that are one take none. `kernel` is
// "copy_elements" of the library.
void copy_elements(const Kernel& kernel, const Strided& from, const Strided& to,
                   Submission& commands);
// The same with a kernel that is made when it is first needed.
void copy_elements(Context& context, std::unique_ptr<Kernel>& kernel, const Strided& from,
                   const Strided& to, Submission& commands);

}  // namespace weft::opencl
