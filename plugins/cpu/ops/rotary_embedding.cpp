// RotaryEmbedding: pairs of elements of every head turned by the angle of their position.
//
//   x [B, S, H * d] or [B, H, S, d]    cos, sin [positions, r / 2] with position_ids [B, S],
//                                      else [B, S, r / 2];  r = rotary_embedding_dim, or d
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

struct State {
  const Kernels* k;
  int64_t heads, rotary;
  uint32_t interleaved;
};

void check(const NodeView& node) {
  for (uint32_t i = 0; i < 3; i++) {
    need_input(node, i);
    need_dtype(node, i, WEFT_F32);
  }
  need_plain(node);
  if (node.in(0).rank != 3 && node.in(0).rank != 4)
    throw Refusal{WEFT_REFUSE_RANK, "rotary embedding takes rank 3 or 4",
                  node.input(0),    {},
                  node.in(0).rank,  4};
  if (node.in(0).rank == 3 && node.integer("num_heads", 0) <= 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "rank 3 needs the number of heads", WEFT_NONE,
                  "num_heads"};
  if (node.has(3)) need_dtype(node, 3, WEFT_I64);
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const NodeView& node = context.node;
  return std::make_shared<State>(State{&kernels(context), node.integer("num_heads", 0),
                                       node.integer("rotary_embedding_dim", 0),
                                       node.integer("interleaved", 0) != 0});
}

// The row of the caches for (batch, position in the sequence), or -1 after a fault.
int64_t cache_row(const Step& step, int64_t b, int64_t s, int64_t rows) {
  const Operand& cos = *step.in[1];
  if (step.in_count < 4 || !step.in[3]) return (cos.shape[0] == 1 ? 0 : b * rows) + s;
  const Operand& ids = *step.in[3];
  const int64_t at = (ids.shape[0] == 1 ? 0 : b * ids.shape[1]) + s;
  const int64_t position = data<int64_t>(&ids)[at];
  if (position >= 0 && position < cos.shape[0]) return position;
  char message[120];
  std::snprintf(message, sizeof message, "position %lld is outside caches of %lld rows",
                static_cast<long long>(position), static_cast<long long>(cos.shape[0]));
  fault(step, WEFT_E_INVALID, message);
  return -1;
}

void run(const Step& step, const Team& team) {
  const State& state = *static_cast<const State*>(step.state);
  const Operand &x = *step.in[0], &cos = *step.in[1];
  if (x.count == 0) return;
  const bool by_heads = x.rank == 4;
  const int64_t rows = x.shape[by_heads ? 2 : 1];
  const int64_t heads = by_heads ? x.shape[1] : state.heads;
  const int64_t d = by_heads ? x.shape[3] : x.shape[2] / heads;
  const int64_t rotary = state.rotary ? state.rotary : d, half = rotary / 2;
  const int64_t head_stride = by_heads ? rows * d : d, row_stride = by_heads ? d : heads * d;
  if (cos.shape[cos.rank - 1] != half || rotary > d) {
    fault(step, WEFT_E_INVALID, "the caches' last dim is not half of the rotated elements");
    return;
  }
  const Range mine = share(x.shape[0] * rows, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const int64_t b = i / rows, s = i % rows;
    const int64_t at = cache_row(step, b, s, rows);
    if (at < 0) return;
    const float* c = data<float>(&cos) + at * half;
    const float* n = data<float>(step.in[2]) + at * half;
    for (int64_t h = 0; h < heads; h++) {
      const int64_t offset = b * rows * heads * d + s * row_stride + h * head_stride;
      const float* from = data<float>(&x) + offset;
      float* to = data_out<float>(step) + offset;
      state.k->rotate(from, c, n, to, half, state.interleaved);
      if (rotary < d && to != from)
        std::memcpy(to + rotary, from + rotary, size_t(d - rotary) * sizeof(float));
    }
  }
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count, 8 * 1024, most);
}

}  // namespace

extern const OpRow rotary_embedding_row = {"",  "RotaryEmbedding", check,   prepare,
                                           run, nullptr,           nullptr, threads};

}  // namespace weft::cpu
