// MatMulInteger and QLinearMatMul: products of bytes, exact in 32 bits.
//
//   sum_k (a_k - a_zero) (b_kn - b_zero_n) = sum_k a'_k b_kn - b_zero_n sum_k a'_k
//
// so the inner loop over a row of b has one factor and no zero points. A unit of work is a row of y
// in a stretch of kColumns columns, whose sums lie on the stack.
#include <cmath>

#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

constexpr int64_t kColumns = 512;

// Where the operands of each op are among its inputs; 0: it has none.
struct Slots {
  uint32_t b, a_zero, b_zero, a_scale, b_scale, y_scale, y_zero;
};
constexpr Slots kInteger = {1, 2, 3, 0, 0, 0, 0}, kQLinear = {3, 2, 5, 1, 4, 6, 7};

struct State {
  const Kernels* k;
  Slots at;
};

Slots slots_of(const NodeView& node) {
  return std::strcmp(node->op_type, "QLinearMatMul") == 0 ? kQLinear : kInteger;
}

void need_byte(const NodeView& node, uint32_t i) {
  if (node.has(i) && node.in(i).dtype != WEFT_I8) need_dtype(node, i, WEFT_U8);
}

// One for all, or one per row of a (per column of b) in a vector.
void need_few(const NodeView& node, uint32_t i) {
  if (node.has(i) && node.in(i).rank > 1)
    throw Refusal{WEFT_REFUSE_RANK, "a scale or zero point that differs between batches",
                  node.input(i),    {},
                  node.in(i).rank,  1};
}

void check(const NodeView& node) {
  const Slots at = slots_of(node);
  need_input(node, 0);
  need_input(node, at.b);
  need_plain(node);
  for (const uint32_t i : {0u, at.b}) {
    need_byte(node, i);
    if (node.in(i).rank < 2)
      throw Refusal{WEFT_REFUSE_RANK, "a vector; matrices of bytes are needed", node.input(i)};
  }
  for (const uint32_t i : {at.a_zero, at.b_zero, at.y_zero}) {
    if (i == 0) continue;
    need_byte(node, i);
    need_few(node, i);
  }
  for (const uint32_t i : {at.a_scale, at.b_scale, at.y_scale}) {
    if (i == 0) continue;
    need_dtype(node, i, WEFT_F32);
    need_few(node, i);
  }
}

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<State>(State{&kernels(context), slots_of(context.node)});
}

const Operand* optional(const Step& step, uint32_t i) {
  return i && i < step.in_count ? step.in[i] : nullptr;
}
int64_t code_at(const Operand* x, int64_t i) {
  return x ? integer_at(*x, x->count == 1 ? 0 : i) : 0;
}
float scale_at(const Operand& x, int64_t i) { return data<float>(&x)[x.count == 1 ? 0 : i]; }

// Offset of matrix `batch` of y within an operand whose leading dims broadcast.
int64_t matrix_offset(const Operand& x, const Operand& y, int64_t batch) {
  int64_t offset = 0;
  for (uint32_t d = y.rank - 2; d-- > 0;) {
    const int64_t at = batch % y.shape[d], mine = int64_t(d) + x.rank - y.rank;
    batch /= y.shape[d];
    if (mine >= 0 && x.shape[mine] != 1) offset += at * x.stride[mine];
  }
  return offset;
}

// Row `row` of y, columns [from, from + n).
void row_of_sums(const Step& step, int64_t batch, int64_t row, int64_t from, int64_t n,
                 int32_t* sums) {
  const State& s = *static_cast<const State*>(step.state);
  const Operand &a = *step.in[0], &b = *step.in[s.at.b], &y = *step.out[0];
  const int64_t depth = a.shape[a.rank - 1], width = b.shape[b.rank - 1];
  const int64_t a_first = matrix_offset(a, y, batch) + row * depth;
  const uint8_t* b_row = data<uint8_t>(&b) + matrix_offset(b, y, batch) + from;
  const Operand* b_zero = optional(step, s.at.b_zero);
  const int64_t a_zero = code_at(optional(step, s.at.a_zero), row);
  int64_t total = 0;
  std::fill_n(sums, n, 0);
  for (int64_t k = 0; k < depth; k++) {
    const int64_t factor = integer_at(a, a_first + k) - a_zero;
    total += factor;
    if (factor) s.k->add_bytes(int32_t(factor), b_row + k * width, b.dtype == WEFT_I8, sums, n);
  }
  for (int64_t i = 0; b_zero && i < n; i++)
    sums[i] = int32_t(sums[i] - code_at(b_zero, from + i) * total);
}

// Back to codes: y = saturate(round_even(f32(sum) * f32(f32(a_scale * b_scale) / y_scale)) + zero).
void requantize(const Step& step, int64_t row, int64_t from, int64_t n, const int32_t* sums,
                int64_t to) {
  const Slots& at = static_cast<const State*>(step.state)->at;
  const Operand& y = *step.out[0];
  const float lo = y.dtype == WEFT_I8 ? -128 : 0, hi = lo + 255;
  for (int64_t i = 0; i < n; i++) {
    const float product =
        scale_at(*step.in[at.a_scale], row) * scale_at(*step.in[at.b_scale], from + i);
    const float real = float(sums[i]) * (product / scale_at(*step.in[at.y_scale], row));
    const float code = std::nearbyint(real) + float(code_at(step.in[at.y_zero], row));
    put_integer(y, to + i, int64_t(std::clamp(code, lo, hi)));
  }
}

void run(const Step& step, const Team& team) {
  const Operand& y = *step.out[0];
  if (y.count == 0) return;
  const int64_t rows = y.shape[y.rank - 2], width = y.shape[y.rank - 1];
  const int64_t stretches = (width + kColumns - 1) / kColumns;
  const Range mine = share(y.count / width * stretches, team.id, team.size);
  int32_t sums[kColumns];
  for (int64_t unit = mine.begin; unit < mine.end; unit++) {
    const int64_t line = unit / stretches, from = unit % stretches * kColumns;
    const int64_t n = std::min(kColumns, width - from), to = line * width + from;
    row_of_sums(step, line / rows, line % rows, from, n, sums);
    if (y.dtype == WEFT_I32) {
      std::memcpy(data_out<int32_t>(step) + to, sums, size_t(n) * sizeof *sums);
    } else {
      requantize(step, line % rows, from, n, sums, to);
    }
  }
}

uint32_t threads(const Step& step, uint32_t most) {
  const Operand& a = *step.in[0];
  return threads_for(step.out[0]->count * a.shape[a.rank - 1], 32 * 1024, most);
}

}  // namespace

extern const OpRow matmul_integer_row = {"", "", check, prepare, run, nullptr, nullptr, threads};

}  // namespace weft::cpu
