// TensorScatter, linear: rows of an update written into a cache from write_indices on.
//
// Nothing moves that is in place already: a cache that is updated where it lies is not copied, and
// an update computed as a view of the cache is not copied either.
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

struct State {
  int64_t axis;
};

void check(const NodeView& node) {
  need_input(node, 0);
  need_input(node, 1);
  need_plain(node);
  if (node.string("mode", "linear") != "linear")
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "only linear updates", WEFT_NONE, "mode"};
  if (!element_size(node.in(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(0)};
  if (node.has(2)) need_dtype(node, 2, WEFT_I64);
  const uint32_t rank = node.in(0).rank;
  if (rank < 2 || axis_of(node.integer("axis", -2), rank) == 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "the axis cannot be the batch", WEFT_NONE, "axis"};
}

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<State>(State{context.node.integer("axis", -2)});
}

void run(const Step& step, const Team& team) {
  const State& state = *static_cast<const State*>(step.state);
  const Operand &cache = *step.in[0], &update = *step.in[1], &y = *step.out[0];
  const uint32_t axis = axis_of(state.axis, cache.rank);
  const int64_t item = element_size(cache.dtype);
  const int64_t row_bytes = product(cache, axis + 1, cache.rank) * item;
  const int64_t capacity = cache.shape[axis], rows = update.shape[axis];
  const int64_t middle = product(cache, 1, axis);
  if (y.data != cache.data && team.id == 0)
    std::memmove(y.data, cache.data, size_t(cache.count * item));
  for (int64_t b = 0; b < cache.shape[0]; b++) {
    const int64_t at = step.in_count > 2 && step.in[2] ? data<int64_t>(step.in[2])[b] : 0;
    if (at < 0 || at + rows > capacity) {
      fault(step, WEFT_E_INVALID, "the update does not fit into the cache at its write index");
      return;
    }
    for (int64_t m = 0; m < middle; m++) {
      const char* from = update.data + (b * middle + m) * rows * row_bytes;
      char* to = y.data + ((b * middle + m) * capacity + at) * row_bytes;
      if (to != from) std::memmove(to, from, size_t(rows * row_bytes));
    }
  }
}

}  // namespace

extern const OpRow tensor_scatter_row = {"", "TensorScatter", check, prepare, run};

}  // namespace weft::cpu
