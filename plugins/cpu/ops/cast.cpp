// Cast between the element types activations have, and Where.
#include <cmath>

#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

void check_cast(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  for (const weft_value* v : {&node.in(0), &node.out(0)})
    if (!is_real(v->dtype) && !is_whole(v->dtype))
      throw Refusal{WEFT_REFUSE_DTYPE, text("casts of %s", common::dtype_name(v->dtype)),
                    node.input(0)};
}

bool is_unsigned(uint32_t dtype) {
  return dtype == WEFT_U8 || dtype == WEFT_U16 || dtype == WEFT_U32 || dtype == WEFT_U64;
}

// Toward zero, kept within the type; NaN is 0. The bits of a u64 are those of the result.
int64_t to_integer(double v, uint32_t dtype) {
  if (dtype == WEFT_BOOL) return v != 0;
  if (!(v == v)) return 0;
  const int bits = int(element_size(dtype)) * 8 - !is_unsigned(dtype);
  const double end = std::ldexp(1.0, bits);  // the first whole number too large
  if (v >= end) return int64_t(~uint64_t(0) >> (64 - bits));
  if (is_unsigned(dtype)) return v <= 0 ? 0 : int64_t(uint64_t(v));
  return v < -end ? int64_t(-end) : int64_t(v);
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
  // Rows for a cache of halves.
  if (x.dtype == WEFT_F32 && y.dtype == WEFT_F16 && kernels(step).narrow)
    return kernels(step).narrow(data<float>(&x) + mine.begin, data_out<uint16_t>(step) + mine.begin,
                                mine.end - mine.begin);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    if (is_real(x.dtype)) {
      const double v = real_at(x, i);
      if (is_real(y.dtype)) {
        put_real(y, i, v);
      } else {
        put_integer(y, i, to_integer(v, y.dtype));
      }
    } else if (is_real(y.dtype)) {
      const int64_t v = integer_at(x, i);
      put_real(y, i, x.dtype == WEFT_U64 ? double(uint64_t(v)) : double(v));
    } else {
      put_integer(y, i, integer_at(x, i));
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

void run_where(const Step& step, const Team& team) {
  const Operand &c = *step.in[0], &y = *step.out[0];
  const int64_t item = element_size(y.dtype);
  const Range mine = share(y.count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const Operand& from = *step.in[c.data[broadcast_offset(c, y, i)] ? 1 : 2];
    std::memcpy(y.data + i * item, from.data + broadcast_offset(from, y, i) * item, size_t(item));
  }
}

}  // namespace

extern const OpRow cast_row = {"",       "Cast",  check_cast, prepare_kernels,
                               run_cast, nullptr, nullptr,    threads_by_elements};
extern const OpRow where_row = {"",        "Where", check_where, nullptr,
                                run_where, nullptr, nullptr,     threads_by_elements};

}  // namespace weft::cpu
