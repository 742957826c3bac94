// Attention, opset 25: keys and values come whole, their valid length from nonpad_kv_seqlen where
// the host keeps the cache, or they are joined to a past here, and the present is an output.
//
//   q [B, S, Hq * d] or [B, Hq, S, d]    k, v [B, T, Hkv * d] or [B, Hkv, T, d]    y like q
//   past [B, Hkv, P, d]                  present [B, Hkv, P + T, d]
//
// SinkAttention (domain weft) takes two more inputs: sinks [Hq] and slopes [Hq].
//
// Query row i stands at position i + offset, offset = P, or nonpad_kv_seqlen - S, or 0.
#include <cmath>

#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

struct State {
  const Kernels* k;
  int64_t q_heads, kv_heads;  // 0: rank 4, read from the shapes
  bool causal, has_scale;
  float scale, softcap;
  int64_t left, right;
};

constexpr uint32_t kPast[] = {4, 5};  // of keys and of values

void check_cache(const NodeView& node) {
  const bool joins = node.has(kPast[0]) || node.has(kPast[1]);
  const bool keeps = node.output(1) != WEFT_NONE || node.output(2) != WEFT_NONE;
  if (!joins && !keeps) return;
  for (uint32_t i : kPast)
    if (node.has(i)) need_dtype(node, i, WEFT_F32);
  if (node.output(1) == WEFT_NONE || node.output(2) == WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "a past is joined in the present, which is no output here",
                  node.input(kPast[0])};
}

void check(const NodeView& node) {
  for (uint32_t i = 0; i < 3; i++) {
    need_input(node, i);
    need_dtype(node, i, WEFT_F32);
    if (node.in(i).rank != 3 && node.in(i).rank != 4)
      throw Refusal{WEFT_REFUSE_RANK, "queries, keys and values must be of rank 3 or 4",
                    node.input(i),    {},
                    node.in(i).rank,  4};
  }
  need_plain(node);
  if (node.in(0).rank == 3 &&
      (node.integer("q_num_heads", 0) <= 0 || node.integer("kv_num_heads", 0) <= 0))
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "rank 3 needs the numbers of heads", WEFT_NONE,
                  "q_num_heads"};
  if (node.has(3) && node.in(3).dtype != WEFT_F32 && node.in(3).dtype != WEFT_BOOL)
    throw Refusal{WEFT_REFUSE_DTYPE, "a mask that is neither f32 nor bool", node.input(3)};
  check_cache(node);
  if (node.has(6) && node.in(6).dtype != WEFT_I64)
    throw Refusal{WEFT_REFUSE_DTYPE, "nonpad_kv_seqlen must be i64", node.input(6)};
  for (uint32_t i = 7; i < 9; i++)
    if (node.has(i)) need_dtype(node, i, WEFT_F32);
  if (node.output(3) != WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "scores as an output are not computed", node.output(3)};
  const int64_t precision = node.integer("softmax_precision", WEFT_F32);
  if (precision != WEFT_F32 && precision != 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE,
                  "softmax is computed in f32",
                  WEFT_NONE,
                  "softmax_precision",
                  precision,
                  WEFT_F32};
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const NodeView& node = context.node;
  State s{};
  s.k = &kernels(context);
  s.q_heads = node.in(0).rank == 3 ? node.integer("q_num_heads", 0) : 0;
  s.kv_heads = node.in(0).rank == 3 ? node.integer("kv_num_heads", 0) : 0;
  s.causal = node.integer("is_causal", 0) != 0;
  s.has_scale = node.attr("scale") != nullptr;
  s.scale = node.real("scale", 0);
  s.softcap = node.real("softcap", 0);
  s.left = node.integer("left_window_size", -1);
  s.right = node.integer("right_window_size", -1);
  return std::make_shared<State>(s);
}

// Sizes and strides of one of q, k, v, y.
struct Heads {
  int64_t batch, rows, heads, d;
  int64_t batch_stride, row_stride, head_stride;
};
Heads heads_of(const Operand& x, int64_t heads) {
  if (x.rank == 4)
    return {x.shape[0],
            x.shape[2],
            x.shape[1],
            x.shape[3],
            x.shape[1] * x.shape[2] * x.shape[3],
            x.shape[3],
            x.shape[2] * x.shape[3]};
  const int64_t d = x.shape[2] / heads;
  return {x.shape[0], x.shape[1], heads, d, x.shape[1] * x.shape[2], x.shape[2], d};
}

