// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear: f32 to integer codes and back.
//
// One scale for all, one per index of an axis, or one per block of it; zero points alike. Quotients
// and products are rounded once to f32, as the op says, so codes equal the reference's exactly.
#include <cmath>

#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

struct State {
  int64_t axis, block;
  const Kernels* k;
};

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<State>(State{context.node.integer("axis", 1),
                                       context.node.integer("block_size", 0), &kernels(context)});
}

struct Limits {
  float lo, hi;
};
Limits limits_of(uint32_t dtype) {
  switch (dtype) {
    case WEFT_U8:
      return {0, 255};
    case WEFT_I8:
      return {-128, 127};
    case WEFT_U16:
      return {0, 65535};
    default:
      return {-32768, 32767};
  }
}
bool is_code(uint32_t dtype) {
  return dtype == WEFT_U8 || dtype == WEFT_I8 || dtype == WEFT_U16 || dtype == WEFT_I16;
}

// Which scale an element has, by its row-major position.
struct ScaleOf {
  bool one = true;
  int64_t size = 1, inner = 1, block = 0, blocks = 1;

  ScaleOf(const Step& step) {
    const State& s = *static_cast<const State*>(step.state);
    const Operand &x = *step.in[0], &scale = *step.in[1];
    one = scale.count == 1 && scale.rank <= 1;
    if (one) return;
    const uint32_t axis = axis_of(s.axis, x.rank);
    size = x.shape[axis];
    inner = product(x, axis + 1, x.rank);
    block = s.block;
    blocks = block ? (size + block - 1) / block : 1;
  }
  int64_t operator()(int64_t i) const {
    if (one) return 0;
    const int64_t along = i / inner % size;
    if (block == 0) return along;
    return (i / inner / size * blocks + along / block) * inner + i % inner;
  }
  // One per index of the last axis.
  bool last() const { return !one && inner == 1 && block == 0; }
  int64_t count(const Operand& x) const {
    return one ? 1 : block == 0 ? size : size ? x.count / size * blocks : 0;
  }
};

// Whether there is a scale and a zero point for every element; a fault where not.
bool has_scales(const Step& step, const Team& team, const ScaleOf& scale_of) {
  const int64_t wanted = scale_of.count(*step.in[0]);
  const bool zeros = step.in_count > 2 && step.in[2];
  if (step.in[1]->count >= wanted && (!zeros || step.in[2]->count >= wanted)) return true;
  if (team.id == 0) fault(step, WEFT_E_INVALID, "there are fewer scales than blocks");
  return false;
}

void check_scales(const NodeView& node) {
  need_input(node, 0);
  need_input(node, 1);
  need_plain(node);
  need_dtype(node, 1, WEFT_F32);
  if (node.integer("precision", 0) > 0 && node.integer("precision", 0) != WEFT_F32)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "quotients are rounded to f32", WEFT_NONE, "precision"};
}

