// Elementwise ops by number (codes.def): floats with broadcasting, and integers and bools of any
// size by kernels of their own.
#include <cstring>

#include "plugins/opencl/op.h"
#include "plugins/opencl/walk.h"

namespace weft::opencl {

namespace {

constexpr size_t kItems = 64;  // of a work-group

int64_t blocks_of(int64_t count, int64_t width) { return (count + width - 1) / width; }

// ------------------------------------------------------------------ two inputs
bool is_comparison(int code) { return code >= binary_code("Equal"); }
bool is_logical(int code) { return code >= binary_code("And"); }

void check_binary(const NodeView& node, const Limits& limits) {
  if (node->input_count != 2)
    throw Refusal{WEFT_REFUSE_OTHER, "exactly two inputs", WEFT_NONE, {}, node->input_count, 2};
  for (uint32_t i : {0u, 1u}) need_input(node, i);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  const int code = binary_code(node->op_type);
  if (is_logical(code)) need_dtype(node, 0, WEFT_BOOL);
  const bool integers = dtype != WEFT_U64 && is_whole(dtype) && code != binary_code("Pow") &&
                        (dtype != WEFT_BOOL || is_comparison(code));
  if (!integers) need_dtype(node, 0, WEFT_F32);
  need_dtype(node, 1, dtype);
  check_tensors(limits, node);
}

Run prepare_floats(Prepare& context, int code) {
  const Tensor *a = context.in[0], *b = context.in[1], *y = context.out[0];
  return [a, b, y, code, width = width_of(context.context.options.tiled),
          kernel = context.kernel("binary")](Submission& commands) {
    if (y->count == 0) return;
    Walk<2> walk = walk_of(*a, *b, *y);
    int64_t inner = 1, a_step = 0, b_step = 0;
    if (walk.rank) {
      const uint32_t last = --walk.rank;
      inner = walk.shape[last], a_step = walk.stride[0][last], b_step = walk.stride[1][last];
    }
    const int64_t outer = walk.count();
    kernel.arguments(*a, *b, *y, cl_int(code), cl_long(inner), cl_int(a_step), cl_int(b_step),
                     cl_long(outer), walk.dims(), walk.strides(0), walk.strides(1));
    const size_t blocks = size_t(blocks_of(inner, width));
    const size_t items = blocks < kItems ? 8 : kItems;
    commands.launch(kernel, {{blocks, size_t(outer), 1}, {items, 1, 1}});
  };
}

Run prepare_binary(Prepare& context) {
  const NodeView& node = context.node;
  int code = binary_code(node->op_type);
  if (code == binary_code("Mod") && node.integer("fmod", 0) != 0) code = binary_code("Fmod");
  const Tensor *a = context.in[0], *b = context.in[1], *y = context.out[0];
  if (a->dtype == WEFT_F32 && !is_comparison(code)) return prepare_floats(context, code);
  return [a, b, y, code, kernel = context.kernel("binary_elements")](Submission& commands) {
    const Walk<2> walk = walk_of(*a, *b, *y);
    kernel.arguments(*a, *b, *y, cl_long(y->count), cl_int(code), cl_int(a->dtype),
                     cl_int(y->dtype), walk.dims(), walk.strides(0), walk.strides(1));
    commands.launch(kernel, {{size_t(y->count), 1, 1}, {kItems, 1, 1}});
  };
}

// ------------------------------------------------------------------ one input
bool takes_integers(const char* op) {
  return !std::strcmp(op, "Neg") || !std::strcmp(op, "Abs") || !std::strcmp(op, "Relu");
}

void check_unary(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  if (std::strcmp(node->op_type, "Not") == 0) {
    need_dtype(node, 0, WEFT_BOOL);
  } else if (!takes_integers(node->op_type) || !is_whole(dtype) || dtype == WEFT_BOOL) {
    need_dtype(node, 0, WEFT_F32);
  }
  check_tensors(limits, node);
}

Run prepare_unary(Prepare& context) {
  std::string name = context.node->op_type;
  if (context.node.string("approximate", "none") == "tanh") name += "Tanh";
  const int code = unary_code(name);
  const float alpha = context.node.real("alpha", 1.0f);
  const Tensor *x = context.in[0], *y = context.out[0];
  if (x->dtype != WEFT_F32)
    return [x, y, code, kernel = context.kernel("unary_integers")](Submission& commands) {
      kernel.arguments(*x, *y, cl_long(y->count), cl_int(code), cl_int(x->dtype));
      commands.launch(kernel, {{size_t(y->count), 1, 1}, {kItems, 1, 1}});
    };
  return [x, y, code, alpha, width = width_of(context.context.options.tiled),
          kernel = context.kernel("unary")](Submission& commands) {
    kernel.arguments(*x, *y, cl_long(y->count), cl_int(code), alpha);
    commands.launch(kernel, {{size_t(blocks_of(y->count, width)), 1, 1}, {kItems, 1, 1}});
  };
}

// ------------------------------------------------------------------ Clip, Where
void check_clip(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  if (!is_whole(dtype) || dtype == WEFT_U64) need_dtype(node, 0, WEFT_F32);
  for (uint32_t i = 1; i < 3; i++)
    if (node.has(i)) need_dtype(node, i, dtype);
  check_tensors(limits, node);
}

Run prepare_clip(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  const auto bound = [&](size_t i) { return i < context.in.size() ? context.in[i] : nullptr; };
  return [x, y, low = bound(1), high = bound(2),
          kernel = context.kernel("clip")](Submission& commands) {
    // x stands in for a bound that is not there, and is not read as one.
    kernel.arguments(*x, low ? *low : *x, cl_int(low != nullptr), high ? *high : *x,
                     cl_int(high != nullptr), *y, cl_long(y->count), cl_int(x->dtype));
    commands.launch(kernel, {{size_t(y->count), 1, 1}, {kItems, 1, 1}});
  };
}

void check_where(const NodeView& node, const Limits& limits) {
  for (uint32_t i = 0; i < 3; i++) need_input(node, i);
  need_dtype(node, 0, WEFT_BOOL);
  need_dtype(node, 2, node.in(1).dtype);
  check_movable(node, limits);
  if (!common::element_size(node.in(1).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(1)};
}

Run prepare_where(Prepare& context) {
  const Tensor *c = context.in[0], *a = context.in[1], *b = context.in[2], *y = context.out[0];
  return [c, a, b, y, kernel = context.kernel("where")](Submission& commands) {
    const Walk<3> walk = walk_of(*c, *a, *b, *y);
    kernel.arguments(*c, *a, *b, *y, cl_long(y->count), cl_int(y->item()), walk.dims(),
                     walk.strides(0), walk.strides(1), walk.strides(2));
    commands.launch(kernel, {{size_t(y->count), 1, 1}, {kItems, 1, 1}});
  };
}

// ------------------------------------------------------------------ Cast
void check_cast(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain(node);
  for (const weft_value* value : {&node.in(0), &node.out(0)})
    if (!is_real(value->dtype) && !is_whole(value->dtype))
      throw Refusal{
          WEFT_REFUSE_DTYPE,
          text("a cast of %s to %s, opencl has none of the one or the other",
               common::dtype_name(node.in(0).dtype), common::dtype_name(node.out(0).dtype)),
          node.input(0)};
  check_tensors(limits, node);
}

Run prepare_cast(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y, kernel = context.kernel("cast")](Submission& commands) {
    kernel.arguments(*x, *y, cl_long(y->count), cl_int(x->dtype), cl_int(y->dtype));
    commands.launch(kernel, {{size_t(y->count), 1, 1}, {kItems, 1, 1}});
  };
}

}  // namespace

extern const OpRow binary_row = {check_binary, prepare_binary};
extern const OpRow unary_row = {check_unary, prepare_unary};
extern const OpRow clip_row = {check_clip, prepare_clip};
extern const OpRow where_row = {check_where, prepare_where};
extern const OpRow cast_row = {check_cast, prepare_cast};

}  // namespace weft::opencl