// Keys and values are the inputs', or the present they have been joined in.
struct Job {
  const Step& step;
  const State& state;
  const Operand *keys, *values;
  Heads q, k, v, y;
  int64_t past;
};

const Operand* optional(const Step& step, uint32_t input) {
  return input < step.in_count ? step.in[input] : nullptr;
}
bool has_present(const Step& step) { return step.out_count > 1 && step.out[1]; }

int64_t mask_stride(const Operand& mask, uint32_t from_end) {
  if (mask.rank < from_end) return 0;
  const uint32_t d = mask.rank - from_end;
  return mask.shape[d] == 1 ? 0 : mask.stride[d];
}

// One number per query head from `head` on; nullptr where the input is absent.
const float* per_head(const Step& step, uint32_t input, int64_t head) {
  const Operand* x = optional(step, input);
  return x ? data<float>(x) + head : nullptr;
}

// Query heads [head, head + heads) of one key head, rows [row, row + rows).
void attend(const Job& job, int64_t batch, int64_t head, int64_t heads, int64_t row, int64_t rows,
            float* scratch) {
  const State& s = job.state;
  const int64_t kv_head = head / (job.q.heads / job.k.heads);
  int64_t valid = job.k.rows, offset = job.past;
  if (const Operand* length = optional(job.step, 6)) {
    const int64_t given = data<int64_t>(length)[batch];
    offset = given - job.q.rows;
    valid = std::clamp<int64_t>(given, 0, valid);
  }
  AttentionUnit u{};
  u.q = data<float>(job.step.in[0]) + batch * job.q.batch_stride + head * job.q.head_stride +
        row * job.q.row_stride;
  u.k = data<float>(job.keys) + batch * job.k.batch_stride + kv_head * job.k.head_stride;
  u.v = data<float>(job.values) + batch * job.v.batch_stride + kv_head * job.v.head_stride;
  u.y = data_out<float>(job.step) + batch * job.y.batch_stride + head * job.y.head_stride +
        row * job.y.row_stride;
  u.q_row = job.q.row_stride, u.q_head = job.q.head_stride;
  u.k_row = job.k.row_stride, u.v_row = job.v.row_stride;
  u.y_row = job.y.row_stride, u.y_head = job.y.head_stride;
  u.rows = rows, u.heads = heads, u.d = job.q.d, u.dv = job.v.d;
  u.keys = valid;
  u.position = row + offset;
  u.left = s.left < 0 ? kNoLimit : s.left;
  u.right = s.right < 0 ? kNoLimit : s.right;
  if (s.causal) u.right = 0;
  u.scale = s.has_scale ? s.scale : 1.0f / std::sqrt(float(job.q.d));
  u.softcap = s.softcap;
  if (optional(job.step, 3)) {
    const Operand& mask = *job.step.in[3];
    u.mask_key = mask_stride(mask, 1), u.mask_row = mask_stride(mask, 2);
    u.mask_head = mask_stride(mask, 3);
    u.mask_is_bool = mask.dtype == WEFT_BOOL;
    const int64_t at = batch * mask_stride(mask, 4) + head * u.mask_head + row * u.mask_row;
    u.mask = mask.data + at * element_size(mask.dtype);
    // Keys past a mask shorter than the keys are not attended.
    if (mask.rank) u.keys = std::min(u.keys, mask.shape[mask.rank - 1]);
  }
  u.sinks = per_head(job.step, 7, head);
  u.slopes = per_head(job.step, 8, head);
  s.k->attend(u, scratch);
}

// Heads of a unit: the largest divisor of the heads per key head that a unit holds.
int64_t group_of(int64_t per_key_head) {
  int64_t group = std::min(per_key_head, kAttentionVectors);
  while (per_key_head % group) group--;
  return group;
}

Job job_of(const Step& step) {
  const State& s = *static_cast<const State*>(step.state);
  const bool joined = has_present(step);
  const Operand* keys = joined ? step.out[1] : step.in[1];
  const Operand* values = joined ? step.out[2] : step.in[2];
  const Operand* past = optional(step, kPast[0]);
  return {step,
          s,
          keys,
          values,
          heads_of(*step.in[0], s.q_heads),
          heads_of(*keys, s.kv_heads),
          heads_of(*values, s.kv_heads),
          heads_of(*step.out[0], s.q_heads),
          past ? past->shape[2] : 0};
}

