// Range: start, start + delta, ...; as many as the output has room for. i64, i32 and f32:
// counts of positions, of which biases by distance are made.
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

void check(const NodeView& node) {
  for (uint32_t i = 0; i < 3; i++) need_input(node, i);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32 && dtype != WEFT_F32)
    throw Refusal{
        WEFT_REFUSE_DTYPE,
        text("a range of %s, the cpu kernel counts in i64, i32 and f32", common::dtype_name(dtype)),
        node.input(0)};
}

template <typename T>
void count(const Step& step) {
  const T start = *data<T>(step.in[0]), delta = *data<T>(step.in[2]);
  T* y = data_out<T>(step);
  for (int64_t i = 0; i < step.out[0]->count; i++) y[i] = start + T(i) * delta;
}

void run(const Step& step, const Team&) {
  switch (step.out[0]->dtype) {
    case WEFT_I64:
      return count<int64_t>(step);
    case WEFT_I32:
      return count<int32_t>(step);
    default:
      return count<float>(step);
  }
}

}  // namespace

extern const OpRow range_row = {"", "Range", check, nullptr, run};

}  // namespace weft::cpu
