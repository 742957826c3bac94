// Attention, opset 25: keys and values come whole, their valid length from nonpad_kv_seqlen where
// the host keeps the cache, or they are joined to a past here, and the present is an output.
//
//   q [B, S, Hq * d] or [B, Hq, S, d]    k, v [B, T, Hkv * d] or [B, Hkv, T, d]    y like q
//   past [B, Hkv, P, d]                  present [B, Hkv, P + T, d]
//
// SinkAttention (domain weft) takes two more inputs, sinks [Hq] and slopes [Hq], and its keys and
// values may be f16, a cache of halves widened where it is read, or i8, rows of codes with a row
// per head (quant/code_rows.h): head sizes are then q's and y's.
//
// Query row i stands at position i + offset, offset = P, or nonpad_kv_seqlen - S, or 0.
#include <atomic>
#include <cmath>

#include "plugins/cpu/ops/cpu_op.h"
#include "quant/code_rows.h"

namespace weft::cpu {

namespace {

// Key heads of a step whose keys several threads share, at most; see share_keys.
constexpr int64_t kCounters = 256;
constexpr int64_t kSharedVectors = 12;  // queries per key head that share their keys among threads

struct State {
  const Kernels* k;
  int64_t q_heads, kv_heads;  // 0: rank 4, read from the shapes
  bool causal, has_scale, may_round;
  float scale, softcap;
  int64_t left, right;
  // Lines of each key head that are done. Zero between runs.
  mutable std::atomic<int64_t> done[kCounters];

