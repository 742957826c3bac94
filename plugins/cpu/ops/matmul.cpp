// MatMul: x [..., K] by a constant [K, N] (packed once), or by another activation.
//
// Many rows times a constant are rounded to bfloat16 with compute=bf16, and with auto where the
// constant is of floats.
#include "plugins/cpu/ops/rounded.h"
#include "plugins/cpu/pack.h"

namespace weft::cpu {

namespace {

struct State {
  const Kernels* k;
  bool constant;
  bool rounds;
  PackedMatrix w;
};

bool is_weight(const NodeView& node) {
  return node.graph().is_constant(node.input(1)) && node.in(1).rank == 2;
}

bool packs(const NodeView& node, uint32_t i) { return i == 1 && is_weight(node); }

void check(const NodeView& node) {
  need_input(node, 0);
  need_input(node, 1);
  need_dtype(node, 0, WEFT_F32);
  need_dtype(node, 1, WEFT_F32);
  need_plain(node, 0);
  if (is_weight(node)) {
    check_packable(node.graph(), columns_of(node.graph(), node.input(1)));
  } else {
    need_plain(node, 1);
  }
}

std::shared_ptr<const void> prepare(Prepare& context) {
  auto state = std::make_shared<State>();
  state->k = &kernels(context);
  state->constant = is_weight(context.node);
  if (!state->constant) return state;
  state->w = pack(context.node.graph(), columns_of(context.node.graph(), context.node.input(1)),
                  context.constants);
  const Compute compute = static_cast<const CpuDevice*>(context.device_state)->compute;
  state->rounds =
      state->k->rounded_product && state->w.k > 0 &&
      (compute == Compute::bf16 || (compute == Compute::automatic && !context.node.in(1).quant));
  return state;
}

const State& state_of(const Step& step) { return *static_cast<const State*>(step.state); }
int64_t rows_of(const Step& step, const State& state) {
  return state.w.n ? step.out[0]->count / state.w.n : 0;
}
bool rounds(const Step& step) {
  const State& state = state_of(step);
  return state.rounds && rows_of(step, state) >= kRoundedFrom;
}

float* panel_of(const Step& step, const Team& team) {
  return reinterpret_cast<float*>(step.scratch) + team.id * kGemmPanelFloats;
}

void run_rounded(const Step& step, const State& state, const Team& team) {
  const PackedMatrix& w = state.w;
  const int64_t rows = rows_of(step, state);
  if (team.phase == 0) {
    const Range mine = share(rows, team.id, team.size);
    for (int64_t row = mine.begin; row < mine.end; row++)
      round_row(*state.k, data<float>(step.in[0]) + row * w.k, row, w.k, step.scratch);
    return;
  }
  Product p{};
  p.w = &w;
  p.x = step.scratch;
  p.rows = rows, p.terms = 1;
  p.y = data_out<float>(step), p.y_row = w.n;
  const Range pairs = share((w.tiles + 1) / 2, team.id, team.size);
  state.k->rounded_product(
      p, pairs.begin * 2, std::min(pairs.end * 2, w.tiles),
      step.scratch + rounded_bytes(w.k, rows) + team.id * rounded_panel_bytes(w.k));
}

void run_constant(const Step& step, const State& state, const Team& team) {
  const PackedMatrix& w = state.w;
  float* y = data_out<float>(step);
  const int64_t rows = rows_of(step, state);
  if (rows == 0) return;
  if (w.k == 0) {
    if (team.id == 0) std::memset(y, 0, size_t(step.out[0]->count) * sizeof(float));
    return;
  }
  const float* x = data<float>(step.in[0]);
  if (rows == 1) {
    const Range tiles = share(w.tiles, team.id, team.size);
    state.k->gemv(w, x, y, tiles.begin, tiles.end);
    return;
  }
  const Range pairs = share((w.tiles + 1) / 2, team.id, team.size);
  state.k->gemm(w, x, w.k, y, w.n, rows, pairs.begin * 2, std::min(pairs.end * 2, w.tiles),
                panel_of(step, team));
}

// Offset in elements of batch `index` of the output within an operand of fewer or broadcast dims.
int64_t batch_offset(const Operand& x, uint32_t x_batch, const Operand& y, uint32_t y_batch,
                     int64_t index) {
  int64_t offset = 0;
  for (uint32_t d = y_batch; d-- > 0;) {
    const int64_t at = index % y.shape[d];
    index /= y.shape[d];
    const int64_t mine = int64_t(d) - (int64_t(y_batch) - int64_t(x_batch));
    if (mine >= 0 && x.shape[mine] != 1) offset += at * x.stride[mine];
  }
  return offset;
}

void run_activations(const Step& step, const State& state, const Team& team) {
  const Operand &a = *step.in[0], &b = *step.in[1], &y = *step.out[0];
  const int64_t k = a.shape[a.rank - 1];
  const int64_t m = a.rank > 1 ? a.shape[a.rank - 2] : 1;
  const int64_t n = b.rank > 1 ? b.shape[b.rank - 1] : 1;
  if (y.count == 0) return;
  const uint32_t a_batch = a.rank > 1 ? a.rank - 2 : 0, b_batch = b.rank > 1 ? b.rank - 2 : 0;
  const uint32_t y_batch = std::max(a_batch, b_batch);
  constexpr int64_t kRows = 48;
  const int64_t row_blocks = (m + kRows - 1) / kRows, batches = y.count / (m * n);
  for (int64_t unit = team.id; unit < batches * row_blocks; unit += team.size) {
    const int64_t batch = unit / row_blocks, row = unit % row_blocks * kRows;
    const float* from_a = data<float>(&a) + batch_offset(a, a_batch, y, y_batch, batch);
    const float* from_b = data<float>(&b) + batch_offset(b, b_batch, y, y_batch, batch);
    state.k->matmul(from_a + row * k, k, from_b, n, data_out<float>(step) + (batch * m + row) * n,
                    n, std::min(kRows, m - row), k, n, panel_of(step, team));
  }
}

void run(const Step& step, const Team& team) {
  const State& state = state_of(step);
  if (rounds(step)) {
    run_rounded(step, state, team);
  } else if (state.constant) {
    run_constant(step, state, team);
  } else {
    run_activations(step, state, team);
  }
}

uint64_t scratch(const Step& step, uint32_t threads) {
  const PackedMatrix& w = state_of(step).w;
  const uint64_t floats = threads * uint64_t(kGemmPanelFloats) * sizeof(float);
  if (!rounds(step)) return floats;
  const int64_t rounded =
      rounded_bytes(w.k, rows_of(step, state_of(step))) + threads * rounded_panel_bytes(w.k);
  return std::max(floats, uint64_t(rounded));
}

uint32_t threads(const Step& step, uint32_t most) {
  const Operand& x = *step.in[0];
  return threads_for(step.out[0]->count * x.shape[x.rank - 1], 32 * 1024, most);
}

uint32_t phases(const Step& step) { return rounds(step) ? 2 : 1; }

}  // namespace

extern const OpRow matmul_row = {"",    "MatMul", check,   prepare, run,
                                 packs, scratch,  threads, phases};

}  // namespace weft::cpu
