// GatherElements, ScatterElements and ScatterND: elements whose places are computed.
//
// A scatter runs on one thread: places may repeat, and then the order of the updates counts.
#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

enum class Reduction { none, add, mul, max, min };

struct State {
  int64_t axis;
  Reduction reduction;
};

// The position in `x` of position `at` of `indices`, with the index along `axis` read from there;
// false after a fault.
bool place_of(const Step& step, const Operand& x, const Operand& indices, uint32_t axis, int64_t at,
              int64_t& place) {
  int64_t along;
  if (!in_axis(step, integer_at(indices, at), x.shape[axis], along)) return false;
  place = along * x.stride[axis];
  for (uint32_t d = x.rank; d-- > 0;) {
    if (d != axis) place += at % indices.shape[d] * x.stride[d];
    at /= indices.shape[d];
  }
  return true;
}

// Whether x has every position that the indices may mean; a fault where not.
bool fits(const Step& step, const Team& team, const Operand& x, const Operand& indices,
          uint32_t axis) {
  for (uint32_t d = 0; d < x.rank; d++) {
    if (d == axis || indices.shape[d] <= x.shape[d]) continue;
    if (team.id == 0) fault(step, WEFT_E_INVALID, "there are more indices than the data is wide");
    return false;
  }
  return true;
}

void check_gather(const NodeView& node) {
  need_movable(node);
  need_indices(node, 1);
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const std::string how = context.node.string("reduction", "none");
  const Reduction reduction = how == "add"   ? Reduction::add
                              : how == "mul" ? Reduction::mul
                              : how == "max" ? Reduction::max
                              : how == "min" ? Reduction::min
                                             : Reduction::none;
  return std::make_shared<State>(State{context.node.integer("axis", 0), reduction});
}

void run_gather(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &indices = *step.in[1], &y = *step.out[0];
  const uint32_t axis = axis_of(static_cast<const State*>(step.state)->axis, x.rank);
  const size_t item = element_size(x.dtype);
  if (!fits(step, team, x, indices, axis)) return;
  const Range mine = share(y.count, team.id, team.size);
  for (int64_t i = mine.begin, place; i < mine.end; i++) {
    if (!place_of(step, x, indices, axis, i, place)) return;
    std::memcpy(y.data + size_t(i) * item, x.data + size_t(place) * item, item);
  }
}

template <typename Number>
Number combined(Reduction how, Number old, Number update) {
  switch (how) {
    case Reduction::add:
      return old + update;
    case Reduction::mul:
      return old * update;
    case Reduction::max:
      return old > update ? old : update;
    case Reduction::min:
      return old < update ? old : update;
    default:
      return update;
  }
}

// `count` elements of the updates from `from` on, at `to` of y.
void update(const Step& step, Reduction how, int64_t from, int64_t to, int64_t count) {
  const Operand &updates = *step.in[2], &y = *step.out[0];
  const int64_t item = element_size(y.dtype);
  if (how == Reduction::none) {
    std::memcpy(y.data + to * item, updates.data + from * item, size_t(count * item));
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    if (is_real(y.dtype)) {
      put_real(y, to + i, combined(how, real_at(y, to + i), real_at(updates, from + i)));
    } else if (how == Reduction::max || how == Reduction::min) {
      put_integer(y, to + i, combined(how, integer_at(y, to + i), integer_at(updates, from + i)));
    } else {  // unsigned: sums and products wrap
      const uint64_t old = uint64_t(integer_at(y, to + i));
      const uint64_t now = combined(how, old, uint64_t(integer_at(updates, from + i)));
      put_integer(y, to + i, int64_t(now));
    }
  }
}

void copy_input(const Step& step) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  if (x.data != y.data && y.count)
    std::memmove(y.data, x.data, size_t(y.count) * element_size(y.dtype));
}

void check_scatter(const NodeView& node) {
  check_gather(node);
  need_input(node, 2);
  need_dtype(node, 2, node.in(0).dtype);
  if (!is_real(node.in(0).dtype) && !is_whole(node.in(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements that are no numbers", node.input(0)};
}

void run_scatter_elements(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const Operand &indices = *step.in[1], &y = *step.out[0];
  const uint32_t axis = axis_of(s.axis, y.rank);
  if (!fits(step, team, y, indices, axis)) return;
  copy_input(step);
  for (int64_t i = 0, place; i < std::min(indices.count, step.in[2]->count); i++) {
    if (!place_of(step, y, indices, axis, i, place)) return;
    update(step, s.reduction, i, place, 1);
  }
}

void run_scatter_nd(const Step& step, const Team&) {
  const State& s = *static_cast<const State*>(step.state);
  const Operand &indices = *step.in[1], &y = *step.out[0];
  copy_input(step);
  const int64_t depth = indices.shape[indices.rank - 1];
  const int64_t size = product(y, uint32_t(depth), y.rank);
  if (depth == 0 || size == 0) return;
  const int64_t pieces = std::min(indices.count / depth, step.in[2]->count / size);
  for (int64_t piece = 0; piece < pieces; piece++) {
    int64_t place = 0;
    for (int64_t d = 0, along; d < depth; d++) {
      if (!in_axis(step, integer_at(indices, piece * depth + d), y.shape[d], along)) return;
      place += along * y.stride[d];
    }
    update(step, s.reduction, piece * size, place, size);
  }
}

}  // namespace

extern const OpRow gather_elements_row = {
    "", "GatherElements", check_gather, prepare, run_gather, nullptr, nullptr, threads_by_elements};
extern const OpRow scatter_elements_row = {"", "ScatterElements", check_scatter, prepare,
                                           run_scatter_elements};
extern const OpRow scatter_nd_row = {"", "ScatterND", check_scatter, prepare, run_scatter_nd};

}  // namespace weft::cpu