// Past and new rows of one key head, after each other in the present.
void join(const Step& step, const State& s, uint32_t which, int64_t batch, int64_t head) {
  const Operand& present = *step.out[1 + which];
  const Operand& fresh = *step.in[1 + which];
  const Operand* past = optional(step, kPast[which]);
  const Heads to = heads_of(present, 0), from = heads_of(fresh, s.kv_heads);
  float* rows =
      reinterpret_cast<float*>(present.data) + batch * to.batch_stride + head * to.head_stride;
  if (past) {
    const Heads before = heads_of(*past, 0);
    const float* first =
        data<float>(past) + batch * before.batch_stride + head * before.head_stride;
    std::copy_n(first, before.rows * before.d, rows);
    rows += before.rows * to.row_stride;
  }
  const float* first = data<float>(&fresh) + batch * from.batch_stride + head * from.head_stride;
  for (int64_t i = 0; i < from.rows; i++)
    std::copy_n(first + i * from.row_stride, from.d, rows + i * to.row_stride);
}

// Threads do not wait for each other within a step: each joins the heads that it then attends.
void join_and_attend(const Job& job, const Team& team, int64_t group, int64_t row_block,
                     float* scratch) {
  const int64_t per_key_head = job.q.heads / job.k.heads;
  const Range mine = share(job.q.batch * job.k.heads, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const int64_t batch = i / job.k.heads, kv_head = i % job.k.heads;
    for (uint32_t which : {0u, 1u}) join(job.step, job.state, which, batch, kv_head);
    for (int64_t head = 0; head < per_key_head; head += group)
      for (int64_t row = 0; row < job.q.rows; row += row_block)
        attend(job, batch, kv_head * per_key_head + head, group, row,
               std::min(row_block, job.q.rows - row), scratch);
  }
}

void run(const Step& step, const Team& team) {
  const Job job = job_of(step);
  float* scratch = reinterpret_cast<float*>(step.scratch) +
                   team.id * ((attention_scratch_floats(job.q.d, job.v.d) + 15) / 16 * 16);
  const int64_t group = group_of(job.q.heads / job.k.heads);
  const int64_t row_block = std::max<int64_t>(1, kAttentionVectors / group);
  const int64_t blocks = (job.q.rows + row_block - 1) / row_block;
  if (has_present(step)) return join_and_attend(job, team, group, row_block, scratch);
  if (step.out[0]->count == 0) return;
  if (blocks == 1) {
    // Few rows: threads share the heads of a group, so that three key heads keep two threads busy.
    const Range mine = share(job.q.batch * job.q.heads, team.id, team.size);
    for (int64_t i = mine.begin; i < mine.end;) {
      const int64_t batch = i / job.q.heads, head = i % job.q.heads;
      const int64_t some = std::min({group - head % group, mine.end - i});
      attend(job, batch, head, some, 0, job.q.rows, scratch);
      i += some;
    }
    return;
  }
  // Later rows see more keys: units are dealt out in turn.
  const int64_t groups = job.q.heads / group;
  for (int64_t unit = team.id; unit < job.q.batch * blocks * groups; unit += team.size) {
    const int64_t head = unit % groups * group, rest = unit / groups;
    const int64_t row = rest % blocks * row_block, batch = rest / blocks;
    attend(job, batch, head, group, row, std::min(row_block, job.q.rows - row), scratch);
  }
}

uint64_t scratch(const Step& step, uint32_t threads) {
  const State& s = *static_cast<const State*>(step.state);
  const Heads q = heads_of(*step.in[0], s.q_heads), v = heads_of(*step.in[2], s.kv_heads);
  return threads * uint64_t((attention_scratch_floats(q.d, v.d) + 15) / 16 * 16) * sizeof(float);
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count * step.in[1]->shape[step.in[1]->rank == 4 ? 2 : 1],
                     8 * 1024, most);
}

}  // namespace

extern const OpRow attention_row = {"",  "Attention", check,   prepare,
                                    run, nullptr,     scratch, threads};
extern const OpRow sink_attention_row = {"weft", "SinkAttention", check,   prepare,
                                         run,    nullptr,         scratch, threads};

}  // namespace weft::cpu
