// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear and QuantizeRows: f32 to integer codes
// and back. Quotients and products are rounded once to f32, as the ops say, so codes equal the
// reference's exactly where the device divides exactly.
#include <cstring>

#include "plugins/opencl/op.h"
#include "quant/code_rows.h"

namespace weft::opencl {

namespace {

Grid line(int64_t count) { return {{size_t(count), 1, 1}, {64, 1, 1}}; }

// ------------------------------------------------------------------ by given scales
bool is_code(uint32_t dtype) {
  return dtype == WEFT_U8 || dtype == WEFT_I8 || dtype == WEFT_U16 || dtype == WEFT_I16;
}

bool to_codes(const NodeView& node) { return std::strcmp(node->op_type, "QuantizeLinear") == 0; }

void check_linear(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_input(node, 1);
  need_plain(node);
  need_dtype(node, 1, WEFT_F32);
  if (node.integer("precision", 0) > 0 && node.integer("precision", 0) != WEFT_F32)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "quotients are rounded to f32", WEFT_NONE, "precision"};
  const bool coding = to_codes(node);
  const weft_value &codes = coding ? node.out(0) : node.in(0),
                   &reals = coding ? node.in(0) : node.out(0);
  if (!is_code(codes.dtype) && (coding || codes.dtype != WEFT_I32))
    throw Refusal{WEFT_REFUSE_DTYPE, text("codes of %s", common::dtype_name(codes.dtype)),
                  coding ? node.output(0) : node.input(0)};
  if (reals.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE, "reals that are not f32",
                  coding ? node.input(0) : node.output(0)};
  if (node.has(2)) need_dtype(node, 2, codes.dtype);
  check_tensors(limits, node);
}

Run prepare_linear(Prepare& context) {
  const NodeView& node = context.node;
  const Tensor *x = context.in[0], *scale = context.in[1], *y = context.out[0];
  const Tensor* zero = context.in.size() > 2 ? context.in[2] : nullptr;
  const uint32_t axis = x->rank ? axis_of(node.integer("axis", 1), x->rank) : 0;
  const int64_t block = node.integer("block_size", 0);
  const bool coding = to_codes(node);
  return [=, kernel = context.kernel("quantize_linear")](Submission& commands) {
    const bool one = scale->count == 1 && scale->rank <= 1;
    const int64_t size = one ? 0 : x->shape[axis], inner = one ? 1 : x->inner(axis + 1);
    const int64_t wanted = one          ? 1
                           : block == 0 ? size
                           : size       ? x->count / size * ((size + block - 1) / block)
                                        : 0;
    if (scale->count < wanted || (zero && zero->count < wanted))
      throw Failure(WEFT_E_INVALID, "there are fewer scales than blocks");
    kernel.arguments(*x, *scale, zero ? *zero : *x, cl_int(zero ? zero->dtype : 0), *y,
                     cl_long(y->count), cl_long(size), cl_long(inner), cl_long(block),
                     cl_int(coding ? y->dtype : x->dtype), cl_int(coding));
    commands.launch(kernel, line(y->count));
  };
}

// ------------------------------------------------------------------ by the data's own
void check_dynamic(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain_f32(node, 0);
  for (uint32_t i = 0; i < 3; i++)
    if (node.output(i) == WEFT_NONE)
      throw Refusal{WEFT_REFUSE_OTHER, "codes without their scale and zero point"};
  check_tensors(limits, node);
}

Run prepare_dynamic(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0], *scale = context.out[1],
               *zero = context.out[2];
  return [=, scan = context.kernel("dynamic_scale"),
          code = context.kernel("dynamic_codes")](Submission& commands) {
    scan.arguments(*x, cl_long(x->count), *scale, *zero);
    commands.launch(scan, {{1, 1, 1}, {1, 1, 1}});
    code.arguments(*x, cl_long(x->count), *scale, *zero, *y);
    commands.launch(code, line(x->count));
  };
}

// ------------------------------------------------------------------ rows of a cache
void check_rows(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain_f32(node, 0);
  if (node.out(0).dtype != WEFT_I8)
    throw Refusal{WEFT_REFUSE_DTYPE, "rows of codes are i8", node.output(0)};
  if (node.integer("size", 0) <= 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "rows need the number of their elements", WEFT_NONE,
                  "size"};
  check_tensors(limits, node);
}

Run prepare_rows(Prepare& context) {
  const Tensor *x = context.in[0], *y = context.out[0];
  const int64_t size = context.node.integer("size", 0), bytes = quant::code_row_bytes(size);
  return [=, kernel = context.kernel("quantize_rows")](Submission& commands) {
    const int64_t rows = y->count / bytes;
    kernel.arguments(*x, *y, cl_long(rows), cl_int(size), cl_int(bytes));
    commands.launch(kernel, {{size_t(rows), 1, 1}, {8, 1, 1}});
  };
}

}  // namespace

extern const OpRow quantize_linear_row = {check_linear, prepare_linear};
extern const OpRow dynamic_quantize_linear_row = {check_dynamic, prepare_dynamic};
extern const OpRow quantize_rows_row = {check_rows, prepare_rows};

}  // namespace weft::opencl
