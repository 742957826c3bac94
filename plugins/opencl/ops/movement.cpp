// Ops that only move elements: strided copies, and none where an element is in its place already.
#include <algorithm>
#include <bit>

#include "plugins/opencl/op.h"
#include "plugins/opencl/view_copy.h"
#include "plugins/opencl/walk.h"
#include "quant/f16.h"

namespace weft::opencl {

namespace {

Kernel copier(Prepare& context) { return context.kernel("copy_elements"); }

// ------------------------------------------------------------------ same elements, other shape
Run prepare_reshape(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y](Submission& commands) {
    if (x->memory == y->memory && x->offset == y->offset) return;
    commands.copy(x->memory, x->offset, y->memory, y->offset, uint64_t(y->count) * y->item());
  };
}

// ------------------------------------------------------------------ Split, Concat
void check_split(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node.output(i) == WEFT_NONE)
      throw Refusal{WEFT_REFUSE_OTHER, "a split with an absent output"};
}

// The part of `whole` that is as large as `part`, from `at` of the axis on.
Strided part_of(const Tensor& whole, const Tensor& part, uint32_t axis, int64_t at) {
  Strided out = strided(whole);
  out.offset += uint64_t(at * out.stride[axis]) * whole.item();
  std::copy_n(part.shape, part.rank, out.shape);
  return out;
}

Run prepare_split(Prepare& context) {
  const Tensor* x = context.in[0];
  const uint32_t axis = axis_of(context.node.integer("axis", 0), x->rank);
  return [x, axis, out = context.out, kernel = copier(context)](Submission& commands) {
    int64_t at = 0;
    for (const Tensor* y : out) {
      copy_elements(kernel, part_of(*x, *y, axis, at), strided(*y), commands);
      at += y->shape[axis];
    }
  };
}

void check_concat(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  for (uint32_t i = 0; i < node->input_count; i++) need_input(node, i);
}

Run prepare_concat(Prepare& context) {
  const Tensor* y = context.out[0];
  const uint32_t axis = axis_of(context.node.integer("axis", 0), y->rank);
  return [y, axis, in = context.in, kernel = copier(context)](Submission& commands) {
    int64_t at = 0;
    for (const Tensor* x : in) {
      copy_elements(kernel, strided(*x), part_of(*y, *x, axis, at), commands);
      at += x->shape[axis];
    }
  };
}

// ------------------------------------------------------------------ Slice
void check_slice(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  need_known(node, 1);
  for (uint32_t i = 3; i < node->input_count; i++)
    if (node.has(i)) need_known(node, i);
}

Run prepare_slice(Prepare& context) {
  const Tensor *x = context.in[0], *starts = context.in[1], *y = context.out[0];
  const auto optional = [&](size_t i) { return i < context.in.size() ? context.in[i] : nullptr; };
  return [x, starts, y, axes = optional(3), steps = optional(4),
          kernel = copier(context)](Submission& commands) {
    Strided from = strided(*x);
    std::copy_n(y->shape, y->rank, from.shape);
    for (int64_t i = 0; i < starts->count; i++) {
      const uint32_t axis = axes ? axis_of(axes->known[i], x->rank) : uint32_t(i);
      const int64_t by = steps ? steps->known[i] : 1;
      if (axis >= x->rank || by == 0)
        throw Failure(WEFT_E_INVALID, "a slice along an axis that is not there, or by steps of 0");
      const int64_t size = x->shape[axis], last = y->shape[axis] - 1;
      int64_t start = starts->known[i] + (starts->known[i] < 0 ? size : 0);
      start = std::clamp<int64_t>(start, 0, by < 0 ? std::max<int64_t>(size - 1, 0) : size);
      if (last >= 0 && (start >= size || start + last * by < 0 || start + last * by >= size))
        throw Failure(WEFT_E_INVALID, "a slice that reaches outside its input");
      from.offset += uint64_t(start * from.stride[axis]) * x->item();
      from.stride[axis] *= by;
    }
    copy_elements(kernel, from, strided(*y), commands);
  };
}

// ------------------------------------------------------------------ Transpose, Expand, Tile
void check_transpose(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  const weft_attr* perm = node.attr("perm");
  const uint32_t rank = node.in(0).rank;
  if (!perm) return;
  bool fits = perm->type == WEFT_ATTR_INTS && perm->count == rank;
  for (uint32_t d = 0; fits && d < rank; d++) {
    const int64_t p = static_cast<const int64_t*>(perm->data)[d];
    fits = p >= 0 && p < int64_t(rank);
  }
  if (!fits)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "perm must name every dim once", WEFT_NONE, "perm"};
}

