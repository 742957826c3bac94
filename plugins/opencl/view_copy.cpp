// Range checks, and the copy as one command; see view_copy.h.
#include "plugins/opencl/view_copy.h"

#include <algorithm>

namespace weft::opencl {

int64_t Strided::count() const {
  int64_t n = 1;
  for (uint32_t d = 0; d < rank; d++) n *= shape[d];
  return n;
}

Strided strided(const weft_view& view) {
  if (!view.buffer) throw Failure(WEFT_E_INVALID, "a view names no buffer");
  const auto& buffer = static_cast<const DeviceBuffer&>(*plugin::object(view.buffer));
  common::check_view(view, buffer.size());
  Strided out{buffer.memory(), buffer.base() + view.byte_offset, view.dtype, view.rank, {}, {}};
  // An imported range may start between elements.
  if (out.offset % common::element_size(view.dtype))
    throw Failure(WEFT_E_INVALID, "a view is not aligned to its elements");
  std::copy_n(view.shape, view.rank, out.shape);
  std::copy_n(view.stride, view.rank, out.stride);
  return out;
}

Strided strided(const Tensor& tensor) {
  Strided out{tensor.memory, tensor.offset, tensor.dtype, tensor.rank, {}, {}};
  int64_t step = 1;
  for (uint32_t d = tensor.rank; d-- > 0;) {
    out.shape[d] = tensor.shape[d];
    out.stride[d] = step;
    step *= tensor.shape[d];
  }
  return out;
}

void copy_elements(Context& context, std::unique_ptr<Kernel>& kernel, const Strided& from,
                   const Strided& to, Submission& commands) {
  const int64_t count = from.count();
  const uint32_t item = common::element_size(from.dtype);
  if (count == 0) return;
  if (from.is_tight() && to.is_tight()) {
    commands.copy(from.memory, from.offset, to.memory, to.offset, uint64_t(count) * item);
    return;
  }
  if (!kernel) {
    context.kernels().ensure(nullptr, 0);
    kernel = std::make_unique<Kernel>(context.kernel("copy_elements"));
  }
  cl_long8 shape{}, from_stride{}, to_stride{};
  for (uint32_t d = 0; d < kMaxRank; d++) {
    shape.s[d] = d < from.rank ? from.shape[d] : 1;
    from_stride.s[d] = d < from.rank ? from.stride[d] : 0;
    to_stride.s[d] = d < from.rank ? to.stride[d] : 0;
  }
  kernel->arguments(from.memory, cl_long(from.offset / item), to.memory, cl_long(to.offset / item),
                    shape, from_stride, to_stride, cl_long(count), cl_int(item));
  commands.launch(*kernel, {{size_t(count), 1, 1}, {64, 1, 1}});
}

}  // namespace weft::opencl
