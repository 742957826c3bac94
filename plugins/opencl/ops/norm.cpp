// RMSNormalization, LayerNormalization and Softmax: each row by one work-item (family cpu) or by
// one work-group (family gpu).
#include "plugins/opencl/op.h"

namespace weft::opencl {

namespace {

// The scale has one element for each of a row, in order.
void check_scale(const NodeView& node, uint32_t i, uint32_t axis) {
  const weft_value &x = node.in(0), &scale = node.in(i);
  if (scale.rank != x.rank - axis)
    throw Refusal{WEFT_REFUSE_RANK, "a scale that is broadcast over the normalized dims",
                  node.input(i),    {},
                  scale.rank,       int64_t(x.rank - axis)};
  for (uint32_t d = axis; d < x.rank; d++)
    if (!same_dim(x.dims[d], scale.dims[d - axis]))
      throw Refusal{WEFT_REFUSE_SHAPE, "a scale that is broadcast over the normalized dims",
                    node.input(i)};
}

void check_norm(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_input(node, 1);
  const int64_t stash = node.integer("stash_type", 1);
  if (stash != 1)
    throw Refusal{
        WEFT_REFUSE_ATTRIBUTE, "the mean is taken in f32", WEFT_NONE, "stash_type", stash, 1};
  const uint32_t axis = axis_of(node.integer("axis", -1), node.in(0).rank);
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (!node.has(i)) continue;
    need_plain_f32(node, i);
    if (i > 0) check_scale(node, i, axis);
  }
  for (uint32_t i = 1; i < node->output_count; i++)
    if (node.output(i) != WEFT_NONE)
      throw Refusal{WEFT_REFUSE_OTHER, "only the first output is computed", node.output(i)};
  check_tensors(limits, node);
}

void check_softmax(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain_f32(node, 0);
  const uint32_t rank = node.in(0).rank;
  const int64_t axis = node.integer("axis", -1);
  if (rank == 0 || axis_of(axis, rank) != rank - 1)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "softmax over the last axis only", WEFT_NONE, "axis", axis,
                  int64_t(rank) - 1};
  check_tensors(limits, node);
}

struct Rows {
  cl_long count = 0;
  cl_int length = 0;
  Grid grid;
};

Rows rows_of(const Tensor& x, uint32_t axis, bool tiled) {
  Rows rows;
  const int64_t length = x.inner(axis);
  rows.count = length ? x.count / length : 0;
  rows.length = cl_int(length);
  rows.grid = tiled ? Grid{{size_t(rows.count) * kGroup, 1, 1}, {kGroup, 1, 1}}
                    : Grid{{size_t(rows.count), 1, 1}, {1, 1, 1}};
  return rows;
}

Run prepare_rms(Prepare& context) {
  const Tensor *x = context.in[0], *scale = context.in[1], *y = context.out[0];
  const uint32_t axis = axis_of(context.node.integer("axis", -1), x->rank);
  const float epsilon = context.node.real("epsilon", 1e-5f);
  return [x, scale, y, axis, epsilon, tiled = context.context.options.tiled,
          kernel = context.kernel("rms_normalization")](Submission& commands) {
    const Rows rows = rows_of(*x, axis, tiled);
    kernel.arguments(*x, *scale, *y, rows.count, rows.length, epsilon);
    commands.launch(kernel, rows.grid);
  };
}

Run prepare_layer(Prepare& context) {
  const Tensor *x = context.in[0], *scale = context.in[1], *y = context.out[0];
  const Tensor* bias = context.in.size() > 2 ? context.in[2] : nullptr;
  const uint32_t axis = axis_of(context.node.integer("axis", -1), x->rank);
  const float epsilon = context.node.real("epsilon", 1e-5f);
  return [x, scale, bias, y, axis, epsilon, tiled = context.context.options.tiled,
          kernel = context.kernel("layer_normalization")](Submission& commands) {
    const Rows rows = rows_of(*x, axis, tiled);
    // Without a bias the scale stands in its place and is not read as one.
    kernel.arguments(*x, *scale, bias ? *bias : *scale, cl_int(bias != nullptr), *y, rows.count,
                     rows.length, epsilon);
    commands.launch(kernel, rows.grid);
  };
}

Run prepare_softmax(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y, tiled = context.context.options.tiled,
          kernel = context.kernel("softmax")](Submission& commands) {
    const Rows rows = rows_of(*x, x->rank - 1, tiled);
    kernel.arguments(*x, *y, rows.count, rows.length);
    commands.launch(kernel, rows.grid);
  };
}

}  // namespace

extern const OpRow rms_normalization_row = {check_norm, prepare_rms};
extern const OpRow layer_normalization_row = {check_norm, prepare_layer};
extern const OpRow softmax_row = {check_softmax, prepare_softmax};

}  // namespace weft::opencl