  // Counts `some` lines of key head `index`; true for whoever counts the last of `all`.
  bool finished(int64_t index, int64_t some, int64_t all) const {
    if (some <= 0) return false;
    if (done[index].fetch_add(some, std::memory_order_acq_rel) + some < all) return false;
    done[index].store(0, std::memory_order_relaxed);
    return true;
  }
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

// A head of codes is as wide as its elements make it: those of q for keys, of y for values.
void check_codes(const NodeView& node) {
  const int64_t q_heads = node.integer("q_num_heads", 0), heads = node.integer("kv_num_heads", 0);
  for (uint32_t i = 1; i < 3; i++) {
    if (node.in(i).dtype != WEFT_I8) continue;
    const weft_value& like = i == 1 ? node.in(0) : node.out(0);
    if (node.in(i).rank != like.rank)
      throw Refusal{WEFT_REFUSE_RANK, "codes are of the rank of queries", node.input(i)};
    const weft_dim &wide = like.dims[like.rank - 1], &packed = node.in(i).dims[like.rank - 1];
    if (wide.slot != WEFT_NONE || packed.slot != WEFT_NONE)
      throw Refusal{WEFT_REFUSE_SHAPE, "heads of codes have fixed sizes", node.input(i)};
    const bool flat = like.rank == 3;
    const int64_t size = flat ? wide.value / q_heads : wide.value;
    const int64_t bytes = (flat ? heads : 1) * quant::code_row_bytes(size);
    if (packed.value != bytes)
      throw Refusal{WEFT_REFUSE_SHAPE, "heads of codes are not as wide as their elements make them",
                    node.input(i),     {},
                    packed.value,      bytes};
  }
}

void check(const NodeView& node) {
  const bool may_widen =
      std::strcmp(node->domain, "weft") == 0 && !node.has(kPast[0]) && node.output(1) == WEFT_NONE;
  for (uint32_t i = 0; i < 3; i++) {
    need_input(node, i);
    const bool narrow = node.in(i).dtype == WEFT_F16 || node.in(i).dtype == WEFT_I8;
    if (i == 0 || !may_widen || !narrow) need_dtype(node, i, WEFT_F32);
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
  check_codes(node);
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
  const auto state = std::make_shared<State>();
  State& s = *state;
  s.k = &kernels(context);
  s.q_heads = node.in(0).rank == 3 ? node.integer("q_num_heads", 0) : 0;
  s.kv_heads = node.in(0).rank == 3 ? node.integer("kv_num_heads", 0) : 0;
  const Compute compute = static_cast<const CpuDevice*>(context.device_state)->compute;
  s.may_round = s.k->attend_prompt && (compute == Compute::bf16 || compute == Compute::automatic);
  s.causal = node.integer("is_causal", 0) != 0;
  s.has_scale = node.attr("scale") != nullptr;
  s.scale = node.real("scale", 0);
  s.softcap = node.real("softcap", 0);
  s.left = node.integer("left_window_size", -1);
  s.right = node.integer("right_window_size", -1);
  return state;
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

// Element `at` of keys or values, which may be halves.
const void* element(const Operand& x, int64_t at) { return x.data + at * element_size(x.dtype); }

// Query heads [head, head + heads) of one key head, rows [row, row + rows).
AttentionUnit unit_of(const Job& job, int64_t batch, int64_t head, int64_t heads, int64_t row,
                      int64_t rows) {
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
  u.k = element(*job.keys, batch * job.k.batch_stride + kv_head * job.k.head_stride);
  u.v = element(*job.values, batch * job.v.batch_stride + kv_head * job.v.head_stride);
  u.k_is_half = job.keys->dtype == WEFT_F16, u.v_is_half = job.values->dtype == WEFT_F16;
  u.k_is_codes = job.keys->dtype == WEFT_I8, u.v_is_codes = job.values->dtype == WEFT_I8;
  u.y = data_out<float>(job.step) + batch * job.y.batch_stride + head * job.y.head_stride +
        row * job.y.row_stride;
  u.q_row = job.q.row_stride, u.q_head = job.q.head_stride;
  u.k_row = job.k.row_stride, u.v_row = job.v.row_stride;
  u.y_row = job.y.row_stride, u.y_head = job.y.head_stride;
  u.rows = rows, u.heads = heads, u.d = job.q.d, u.dv = job.y.d;
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
  return u;
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

// How the rows of a step are cut into units, and what attends them.
struct Units {
  int64_t heads, rows;
  void (*attend)(const AttentionUnit& unit, float* scratch);
};

// compute=auto: prompts too long for products of two terms (linear.cpp) are of bfloat16.
bool is_rough(const Job& job) { return job.state.may_round && job.q.rows > kFineRows; }

// Units of `group` heads as large as leaves each thread several.
Units units_of(const Job& job, int64_t group, uint32_t threads) {
  const int64_t rows = kAttentionVectors / group, groups = job.q.heads / group;
  if (!is_rough(job)) return {group, rows, job.state.k->attend};
  const auto units = [&](int64_t tiles) {
    return job.q.batch * groups * ((job.q.rows + tiles * rows - 1) / (tiles * rows));
  };
  int64_t tiles = kPromptTiles;
  while (tiles > 1 && units(tiles) < 8 * int64_t(threads)) tiles--;
  return {group, tiles * rows, job.state.k->attend_prompt};
}

// Threads do not wait for each other within a step: each joins the heads that it then attends.
void join_and_attend(const Job& job, const Team& team, const Units& units, float* scratch) {
  const int64_t per_key_head = job.q.heads / job.k.heads;
  const Range mine = share(job.q.batch * job.k.heads, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const int64_t batch = i / job.k.heads, kv_head = i % job.k.heads;
    for (uint32_t which : {0u, 1u}) join(job.step, job.state, which, batch, kv_head);
    for (int64_t head = 0; head < per_key_head; head += units.heads)
      for (int64_t row = 0; row < job.q.rows; row += units.rows)
        units.attend(unit_of(job, batch, kv_head * per_key_head + head, units.heads, row,
                             std::min(units.rows, job.q.rows - row)),
                     scratch);
  }
}

// Blocks of keys that the rows of this batch see.
struct Blocks {
  int64_t first, count;
};
Blocks blocks_of(const AttentionUnit& u) {
  const int64_t low = std::max<int64_t>(u.position - u.left, 0);
  const int64_t high = std::min(u.position + u.rows + u.right, u.keys);
  if (high <= low) return {0, 0};
  return {low / kKeyBlock, (high + kKeyBlock - 1) / kKeyBlock - low / kKeyBlock};
}

// Parts of all query heads of one batch over the blocks of its keys: [heads, blocks, rows, part].
int64_t parts_floats(const Job& job, int64_t rows) {
  const int64_t blocks = (job.k.rows + kKeyBlock - 1) / kKeyBlock;
  return job.q.heads * blocks * rows * attention_part_floats(job.y.d);
}
int64_t thread_floats(const Job& job) {
  const int64_t floats = attention_scratch_floats(job.q.d, job.y.d);
  return is_rough(job) ? std::max(floats, prompt_scratch_floats(job.q.d, job.y.d)) : floats;
}

// Few rows: threads share keys as well as heads. Lines of work are (key head, block, query head of
// the group), in that order, in equal shares; whoever finishes the last line of a key head merges.
void share_keys(const Job& job, const Team& team, int64_t group, float* parts, float* scratch) {
  const State& s = job.state;
  const int64_t rows = job.q.rows, block_floats = rows * attention_part_floats(job.y.d);
  for (int64_t batch = 0; batch < job.q.batch; batch++) {
    const Blocks blocks = blocks_of(unit_of(job, batch, 0, 1, 0, rows));
    const int64_t head_floats = blocks.count * block_floats;
    const int64_t groups = job.q.heads / group, lines = blocks.count * job.q.heads;
    // Whole groups where there are many, so that no keys are read by two threads.
    const bool whole = groups * blocks.count >= 4 * team.size;
    const int64_t grain = whole ? group : 1;
    const Range grains = share(lines / grain, team.id, team.size);
    const Range mine = {grains.begin * grain, grains.end * grain};
    for (int64_t g = 0; g < groups; g++) {
      const int64_t all = blocks.count * group, begin = std::max(mine.begin - g * all, int64_t{0}),
                    end = std::min(mine.end - g * all, all);
      float* to = parts + g * group * head_floats;
      for (int64_t i = begin; i < end;) {
        const int64_t block = i / group, head = i % group, some = std::min(group - head, end - i);
        const int64_t count = some == group ? (end - i) / group : 1;
        s.k->attend_blocks(
            unit_of(job, batch, g * group + head, some, 0, rows), blocks.first + block, count,
            to + head * head_floats + block * block_floats, head_floats, block_floats, scratch);
        i += some * count;
      }
      if (all > 0 ? s.finished(batch * groups + g, end - begin, all) : team.id == 0)
        s.k->attend_merge(unit_of(job, batch, g * group, group, 0, rows), blocks.count, to,
                          head_floats, block_floats, scratch);
    }
    parts += parts_floats(job, rows);
  }
}

void run(const Step& step, const Team& team) {
  const Job job = job_of(step);
  float* const all = reinterpret_cast<float*>(step.scratch);
  float* scratch = all + team.id * thread_floats(job);
  const int64_t group = group_of(job.q.heads / job.k.heads);
  Units units = units_of(job, group, team.size);
  if (has_present(step)) return join_and_attend(job, team, units, scratch);
  if (step.out[0]->count == 0) return;
  if (job.q.rows * group <= kSharedVectors && job.q.batch * job.q.heads / group <= kCounters) {
    float* parts = all + team.size * thread_floats(job);
    return share_keys(job, team, group, parts, scratch);
  }
  const int64_t blocks = (job.q.rows + units.rows - 1) / units.rows;
  // Few units are cut into heads, so that three key heads keep two threads busy.
  if (job.q.batch * blocks * (job.q.heads / group) < 4 * team.size) units.heads = 1;
  // Later rows see more keys: units are dealt out in turn, and back.
  const int64_t groups = job.q.heads / units.heads, count = job.q.batch * blocks * groups;
  for (int64_t turn = 0; turn * team.size < count; turn++) {
    const int64_t unit = turn * team.size + (turn % 2 ? team.size - 1 - team.id : team.id);
    if (unit >= count) continue;
    const int64_t row = unit % blocks * units.rows, rest = unit / blocks;
    const int64_t head = rest % groups * units.heads, batch = rest / groups;
    units.attend(
        unit_of(job, batch, head, units.heads, row, std::min(units.rows, job.q.rows - row)),
        scratch);
  }
}

uint64_t scratch(const Step& step, uint32_t threads) {
  const Job job = job_of(step);
  const int64_t group = group_of(job.q.heads / job.k.heads);
  int64_t floats = threads * thread_floats(job);
  if (!has_present(step) && group <= kSharedVectors)
    floats += job.q.batch * parts_floats(job, std::min(job.q.rows, kSharedVectors / group));
  return uint64_t(floats) * sizeof(float);
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
