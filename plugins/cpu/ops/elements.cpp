// One switch over element types per direction; see elements.h.
#include "plugins/cpu/ops/elements.h"

#include "quant/f16.h"

namespace weft::cpu {

bool is_real(uint32_t dtype) {
  return dtype == WEFT_F32 || dtype == WEFT_F64 || dtype == WEFT_F16 || dtype == WEFT_BF16;
}

bool is_whole(uint32_t dtype) {
  switch (dtype) {
    case WEFT_I64:
    case WEFT_U64:
    case WEFT_I32:
    case WEFT_U32:
    case WEFT_I16:
    case WEFT_U16:
    case WEFT_I8:
    case WEFT_U8:
    case WEFT_BOOL:
      return true;
    default:
      return false;
  }
}

double real_at(const Operand& x, int64_t i) {
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

int64_t integer_at(const Operand& x, int64_t i) {
  switch (x.dtype) {
    case WEFT_I64:
    case WEFT_U64:
      return data<int64_t>(&x)[i];
    case WEFT_I32:
      return data<int32_t>(&x)[i];
    case WEFT_U32:
      return data<uint32_t>(&x)[i];
    case WEFT_I16:
      return data<int16_t>(&x)[i];
    case WEFT_U16:
      return data<uint16_t>(&x)[i];
    case WEFT_I8:
      return data<int8_t>(&x)[i];
    case WEFT_BOOL:
      return data<uint8_t>(&x)[i] != 0;
    default:
      return data<uint8_t>(&x)[i];
  }
}

void put_real(const Operand& y, int64_t i, double v) {
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

void put_integer(const Operand& y, int64_t i, int64_t v) {
  switch (element_size(y.dtype)) {
    case 8:
      reinterpret_cast<int64_t*>(y.data)[i] = v;
      break;
    case 4:
      reinterpret_cast<int32_t*>(y.data)[i] = int32_t(v);
      break;
    case 2:
      reinterpret_cast<int16_t*>(y.data)[i] = int16_t(v);
      break;
    default:
      y.data[i] = y.dtype == WEFT_BOOL ? v != 0 : char(v);
      break;
  }
}

bool in_axis(const Step& step, int64_t given, int64_t size, int64_t& out) {
  out = given < 0 ? given + size : given;
  if (out >= 0 && out < size) return true;
  char message[120];
  std::snprintf(message, sizeof message, "index %lld is outside an axis of %lld",
                static_cast<long long>(given), static_cast<long long>(size));
  fault(step, WEFT_E_INVALID, message);
  return false;
}

uint32_t threads_by_elements(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count, 8 * 1024, most);
}

void need_indices(const NodeView& node, uint32_t i) {
  need_input(node, i);
  const uint32_t dtype = node.in(i).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("input %u of %s is %s; i64 or i32 is needed", i, node->op_type,
                       common::dtype_name(dtype)),
                  node.input(i)};
}

void need_movable(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  if (!element_size(node.in(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(0)};
}

}  // namespace weft::cpu
