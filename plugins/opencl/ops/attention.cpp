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
// Few queries leave most of a device idle, so work-items share the blocks of their keys where the
// parts have room in the scratch, and attention_merge adds them up (kernels/any/attention_job.cl).
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstring>

#include "plugins/opencl/op.h"
#include "plugins/opencl/view_copy.h"
#include "quant/code_rows.h"

namespace weft::opencl {

namespace {

enum Input : uint32_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kLength, kSinks, kSlopes };
constexpr uint32_t kPast[] = {kPastKey, kPastValue};
constexpr uint64_t kMostScratch = 16 << 20;
constexpr int64_t kNoWindow = INT_MAX / 4;

// ------------------------------------------------------------------ checks
void check_cache(const NodeView& node) {
  const bool joins = node.has(kPastKey) || node.has(kPastValue);
  const bool keeps = node.output(1) != WEFT_NONE || node.output(2) != WEFT_NONE;
  if (!joins && !keeps) return;
  for (const uint32_t i : kPast)
    if (node.has(i)) need_plain_f32(node, i);
  if (node.output(1) == WEFT_NONE || node.output(2) == WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "a past is joined in the present, which is no output here",
                  node.input(kPastKey)};
}

int64_t heads_of(const NodeView& node, uint32_t i) {
  return node.integer(i == kQ ? "q_num_heads" : "kv_num_heads", 0);
}

// The last dim of a head, where it is fixed; -1.
int64_t head_size(const weft_value& x, int64_t heads) {
  const weft_dim& last = x.dims[x.rank - 1];
  if (last.slot != WEFT_NONE) return -1;
  return x.rank == 4 ? last.value : last.value / heads;
}

void check_head(const NodeView& node, const weft_value& x) {
  const int64_t size = head_size(x, heads_of(node, kQ));
  if (size < 0) throw Refusal{WEFT_REFUSE_DYNAMIC, "heads whose size is not fixed", node.input(kQ)};
  if (size > kHead)
    throw Refusal{WEFT_REFUSE_LIMIT,
                  text("a head of %lld elements, opencl attends up to %d",
                       static_cast<long long>(size), kHead),
                  node.input(kQ),
                  "head_size",
                  size,
                  kHead};
}

// A head of codes is as wide as its elements make it: those of q for keys, of y for values.
void check_codes(const NodeView& node, uint32_t i) {
  const weft_value& like = i == kK ? node.in(kQ) : node.out(0);
  const int64_t bytes = quant::code_row_bytes(head_size(like, heads_of(node, kQ)));
  if (node.in(i).rank != like.rank || head_size(node.in(i), heads_of(node, i)) != bytes)
    throw Refusal{WEFT_REFUSE_SHAPE, "heads of codes are not as wide as their elements make them",
                  node.input(i)};
}

void check_operands(const NodeView& node) {
  const bool may_widen =
      std::strcmp(node->domain, "weft") == 0 && !node.has(kPastKey) && node.output(1) == WEFT_NONE;
  for (uint32_t i = kQ; i <= kV; i++) {
    need_input(node, i);
    const uint32_t dtype = node.in(i).dtype, rank = node.in(i).rank;
    const bool narrow = dtype == WEFT_F16 || dtype == WEFT_I8;
    if (i == kQ || !may_widen || !narrow) need_dtype(node, i, WEFT_F32);
    if (rank != 3 && rank != 4)
      throw Refusal{WEFT_REFUSE_RANK,
                    "queries, keys and values must be of rank 3 or 4",
                    node.input(i),
                    {},
                    rank,
                    4};
    if (rank == 3 && heads_of(node, i) <= 0)
      throw Refusal{WEFT_REFUSE_ATTRIBUTE, "rank 3 needs the numbers of heads", WEFT_NONE,
                    i == kQ ? "q_num_heads" : "kv_num_heads"};
  }
  check_head(node, node.in(kQ));
  check_head(node, node.out(0));
  for (const uint32_t i : {kK, kV})
    if (node.in(i).dtype == WEFT_I8) check_codes(node, i);
}

void check(const NodeView& node, const Limits& limits) {
  check_operands(node);
  need_plain(node);
  if (node.has(kMask) && node.in(kMask).dtype != WEFT_F32 && node.in(kMask).dtype != WEFT_BOOL)
    throw Refusal{WEFT_REFUSE_DTYPE, "a mask that is neither f32 nor bool", node.input(kMask)};
  check_cache(node);
  if (node.has(kLength)) need_indices(node, kLength);
  for (const uint32_t i : {kSinks, kSlopes})
    if (node.has(i)) need_plain_f32(node, i);
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
  check_tensors(limits, node);
}

// ------------------------------------------------------------------ what a run is given
// Sizes and steps of one of q, k, v, y.
struct Heads {
  int64_t batch, rows, heads, d;
  int64_t batch_step, row_step, head_step;
};
Heads split_heads(const Tensor& x, int64_t heads) {
  const int64_t* n = x.shape;
  if (x.rank == 4) return {n[0], n[2], n[1], n[3], n[1] * n[2] * n[3], n[3], n[2] * n[3]};
  return {n[0], n[1], heads, n[2] / heads, n[1] * n[2], n[2], n[2] / heads};
}

// What is fixed at compile time.
struct Plan {
  const Tensor *q, *k, *v, *y, *mask, *length, *sinks, *slopes;
  const Tensor *present[2], *past[2], *fresh[2];
  const Tensor* scratch;
  uint64_t scratch_bytes;
  int64_t q_heads, kv_heads;
  int64_t left, right;
  float scale, softcap;  // scale 0: by the size of a head
  bool tiled;
};

// The shapes of one run.
struct Job {
  Heads q, k, v, y;
  int64_t past;
  int64_t splits, units;  // work-items along the keys, and of the queries of one key head
};

int64_t blocks_of(int64_t keys) { return (keys + kKeys - 1) / kKeys; }

// How many work-items share the keys of a query: enough of them to keep the device busy, and no
// more than blocks.
int64_t splits_of(const Plan& plan, const Job& job, int64_t known_length) {
  const int64_t enough = plan.tiled ? 512 : 16;
  const int64_t blocks = blocks_of(known_length >= 0 ? known_length : job.k.rows);
  const int64_t items = job.q.batch * job.units * (plan.tiled ? job.q.heads : job.k.heads);
  const uint64_t bytes =
      uint64_t(job.q.batch * job.q.heads * job.q.rows * blocks_of(job.k.rows) * (job.y.d + 2)) *
      sizeof(float);
  if (items >= enough || bytes > plan.scratch_bytes) return 1;
  return std::clamp<int64_t>((enough + items - 1) / items, 1, std::max<int64_t>(blocks, 1));
}

int64_t known_length(const Plan& plan) {
  if (!plan.length) return -2;
  const Tensor& length = *plan.length;
  return length.known && length.count == 1 ? length.known[0] : -1;
}

Job job_of(const Plan& plan) {
  Job job{split_heads(*plan.q, plan.q_heads),
          split_heads(*plan.k, plan.kv_heads),
          split_heads(*plan.v, plan.kv_heads),
          split_heads(*plan.y, plan.q_heads),
          plan.past[0] ? plan.past[0]->shape[2] : 0,
          1,
          1};
  const int64_t lanes = plan.tiled ? 1 : kLanes;
  job.units =
      plan.tiled ? job.q.rows : (job.q.rows * (job.q.heads / job.k.heads) + lanes - 1) / lanes;
  job.splits = splits_of(plan, job, known_length(plan));
  return job;
}

int64_t mask_step(const Tensor* mask, uint32_t from_end) {
  if (!mask || mask->rank < from_end) return 0;
  const uint32_t d = mask->rank - from_end;
  return mask->shape[d] == 1 ? 0 : mask->inner(d + 1);
}

cl_long16 steps_of(const Plan& plan, const Job& job) {
  cl_long16 out;
  uint32_t at = 0;
  for (const Heads& x : {job.q, job.k, job.v, job.y}) {
    out.s[at++] = x.batch_step;
    out.s[at++] = x.row_step;
    out.s[at++] = x.head_step;
  }
  for (const uint32_t from_end : {4u, 3u, 2u, 1u}) out.s[at++] = mask_step(plan.mask, from_end);
  return out;
}

cl_int16 sizes_of(const Plan& plan, const Job& job) {
  const Tensor* mask = plan.mask;
  const int64_t sizes[] = {job.q.heads,
                           job.k.heads,
                           job.q.rows,
                           job.k.rows,
                           job.q.d,
                           job.y.d,
                           plan.left,
                           plan.right,
                           job.past,
                           mask ? mask->dtype : 0,
                           mask ? mask->shape[mask->rank - 1] : 0,
                           plan.k->dtype,
                           plan.v->dtype,
                           (plan.sinks ? 1 : 0) | (plan.slopes ? 2 : 0),
                           job.splits,
                           known_length(plan)};
  cl_int16 out;
  for (uint32_t i = 0; i < 16; i++) out.s[i] = cl_int(sizes[i]);
  return out;
}

// Sets a kernel's own arguments, and then those of the job; q and y stand in for what is absent.
template <typename... Own>
void set_arguments(const Kernel& kernel, const Plan& plan, const Job& job, const Own&... own) {
  const Tensor& q = *plan.q;
  const float scale = plan.scale != 0 ? plan.scale : 1.0f / std::sqrt(float(job.q.d));
  cl_float2 reals;
  reals.s[0] = scale, reals.s[1] = plan.softcap;
  const bool is_read = plan.length && plan.length->memory;
  kernel.arguments(
      own..., is_read ? *plan.length : q, cl_int(is_read ? plan.length->dtype : WEFT_I64),
      plan.mask ? *plan.mask : q, plan.sinks ? *plan.sinks : q, plan.slopes ? *plan.slopes : q,
      job.splits > 1 ? *plan.scratch : *plan.y, steps_of(plan, job), sizes_of(plan, job), reals);
}

// Past and new rows after each other in the present.
void join(const Plan& plan, const Job& job, const Kernel& copier, Submission& commands) {
  for (const uint32_t which : {0u, 1u}) {
    const Heads x = split_heads(*plan.fresh[which], plan.kv_heads);
    Strided to = strided(*plan.present[which]);
    if (plan.past[which]) {
      to.shape[2] = job.past;
      copy_elements(copier, strided(*plan.past[which]), to, commands);
      to.offset += uint64_t(job.past * to.stride[2]) * sizeof(float);
    }
    to.shape[2] = x.rows;
    Strided from = to;
    from.memory = plan.fresh[which]->memory;
    from.offset = plan.fresh[which]->offset;
    const int64_t steps[] = {x.batch_step, x.head_step, x.row_step, 1};
    std::copy_n(steps, 4, from.stride);
    copy_elements(copier, from, to, commands);
  }
}

// ------------------------------------------------------------------ preparing
// The parts of one query of each head, at the most keys there can be.
uint64_t scratch_for(const NodeView& node, int64_t q_heads) {
  const uint64_t key_bytes = most_bytes(node.graph(), node.in(kK));
  const weft_value& k = node.in(kK);
  const uint64_t row_bytes =
      uint64_t(k.rank == 3 ? k.dims[2].value : k.dims[1].value * k.dims[3].value) *
      common::element_size(k.dtype);
  if (key_bytes == UINT64_MAX || row_bytes == 0) return kMostScratch;
  const int64_t keys = int64_t(key_bytes / row_bytes), dv = head_size(node.out(0), q_heads);
  const int64_t heads = node.in(kQ).rank == 4 ? node.in(kQ).dims[1].value : q_heads;
  return std::min(kMostScratch, uint64_t(blocks_of(keys) * heads * (dv + 2)) * sizeof(float));
}

Plan plan_of(Prepare& context) {
  const NodeView& node = context.node;
  const auto in = [&](uint32_t i) { return i < context.in.size() ? context.in[i] : nullptr; };
  const auto out = [&](uint32_t i) { return i < context.out.size() ? context.out[i] : nullptr; };
  Plan plan{};
  plan.q = in(kQ), plan.y = out(0), plan.mask = in(kMask), plan.length = in(kLength);
  plan.sinks = in(kSinks), plan.slopes = in(kSlopes);
  for (const uint32_t which : {0u, 1u}) {
    plan.fresh[which] = in(kK + which);
    plan.past[which] = in(kPast[which]);
    plan.present[which] = out(1 + which);
  }
  plan.k = plan.present[0] ? plan.present[0] : plan.fresh[0];
  plan.v = plan.present[1] ? plan.present[1] : plan.fresh[1];
  plan.q_heads = node.integer("q_num_heads", 0);
  plan.kv_heads = node.integer("kv_num_heads", 0);
  const int64_t left = node.integer("left_window_size", -1);
  const int64_t right = node.integer("right_window_size", -1);
  plan.left = left < 0 ? kNoWindow : std::min(left, kNoWindow);
  plan.right = node.integer("is_causal", 0) ? 0
               : right < 0                  ? kNoWindow
                                            : std::min(right, kNoWindow);
  plan.scale = node.real("scale", 0);
  plan.softcap = node.real("softcap", 0);
  plan.tiled = context.context.options.tiled;
  plan.scratch = &context.scratch;
  plan.scratch_bytes = plan.present[0] ? 0 : scratch_for(node, plan.q_heads);
  context.scratch_bytes = std::max(context.scratch_bytes, plan.scratch_bytes);
  return plan;
}

Grid grid_of(const Plan& plan, const Job& job) {
  const size_t splits = size_t(job.splits);
  if (plan.tiled)
    return {{size_t(job.units * job.q.heads) * kGroup, size_t(job.q.batch), splits},
            {kGroup, 1, 1}};
  return {{size_t(job.units), size_t(job.q.batch * job.k.heads), splits}, {1, 1, 1}};
}

Run prepare(Prepare& context) {
  const Plan plan = plan_of(context);
  const int64_t width = width_of(plan.tiled);
  return
      [plan, width, attend = context.kernel("attention"), merge = context.kernel("attention_merge"),
       copier = context.kernel("copy_elements")](Submission& commands) {
        const Job job = job_of(plan);
        if (plan.present[0]) join(plan, job, copier, commands);
        if (plan.y->count == 0) return;
        set_arguments(attend, plan, job, *plan.q, *plan.k, *plan.v, *plan.y);
        commands.launch(attend, grid_of(plan, job));
        if (job.splits == 1) return;
        set_arguments(merge, plan, job, *plan.y);
        const size_t across = size_t((job.y.d + width - 1) / width);
        commands.launch(
            merge, {{across, size_t(job.q.batch * job.q.heads * job.q.rows), 1}, {across, 1, 1}});
      };
}

// One length for the only batch is an argument of the kernels.
bool on_host(const NodeView& node, uint32_t i) {
  if (i != kLength) return false;
  const weft_value& length = node.in(i);
  return (length.flags & WEFT_VALUE_CONTENTS) && length.rank == 1 &&
         length.dims[0].slot == WEFT_NONE && length.dims[0].value == 1;
}

}  // namespace

extern const OpRow attention_row = {check, prepare, nullptr, on_host};

}  // namespace weft::opencl
