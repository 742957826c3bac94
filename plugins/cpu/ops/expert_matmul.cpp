// ExpertMatMul: each row by the matrix of its own expert, all matrices packed once.
//
//   few rows    a gemv per row
//   many rows   sorted by expert, kRows at a time gathered from x, one gemm with the expert's
//   matrix,
//               and put where they belong: weights are decoded once per kRows rows of an expert
//
// Threads share the columns, so that every thread has work whatever experts are chosen. gemv and
// gemm give the same bits (kernels.h), so a row's do not depend on its neighbours.
#include "plugins/cpu/ops/elements.h"
#include "plugins/cpu/pack.h"

namespace weft::cpu {

namespace {

constexpr int64_t kRows = 48;
constexpr int64_t kPass = 4096;  // rows that are sorted at a time: bounds the scratch

struct State {
  const Kernels* k;
  PackedMatrix first;
  int64_t experts;
};

bool is_transposed(const NodeView& node) { return node.integer("transposed", 0) != 0; }

bool packs(const NodeView&, uint32_t i) { return i == 1; }

void check(const NodeView& node) {
  need_input(node, 0);
  need_input(node, 1);
  need_indices(node, 2);
  need_dtype(node, 0, WEFT_F32);
  need_plain(node, 0);
  if (!node.graph().is_constant(node.input(1)))
    throw Refusal{WEFT_REFUSE_OTHER, "the weights of experts must be a constant", node.input(1)};
  check_packable(node.graph(), experts_of(node.graph(), node.input(1), is_transposed(node)));
  if (!node.has(3)) return;
  need_dtype(node, 3, WEFT_F32);
  need_plain(node, 3);
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const NodeView& node = context.node;
  const LineMatrix stack = experts_of(node.graph(), node.input(1), is_transposed(node));
  return std::make_shared<State>(
      State{&kernels(context), pack(node.graph(), stack, context.constants), stack.matrices});
}

// One thread's scratch, in order.
struct Scratch {
  float* panel;    // kGemmPanelFloats
  float* x;        // [kRows, K]
  float* y;        // [kRows, N rounded up to tiles]
  int32_t* first;  // [experts + 1]: where an expert's rows begin in `rows`
  int32_t* rows;   // [kPass], by expert
};

int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

int64_t scratch_floats(const State& s) {
  return kGemmPanelFloats + round16(kRows * s.first.k) + kRows * s.first.tiles * 16 +
         round16(s.experts + 1) + kPass;
}

Scratch carve(const Step& step, const State& s, const Team& team) {
  Scratch t;
  t.panel = reinterpret_cast<float*>(step.scratch) + team.id * scratch_floats(s);
  t.x = t.panel + kGemmPanelFloats;
  t.y = t.x + round16(kRows * s.first.k);
  t.first = reinterpret_cast<int32_t*>(t.y + kRows * s.first.tiles * 16);
  t.rows = t.first + round16(s.experts + 1);
  return t;
}

// A thread's part of the work: the tiles [begin, end) of every matrix.
struct Part {
  const Step& step;
  const State& s;
  Range tiles;
  int64_t sharing;  // rows of y to one row of x

