// Ops that only move elements: a strided copy each, and none where source and destination coincide.
#include "plugins/common/host_memory.h"
#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

// A strided copy shared among the team by the first dim that has more than one element.
void copy_shared(const Team& team, const char* src, const int64_t* src_stride, char* dst,
                 const int64_t* dst_stride, const int64_t* shape, uint32_t rank, uint32_t item) {
  if (src == dst && std::equal(src_stride, src_stride + rank, dst_stride)) return;
  int64_t part[common::kMaxRank];
  std::copy_n(shape, rank, part);
  uint32_t d = 0;
  while (d < rank && shape[d] == 1) d++;
  if (d == rank) {
    if (team.id > 0) return;
  } else {
    const Range mine = share(shape[d], team.id, team.size);
    part[d] = mine.end - mine.begin;
    src += mine.begin * src_stride[d] * item;
    dst += mine.begin * dst_stride[d] * item;
  }
  common::copy_elements(src, src_stride, dst, dst_stride, part, rank, item);
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count, 32 * 1024, most);
}

struct State {
  int64_t axis;
  int64_t perm[common::kMaxRank];
};

std::shared_ptr<const void> prepare_axis(Prepare& context) {
  return std::make_shared<State>(State{context.node.integer("axis", 0), {}});
}

// ------------------------------------------------------------------ same elements, other shape
void run_reshape(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  if (x.data == y.data) return;
  const Range mine = share(y.count, team.id, team.size);
  const int64_t item = element_size(y.dtype);
  std::memmove(y.data + mine.begin * item, x.data + mine.begin * item,
               size_t((mine.end - mine.begin) * item));
}

// ------------------------------------------------------------------ Split, Concat
void run_split(const Step& step, const Team& team) {
  const Operand& x = *step.in[0];
  const uint32_t axis = axis_of(static_cast<const State*>(step.state)->axis, x.rank);
  const uint32_t item = element_size(x.dtype);
  int64_t at = 0;
  for (uint32_t i = 0; i < step.out_count; i++) {
    const Operand* y = step.out[i];
    if (!y) {
      fault(step, WEFT_E_INVALID, "a split with an absent output");
      return;
    }
    copy_shared(team, x.data + at * x.stride[axis] * item, x.stride, y->data, y->stride, y->shape,
                y->rank, item);
    at += y->shape[axis];
  }
}

void run_concat(const Step& step, const Team& team) {
  const Operand& y = *step.out[0];
  const uint32_t axis = axis_of(static_cast<const State*>(step.state)->axis, y.rank);
  const uint32_t item = element_size(y.dtype);
  int64_t at = 0;
  for (uint32_t i = 0; i < step.in_count; i++) {
    const Operand& x = *step.in[i];
    copy_shared(team, x.data, x.stride, y.data + at * y.stride[axis] * item, y.stride, x.shape,
                x.rank, item);
    at += x.shape[axis];
  }
}

void check_split(const NodeView& node) {
  need_movable(node);
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node.output(i) == WEFT_NONE)
      throw Refusal{WEFT_REFUSE_OTHER, "a split with an absent output"};
}

uint32_t split_threads(const Step& step, uint32_t most) {
  return threads_for(step.in[0]->count, 32 * 1024, most);
}

// ------------------------------------------------------------------ Slice
void check_slice(const NodeView& node) {
  need_movable(node);
  for (uint32_t i = 1; i < node->input_count; i++) {
    if (i < 3) need_input(node, i);
    if (node.has(i) && node.in(i).dtype != WEFT_I64 && node.in(i).dtype != WEFT_I32)
      throw Refusal{WEFT_REFUSE_DTYPE, "slice bounds must be integers", node.input(i)};
  }
}