void check_quantize(const NodeView& node) {
  check_scales(node);
  need_dtype(node, 0, WEFT_F32);
  if (!is_code(node.out(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, text("codes of %s", common::dtype_name(node.out(0).dtype)),
                  node.output(0)};
}

void check_dequantize(const NodeView& node) {
  check_scales(node);
  if (!is_code(node.in(0).dtype) && node.in(0).dtype != WEFT_I32)
    throw Refusal{WEFT_REFUSE_DTYPE, text("codes of %s", common::dtype_name(node.in(0).dtype)),
                  node.input(0)};
  if (node.has(2)) need_dtype(node, 2, node.in(0).dtype);
  if (node.out(0).dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE, "reals that are not f32", node.output(0)};
}

// A NaN has no integer; it becomes the zero point.
int64_t code_of(float quotient, float zero, Limits limits) {
  const float whole = std::isnan(quotient) ? 0 : std::nearbyint(quotient);
  return int64_t(std::clamp(whole + zero, limits.lo, limits.hi));
}

void run_quantize(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  const Operand* zeros = step.in_count > 2 ? step.in[2] : nullptr;
  const ScaleOf scale_of(step);
  if (!has_scales(step, team, scale_of)) return;
  const Limits limits = limits_of(y.dtype);
  const float* scales = data<float>(step.in[1]);
  const Range mine = share(y.count, team.id, team.size);
  if (scale_of.one && y.dtype == WEFT_I8 && (!zeros || integer_at(*zeros, 0) == 0)) {
    static_cast<const State*>(step.state)
        ->k->quantize_bytes(data<float>(&x) + mine.begin, mine.end - mine.begin, *scales,
                            data_out<int8_t>(step) + mine.begin);
    return;
  }
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const int64_t s = scale_of(i);
    const float zero = zeros ? float(integer_at(*zeros, s)) : 0.0f;
    put_integer(y, i, code_of(data<float>(&x)[i] / scales[s], zero, limits));
  }
}

// Sums of products, row by row.
void dequantize_rows(const Step& step, const Team& team, int64_t scale_step) {
  const Operand& x = *step.in[0];
  if (x.count == 0) return;
  const int64_t width = x.rank ? x.shape[x.rank - 1] : 1;
  const Range mine = share(x.count / width, team.id, team.size);
  for (int64_t row = mine.begin; row < mine.end; row++)
    static_cast<const State*>(step.state)
        ->k->dequantize_sums(data<int32_t>(&x) + row * width, width, data<float>(step.in[1]),
                             scale_step, data_out<float>(step) + row * width);
}

void run_dequantize(const Step& step, const Team& team) {
  const Operand &x = *step.in[0], &y = *step.out[0];
  const Operand* zeros = step.in_count > 2 ? step.in[2] : nullptr;
  const ScaleOf scale_of(step);
  if (!has_scales(step, team, scale_of)) return;
  const float* scales = data<float>(step.in[1]);
  if (!zeros && x.dtype == WEFT_I32 && (scale_of.one || scale_of.last())) {
    dequantize_rows(step, team, scale_of.one ? 0 : 1);
    return;
  }
  const Range mine = share(y.count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const int64_t s = scale_of(i), zero = zeros ? integer_at(*zeros, s) : 0;
    data_out<float>(step)[i] = float(integer_at(x, i) - zero) * scales[s];
  }
}

void check_dynamic(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  need_dtype(node, 0, WEFT_F32);
  for (uint32_t i = 0; i < 3; i++)
    if (node.output(i) == WEFT_NONE)
      throw Refusal{WEFT_REFUSE_OTHER, "codes without their scale and zero point"};
}

// Every thread looks for the extremes itself: that is cheaper than to meet.
void run_dynamic(const Step& step, const Team& team) {
  const Operand& x = *step.in[0];
  const float* values = data<float>(&x);
  float lo = 0, hi = 0;
  for (int64_t i = 0; i < x.count; i++) {
    lo = std::min(lo, values[i]);
    hi = std::max(hi, values[i]);
  }
  const float scale = (hi - lo) / 255.0f;
  const float zero = scale > 0 ? std::clamp(std::nearbyint(-lo / scale), 0.0f, 255.0f) : 0.0f;
  if (team.id == 0) {
    *data_out<float>(step, 1) = scale;
    *data_out<uint8_t>(step, 2) = uint8_t(zero);
  }
  const Range mine = share(x.count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++)
    data_out<uint8_t>(step)[i] =
        uint8_t(code_of(scale > 0 ? values[i] / scale : 0.0f, zero, {0, 255}));
}

}  // namespace

extern const OpRow quantize_linear_row = {"",      "QuantizeLinear",   check_quantize,
                                          prepare, run_quantize,       nullptr,
                                          nullptr, threads_by_elements};
extern const OpRow dequantize_linear_row = {"",      "DequantizeLinear", check_dequantize,
                                            prepare, run_dequantize,     nullptr,
                                            nullptr, threads_by_elements};
extern const OpRow dynamic_quantize_linear_row = {
    "",      "DynamicQuantizeLinear", check_dynamic, nullptr, run_dynamic, nullptr,
    nullptr, threads_by_elements};

}  // namespace weft::cpu
