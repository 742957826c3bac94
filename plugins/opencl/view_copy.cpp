// Range checks, and the copy as one command; see view_copy.h.
#include "plugins/opencl/view_copy.h"

#include <algorithm>

#include "plugins/opencl/walk.h"

namespace weft::opencl {

namespace {
constexpr uint32_t kLargestItem = 16;  // bytes that a kernel moves at once
}

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

namespace {

// A copy in elements as large as every place and stride is a multiple of.
struct Plan {
  Walk<2> walk;
  int64_t from, to;  // elements
  uint32_t item;
};

bool is_even(const Plan& plan) {
  const Walk<2>& walk = plan.walk;
  const uint32_t last = walk.rank - 1;
  bool even = walk.stride[0][last] == 1 && walk.stride[1][last] == 1 && plan.from % 2 == 0 &&
              plan.to % 2 == 0 && walk.shape[last] % 2 == 0;
  for (uint32_t d = 0; even && d < last; d++)
    even = walk.stride[0][d] % 2 == 0 && walk.stride[1][d] % 2 == 0;
  return even;
}

Plan plan_of(const Strided& from, const Strided& to) {
  Plan plan{{}, 0, 0, common::element_size(from.dtype)};
  for (uint32_t d = 0; d < from.rank; d++)
    plan.walk.add(from.shape[d], {from.stride[d], to.stride[d]});
  plan.from = int64_t(from.offset / plan.item);
  plan.to = int64_t(to.offset / plan.item);
  while (plan.item < kLargestItem && plan.walk.rank && is_even(plan)) {
    Walk<2>& walk = plan.walk;
    const uint32_t last = walk.rank - 1;
    for (uint32_t d = 0; d < last; d++)
      for (uint32_t o : {0u, 1u}) walk.stride[o][d] /= 2;
    walk.shape[last] /= 2;
    plan.from /= 2, plan.to /= 2, plan.item *= 2;
  }
  return plan;
}

}  // namespace

void copy_elements(const Kernel& kernel, const Strided& from, const Strided& to,
                   Submission& commands) {
  const int64_t count = from.count();
  if (count == 0) return;
  if (from.is_tight() && to.is_tight()) {
    if (from.memory == to.memory && from.offset == to.offset) return;
    commands.copy(from.memory, from.offset, to.memory, to.offset,
                  uint64_t(count) * common::element_size(from.dtype));
    return;
  }
  const Plan plan = plan_of(from, to);
  const cl_long items = plan.walk.count();
  kernel.arguments(from.memory, cl_long(plan.from), to.memory, cl_long(plan.to), plan.walk.dims(),
                   plan.walk.strides(0), plan.walk.strides(1), items, cl_int(plan.item));
  commands.launch(kernel, {{size_t(items), 1, 1}, {64, 1, 1}});
}

void copy_elements(Context& context, std::unique_ptr<Kernel>& kernel, const Strided& from,
                   const Strided& to, Submission& commands) {
  if (!kernel) {
    context.kernels().ensure(nullptr, 0);
    kernel = std::make_unique<Kernel>(context.kernels().kernel("copy_elements"), "copy_elements",
                                      context.facts.id);
  }
  copy_elements(*kernel, from, to, commands);
}

}  // namespace weft::opencl
