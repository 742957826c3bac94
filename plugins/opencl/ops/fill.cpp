// Pad, Trilu and Range: tensors that are numbers of no input in places or everywhere.
#include <cstring>

#include "plugins/opencl/op.h"

namespace weft::opencl {

namespace {

Grid line(int64_t count) { return {{size_t(count), 1, 1}, {64, 1, 1}}; }

// ------------------------------------------------------------------ Pad
void check_pad(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  need_known(node, 1);
  if (node.has(2)) need_dtype(node, 2, node.in(0).dtype);
  if (node.has(3)) need_known(node, 3);
}

// As kernels/any/pad.cl numbers them.
int mode_of(const std::string& mode) {
  return mode == "edge" ? 1 : mode == "reflect" ? 2 : mode == "wrap" ? 3 : 0;
}

bool pad_on_host(const NodeView&, uint32_t i) { return i == 1 || i == 3; }

// A list of dims as kernels take them: innermost last.
cl_long8 behind(const int64_t* list, uint32_t rank, int64_t other) {
  cl_long8 out;
  for (uint32_t d = 0; d < 8; d++) out.s[d] = d + rank < 8 ? other : list[d + rank - 8];
  return out;
}

Run prepare_pad(Prepare& context) {
  const Tensor *x = context.in[0], *pads = context.in[1], *y = context.out[0];
  const auto optional = [&](size_t i) { return i < context.in.size() ? context.in[i] : nullptr; };
  const Tensor *value = optional(2), *axes = optional(3);
  const int mode = mode_of(context.node.string("mode", "constant"));
  const uint64_t nothing = 0;
  return [=, zeros = context.context.copy_of(&nothing, sizeof nothing),
          kernel = context.kernel("pad")](Submission& commands) {
    if (y->count && !x->count && mode != 0)
      throw Failure(WEFT_E_INVALID, "there is nothing to repeat");
    int64_t before[kMaxRank] = {}, stride[kMaxRank] = {};
    for (int64_t i = 0; i < pads->count / 2; i++)
      before[axes ? axis_of(axes->known[i], x->rank) : uint32_t(i)] = pads->known[i];
    for (uint32_t d = 0; d < x->rank; d++) stride[d] = x->inner(d + 1);
    const bool has_value = value && value->count;
    Tensor fill = has_value ? *value : *x;
    if (!has_value) fill.memory = zeros.get(), fill.offset = 0;
    kernel.arguments(*x, fill, *y, cl_long(y->count), behind(y->shape, y->rank, 1),
                     behind(x->shape, x->rank, 1), behind(stride, x->rank, 0),
                     behind(before, x->rank, 0), cl_int(mode), cl_int(x->item()));
    commands.launch(kernel, line(y->count));
  };
}

// ------------------------------------------------------------------ Trilu
void check_trilu(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  if (node.has(1)) need_known(node, 1);
}

Run prepare_trilu(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  const Tensor* k = context.in.size() > 1 ? context.in[1] : nullptr;
  const cl_int upper = context.node.integer("upper", 1) != 0;
  return [=, kernel = context.kernel("trilu")](Submission& commands) {
    kernel.arguments(*x, *y, cl_long(y->count), cl_long(x->shape[x->rank - 2]),
                     cl_long(x->shape[x->rank - 1]), cl_long(k ? k->known[0] : 0), upper,
                     cl_int(x->item()));
    commands.launch(kernel, line(y->count));
  };
}

// ------------------------------------------------------------------ Range
void check_range(const NodeView& node, const Limits& limits) {
  for (uint32_t i = 0; i < 3; i++) need_input(node, i);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32 && dtype != WEFT_F32)
    throw Refusal{
        WEFT_REFUSE_DTYPE,
        text("a range of %s, opencl counts in i64, i32 and f32", common::dtype_name(dtype)),
        node.input(0)};
  check_tensors(limits, node);
}

// Whether a range of integers begins at, and counts by, what is known before the run.
bool is_known_range(const NodeView& node) {
  return node.in(0).dtype != WEFT_F32 && is_known(node, 0) && is_known(node, 2);
}

// The limit says nothing that the output's shape does not.
bool range_on_host(const NodeView& node, uint32_t i) { return i == 1 || is_known_range(node); }

Run prepare_range(Prepare& context) {
  const Tensor *start = context.in[0], *delta = context.in[2], *y = context.out[0];
  if (is_known_range(context.node)) {
    return [=, kernel = context.kernel("count_from")](Submission& commands) {
      kernel.arguments(*y, cl_long(y->count), cl_long(start->known[0]), cl_long(delta->known[0]),
                       cl_int(y->dtype));
      commands.launch(kernel, line(y->count));
    };
  }
  return [=, kernel = context.kernel("range")](Submission& commands) {
    kernel.arguments(*start, *delta, *y, cl_long(y->count), cl_int(y->dtype));
    commands.launch(kernel, line(y->count));
  };
}

}  // namespace

extern const OpRow pad_row = {check_pad, prepare_pad, nullptr, pad_on_host};
extern const OpRow trilu_row = {check_trilu, prepare_trilu, nullptr, parameters_on_host};
extern const OpRow range_row = {check_range, prepare_range, nullptr, range_on_host};

}  // namespace weft::opencl
