// Strides of broadcast operands; see walk.h.
#include "plugins/opencl/walk.h"

namespace weft::opencl {

int64_t broadcast_stride(const Tensor& x, const Tensor& y, uint32_t d) {
  const int64_t mine = int64_t(d) + x.rank - y.rank;
  if (mine < 0 || x.shape[mine] == 1) return 0;
  return x.inner(uint32_t(mine) + 1);
}

Walk<2> walk_of(const Tensor& a, const Tensor& b, const Tensor& y) {
  Walk<2> walk;
  for (uint32_t d = 0; d < y.rank; d++)
    walk.add(y.shape[d], {broadcast_stride(a, y, d), broadcast_stride(b, y, d)});
  return walk;
}

Walk<3> walk_of(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& y) {
  Walk<3> walk;
  for (uint32_t d = 0; d < y.rank; d++)
    walk.add(y.shape[d],
             {broadcast_stride(a, y, d), broadcast_stride(b, y, d), broadcast_stride(c, y, d)});
  return walk;
}

}  // namespace weft::opencl