void run_slice(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  const uint32_t item = element_size(x.dtype);
  int64_t stride[common::kMaxRank];
  std::copy_n(x.stride, x.rank, stride);
  const char* from = x.data;
  const Operand* axes = step.in_count > 3 ? step.in[3] : nullptr;
  const Operand* steps = step.in_count > 4 ? step.in[4] : nullptr;
  for (int64_t i = 0; i < step.in[1]->count; i++) {
    const uint32_t axis = axes ? axis_of(integer_at(*axes, i), x.rank) : uint32_t(i);
    const int64_t by = steps ? integer_at(*steps, i) : 1;
    if (axis >= x.rank || by == 0) {
      fault(step, WEFT_E_INVALID, "a slice along an axis that is not there, or by steps of 0");
      return;
    }
    const int64_t size = x.shape[axis];
    int64_t start = integer_at(*step.in[1], i);
    if (start < 0) start += size;
    start = std::clamp<int64_t>(start, 0, by < 0 ? std::max<int64_t>(size - 1, 0) : size);
    if (y.shape[axis] > 0 &&
        (start + (y.shape[axis] - 1) * by < 0 || start + (y.shape[axis] - 1) * by >= size)) {
      fault(step, WEFT_E_INVALID, "a slice that reaches outside its input");
      return;
    }
    from += start * x.stride[axis] * item;
    stride[axis] *= by;
  }
  if (y.count == 0) return;
  copy_shared(team, from, stride, y.data, y.stride, y.shape, y.rank, item);
}

// ------------------------------------------------------------------ Transpose, Expand
std::shared_ptr<const void> prepare_transpose(Prepare& context) {
  const NodeView& node = context.node;
  State s{};
  const uint32_t rank = node.in(0).rank;
  const weft_attr* perm = node.attr("perm");
  for (uint32_t d = 0; d < rank; d++)
    s.perm[d] = perm ? static_cast<const int64_t*>(perm->data)[d] : int64_t(rank - 1 - d);
  return std::make_shared<State>(s);
}

void check_transpose(const NodeView& node) {
  need_movable(node);
  const weft_attr* perm = node.attr("perm");
  const uint32_t rank = node.in(0).rank;
  if (!perm) return;
  if (perm->type != WEFT_ATTR_INTS || perm->count != rank)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "perm must name every dim once", WEFT_NONE, "perm"};
  for (uint32_t d = 0; d < rank; d++)
    if (const int64_t p = static_cast<const int64_t*>(perm->data)[d]; p < 0 || p >= int64_t(rank))
      throw Refusal{WEFT_REFUSE_ATTRIBUTE, "perm must name every dim once", WEFT_NONE, "perm"};
}

void run_transpose(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const Operand &x = *step.in[0], &y = *step.out[0];
  int64_t stride[common::kMaxRank];
  for (uint32_t d = 0; d < y.rank; d++) stride[d] = x.stride[s.perm[d]];
  copy_shared(team, x.data, stride, y.data, y.stride, y.shape, y.rank, element_size(x.dtype));
}

void run_expand(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  int64_t stride[common::kMaxRank];
  broadcast_strides(x, y, stride);
  copy_shared(team, x.data, stride, y.data, y.stride, y.shape, y.rank, element_size(x.dtype));
}

// ------------------------------------------------------------------ Tile
// Each tile of y is a copy of x.
void run_tile(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  if (y.count == 0) return;
  const uint32_t item = element_size(x.dtype);
  const Range tiles = share(y.count / x.count, team.id, team.size);
  for (int64_t tile = tiles.begin; tile < tiles.end; tile++) {
    int64_t at = 0, rest = tile;
    for (uint32_t d = x.rank; d-- > 0;) {
      const int64_t repeats = y.shape[d] / x.shape[d];
      at += rest % repeats * x.shape[d] * y.stride[d];
      rest /= repeats;
    }
    common::copy_elements(x.data, x.stride, y.data + at * item, y.stride, x.shape, x.rank, item);
  }
}

}  // namespace

extern const OpRow reshape_row = {"",          "",      need_movable, nullptr,
                                  run_reshape, nullptr, nullptr,      threads};
extern const OpRow split_row = {"",        "Split", check_split, prepare_axis,
                                run_split, nullptr, nullptr,     split_threads};
extern const OpRow concat_row = {"",         "Concat", need_movable, prepare_axis,
                                 run_concat, nullptr,  nullptr,      threads};
extern const OpRow slice_row = {"",        "Slice", check_slice, nullptr,
                                run_slice, nullptr, nullptr,     threads};
extern const OpRow transpose_row = {
    "", "Transpose", check_transpose, prepare_transpose, run_transpose, nullptr, nullptr, threads};
extern const OpRow expand_row = {"",         "Expand", need_movable, nullptr,
                                 run_expand, nullptr,  nullptr,      threads};
extern const OpRow tile_row = {"",       "Tile",  need_movable, nullptr,
                               run_tile, nullptr, nullptr,      threads};

}  // namespace weft::cpu