  const float* x_row(int64_t row) const {
    return data<float>(step.in[0]) + row / sharing * s.first.k;
  }
  int64_t column() const { return tiles.begin * 16; }
  int64_t columns() const { return std::min(tiles.end * 16, s.first.n) - column(); }
  float* y_row(int64_t row) const { return data_out<float>(step) + row * s.first.n + column(); }
  // The tiles of one expert, as a matrix of their own.
  PackedMatrix matrix(int64_t expert) const {
    PackedMatrix w = s.first;
    w.data += expert * w.tiles * w.tile_bytes + tiles.begin * w.tile_bytes;
    w.n = columns();
    w.tiles = tiles.end - tiles.begin;
    return w;
  }
};

void add_bias(const Part& part, int64_t expert, int64_t row) {
  if (part.step.in_count < 4 || !part.step.in[3]) return;
  const float* bias = data<float>(part.step.in[3]) + expert * part.s.first.n + part.column();
  float* y = part.y_row(row);
  part.s.k->binary(kAdd, part.columns(), y, 1, bias, 1, y);
}

// The rows `rows[0 .. count)` of one expert.
void multiply(const Part& part, int64_t expert, const int32_t* rows, int64_t count,
              const Scratch& t) {
  const PackedMatrix w = part.matrix(expert);
  if (count == 1) {
    part.s.k->gemv(w, part.x_row(rows[0]), part.y_row(rows[0]), 0, w.tiles);
    return add_bias(part, expert, rows[0]);
  }
  const int64_t width = w.tiles * 16;
  for (int64_t i = 0; i < count; i++) std::copy_n(part.x_row(rows[i]), w.k, t.x + i * w.k);
  part.s.k->gemm(w, t.x, w.k, t.y, width, count, 0, w.tiles, t.panel);
  for (int64_t i = 0; i < count; i++) {
    std::copy_n(t.y + i * width, w.n, part.y_row(rows[i]));
    add_bias(part, expert, rows[i]);
  }
}

// Sorts rows [begin, end) by expert; false after a fault.
bool sort(const Part& part, int64_t begin, int64_t end, const Scratch& t) {
  const Operand& experts = *part.step.in[2];
  std::fill_n(t.first, part.s.experts + 1, 0);
  int64_t expert;
  for (int64_t row = begin; row < end; row++) {
    if (!in_axis(part.step, integer_at(experts, row), part.s.experts, expert)) return false;
    t.first[expert + 1]++;
  }
  for (int64_t e = 0; e < part.s.experts; e++) t.first[e + 1] += t.first[e];
  for (int64_t row = begin; row < end; row++) {
    in_axis(part.step, integer_at(experts, row), part.s.experts, expert);
    t.rows[t.first[expert]++] = int32_t(row);
  }
  // Each beginning has moved to the next one's.
  std::copy_backward(t.first, t.first + part.s.experts, t.first + part.s.experts + 1);
  t.first[0] = 0;
  return true;
}

void run(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const int64_t rows = step.in[2]->count;
  if (rows == 0 || s.first.n == 0) return;
  const int64_t of_x = s.first.k ? step.in[0]->count / s.first.k : 0;
  const int64_t sharing = of_x ? rows / of_x : 0;
  if (sharing * of_x != rows) {
    if (team.id == 0) fault(step, WEFT_E_INVALID, "there are not as many experts as rows");
    return;
  }
  const Range pairs = share((s.first.tiles + 1) / 2, team.id, team.size);
  const Range tiles = {pairs.begin * 2, std::min(pairs.end * 2, s.first.tiles)};
  if (tiles.begin >= tiles.end) return;
  const Part part{step, s, tiles, sharing};
  const Scratch t = carve(step, s, team);
  for (int64_t begin = 0; begin < rows; begin += kPass) {
    if (!sort(part, begin, std::min(rows, begin + kPass), t)) return;
    for (int64_t e = 0; e < s.experts; e++)
      for (int64_t i = t.first[e]; i < t.first[e + 1]; i += kRows)
        multiply(part, e, t.rows + i, std::min<int64_t>(kRows, t.first[e + 1] - i), t);
  }
}

uint64_t scratch(const Step& step, uint32_t threads) {
  return threads * uint64_t(scratch_floats(*static_cast<const State*>(step.state))) * sizeof(float);
}

uint32_t threads(const Step& step, uint32_t most) {
  const State& s = *static_cast<const State*>(step.state);
  return threads_for(step.out[0]->count * s.first.k, 32 * 1024, most);
}

}  // namespace

extern const OpRow expert_matmul_row = {"weft", "ExpertMatMul", check,   prepare,
                                        run,    packs,          scratch, threads};

}  // namespace weft::cpu