Run prepare_transpose(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  const weft_attr* attr = context.node.attr("perm");
  std::vector<uint32_t> perm;
  for (uint32_t d = 0; d < x->rank; d++)
    perm.push_back(attr ? uint32_t(static_cast<const int64_t*>(attr->data)[d]) : x->rank - 1 - d);
  return [x, y, perm, kernel = copier(context)](Submission& commands) {
    const Strided as_is = strided(*x);
    Strided from = as_is;
    for (uint32_t d = 0; d < y->rank; d++) {
      from.shape[d] = y->shape[d];
      from.stride[d] = as_is.stride[perm[d]];
    }
    copy_elements(kernel, from, strided(*y), commands);
  };
}

Run prepare_expand(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y, kernel = copier(context)](Submission& commands) {
    Strided from = strided(*y);
    from.memory = x->memory;
    from.offset = x->offset;
    for (uint32_t d = 0; d < y->rank; d++) from.stride[d] = broadcast_stride(*x, *y, d);
    copy_elements(kernel, from, strided(*y), commands);
  };
}

void check_tile(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  if (node.in(0).rank > kMaxRank / 2)
    throw Refusal{WEFT_REFUSE_RANK, "a tensor of more than four dims is tiled",
                  node.input(0),    {},
                  node.in(0).rank,  kMaxRank / 2};
}

// The repeats of a dim are one of their own, along which x stands still.
Run prepare_tile(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y, kernel = copier(context)](Submission& commands) {
    const Strided one = strided(*x), all = strided(*y);
    Strided from = one, to = all;
    from.rank = to.rank = 2 * x->rank;
    for (uint32_t d = 0; d < x->rank; d++) {
      const int64_t size = x->shape[d];
      from.shape[2 * d] = to.shape[2 * d] = size ? y->shape[d] / size : 0;
      from.shape[2 * d + 1] = to.shape[2 * d + 1] = size;
      from.stride[2 * d] = 0;
      to.stride[2 * d] = size * all.stride[d];
      from.stride[2 * d + 1] = one.stride[d];
      to.stride[2 * d + 1] = all.stride[d];
    }
    copy_elements(kernel, from, to, commands);
  };
}

// ------------------------------------------------------------------ ConstantOfShape
void check_fill(const NodeView& node, const Limits& limits) {
  const uint32_t dtype = node.out(0).dtype;
  if (!is_real(dtype) && !is_whole(dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, text("a fill of %s", common::dtype_name(dtype)),
                  node.output(0)};
  check_tensors(limits, node);
}

// A value as the bytes of an element.
uint64_t bytes_of(uint32_t dtype, float real, int64_t whole) {
  if (dtype == WEFT_F32) return std::bit_cast<uint32_t>(real);
  if (dtype == WEFT_F16) return quant::f32_to_f16(real);
  if (dtype == WEFT_BF16) return quant::f32_to_bf16(real);
  return dtype == WEFT_BOOL ? whole != 0 : uint64_t(whole);
}

// The value stands in memory once, and is broadcast.
Run prepare_fill(Prepare& context) {
  const NodeView& node = context.node;
  const int64_t whole = node.integer("value", 0);
  const float real = node.real("value", float(whole));
  const Tensor* y = context.out[0];
  const uint64_t bytes = bytes_of(y->dtype, real, whole);  // low ones first
  return [y, memory = context.context.copy_of(&bytes, sizeof bytes),
          kernel = copier(context)](Submission& commands) {
    Strided from = strided(*y);
    from.memory = memory.get();
    from.offset = 0;
    std::fill_n(from.stride, kMaxRank, 0);
    copy_elements(kernel, from, strided(*y), commands);
  };
}

bool all_on_host(const NodeView&, uint32_t) { return true; }

}  // namespace

extern const OpRow reshape_row = {check_movable, prepare_reshape, nullptr, parameters_on_host};
extern const OpRow split_row = {check_split, prepare_split, nullptr, parameters_on_host};
extern const OpRow concat_row = {check_concat, prepare_concat};
extern const OpRow slice_row = {check_slice, prepare_slice, nullptr, parameters_on_host};
extern const OpRow transpose_row = {check_transpose, prepare_transpose};
extern const OpRow expand_row = {check_movable, prepare_expand, nullptr, parameters_on_host};
extern const OpRow tile_row = {check_tile, prepare_tile, nullptr, parameters_on_host};
extern const OpRow constant_of_shape_row = {check_fill, prepare_fill, nullptr, all_on_host};

}  // namespace weft::opencl
