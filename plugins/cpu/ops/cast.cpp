// Cast between the element types activations have, and Where.
#include "plugins/cpu/ops/cpu_op.h"
#include "quant/f16.h"

namespace weft::cpu {

namespace {

bool castable(uint32_t dtype) {
  switch (dtype) {
    case WEFT_F32:
    case WEFT_F64:
    case WEFT_F16:
    case WEFT_BF16:
    case WEFT_I64:
    case WEFT_I32:
    case WEFT_U8:
    case WEFT_I8:
    case WEFT_BOOL:
      return true;
    default:
      return false;
  }
}
bool is_float(uint32_t dtype) {
  return dtype == WEFT_F32 || dtype == WEFT_F64 || dtype == WEFT_F16 || dtype == WEFT_BF16;
}

void check_cast(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  for (const weft_value* v : {&node.in(0), &node.out(0)})
    if (!castable(v->dtype))
      throw Refusal{WEFT_REFUSE_DTYPE, text("casts of %s", common::dtype_name(v->dtype)),
                    node.input(0)};
}

double load_real(const Operand& x, int64_t i) {
  switch (x.dtype) {
    case WEFT_F64:
      return data<double>(&x)[i];
    case WEFT_F16:
      return quant::f16_to_f32(data<uint16_t>(&x)[i]);
    case WEFT_BF16:
      return quant::bf16_to_f32(data<uint16_t>(&x)[i]);
    default:
      return data<float>(&x)[i];
  }
}
int64_t load_integer(const Operand& x, int64_t i) {
  switch (x.dtype) {
    case WEFT_I64:
      return data<int64_t>(&x)[i];
    case WEFT_I32:
      return data<int32_t>(&x)[i];
    case WEFT_I8:
      return data<int8_t>(&x)[i];
    case WEFT_BOOL:
      return data<uint8_t>(&x)[i] != 0;
    default:
      return data<uint8_t>(&x)[i];
  }
}
void store_real(const Operand& y, int64_t i, double v) {
  switch (y.dtype) {
    case WEFT_F64:
      reinterpret_cast<double*>(y.data)[i] = v;
      break;
    case WEFT_F16:
      reinterpret_cast<uint16_t*>(y.data)[i] = quant::f32_to_f16(float(v));
      break;
    case WEFT_BF16:
      reinterpret_cast<uint16_t*>(y.data)[i] = quant::f32_to_bf16(float(v));
      break;
    default:
      reinterpret_cast<float*>(y.data)[i] = float(v);
      break;
  }
}
void store_integer(const Operand& y, int64_t i, int64_t v) {
  switch (y.dtype) {
    case WEFT_I64:
      reinterpret_cast<int64_t*>(y.data)[i] = v;
      break;
    case WEFT_I32:
      reinterpret_cast<int32_t*>(y.data)[i] = int32_t(v);
      break;
    case WEFT_BOOL:
      y.data[i] = v != 0;
      break;
    default:
      y.data[i] = char(v);
      break;
  }
}

// Toward zero, kept within int64: what lies outside has no defined result, but must not trap.
int64_t to_integer(double v) {
  if (!(v == v)) return 0;
  if (v >= 0x1p63) return INT64_MAX;
  if (v <= -0x1p63) return INT64_MIN;
  return int64_t(v);
}

void run_cast(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  const Range mine = share(y.count, team.id, team.size);
  if (x.dtype == y.dtype) {
    const int64_t item = element_size(x.dtype);
    if (x.data != y.data)
      std::memcpy(y.data + mine.begin * item, x.data + mine.begin * item,
                  size_t((mine.end - mine.begin) * item));
    return;
  }
  for (int64_t i = mine.begin; i < mine.end; i++) {
    if (is_float(x.dtype)) {
      const double v = load_real(x, i);
      if (is_float(y.dtype)) {
        store_real(y, i, v);
      } else {
        store_integer(y, i, y.dtype == WEFT_BOOL ? v != 0 : to_integer(v));
      }
    } else if (is_float(y.dtype)) {
      store_real(y, i, double(load_integer(x, i)));
    } else {
      store_integer(y, i, load_integer(x, i));
    }
  }
}

void check_where(const NodeView& node) {
  for (uint32_t i = 0; i < 3; i++) need_input(node, i);
  need_plain(node);
  need_dtype(node, 0, WEFT_BOOL);
  need_dtype(node, 2, node.in(1).dtype);
  if (!element_size(node.in(1).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(1)};
}

// Offset of row-major position `index` of y within an operand broadcast to y.
int64_t broadcast_offset(const Operand& x, const Operand& y, int64_t index) {
  int64_t offset = 0;
  for (uint32_t d = y.rank; d-- > 0;) {
    const int64_t at = index % y.shape[d];
    index /= y.shape[d];
    const int64_t mine = int64_t(d) - (int64_t(y.rank) - int64_t(x.rank));
    if (mine >= 0 && x.shape[mine] != 1) offset += at * x.stride[mine];
  }
  return offset;
}

void run_where(const Step& step, const Team& team) {
  const Operand &c = *step.in[0], &y = *step.out[0];
  const int64_t item = element_size(y.dtype);
  const Range mine = share(y.count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const Operand& from = *step.in[c.data[broadcast_offset(c, y, i)] ? 1 : 2];
    std::memcpy(y.data + i * item, from.data + broadcast_offset(from, y, i) * item, size_t(item));
  }
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count, 8 * 1024, most);
}

}  // namespace

extern const OpRow cast_row = {"",       "Cast",  check_cast, nullptr,
                               run_cast, nullptr, nullptr,    threads};
extern const OpRow where_row = {"",        "Where", check_where, nullptr,
                                run_where, nullptr, nullptr,     threads};

}  // namespace weft::cpu
