// TensorScatter, linear: rows of an update written into a cache from write_indices on.
//
// Nothing moves that is in place already: a cache that is updated where it lies is not copied, and
// an update computed as a view of the cache is not copied either.
#include "plugins/opencl/op.h"
#include "plugins/opencl/view_copy.h"

namespace weft::opencl {

namespace {

void check(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  need_input(node, 1);
  if (node.string("mode", "linear") != "linear")
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "only linear updates", WEFT_NONE, "mode"};
  if (node.has(2)) need_known(node, 2);
  const uint32_t rank = node.in(0).rank;
  if (rank < 2 || axis_of(node.integer("axis", -2), rank) == 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "the axis cannot be the batch", WEFT_NONE, "axis"};
}

Run prepare(Prepare& context) {
  const Tensor *cache = context.in[0], *update = context.in[1], *y = context.out[0];
  const Tensor* indices = context.in.size() > 2 ? context.in[2] : nullptr;
  const uint32_t axis = axis_of(context.node.integer("axis", -2), cache->rank);
  return [=, kernel = context.kernel("copy_elements")](Submission& commands) {
    if (y->memory != cache->memory || y->offset != cache->offset)
      commands.copy(cache->memory, cache->offset, y->memory, y->offset,
                    uint64_t(y->count) * y->item());
    for (int64_t b = 0; b < cache->shape[0]; b++) {
      const int64_t at = indices ? indices->known[b] : 0;
      if (at < 0 || at + update->shape[axis] > cache->shape[axis])
        throw Failure(WEFT_E_INVALID, "the update does not fit into the cache at its write index");
      Strided from = strided(*update), to = strided(*y);
      from.shape[0] = to.shape[0] = 1;
      to.shape[axis] = from.shape[axis];
      from.offset += uint64_t(b * from.stride[0]) * y->item();
      to.offset += uint64_t(b * to.stride[0] + at * to.stride[axis]) * y->item();
      // The update may lie in the cache already.
      if (from.memory != to.memory || from.offset != to.offset)
        copy_elements(kernel, from, to, commands);
    }
  };
}

bool on_host(const NodeView&, uint32_t i) { return i == 2; }

}  // namespace

extern const OpRow tensor_scatter_row = {check, prepare, nullptr, on_host};

}  // namespace weft::opencl
