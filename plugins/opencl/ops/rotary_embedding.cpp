// RotaryEmbedding: pairs of elements of every head turned by the angle of their position.
//
//   x [B, S, H * d] or [B, H, S, d]    cos, sin [positions, r / 2] with position_ids [B, S],
//                                      else [B, S, r / 2];  r = rotary_embedding_dim, or d
//
// Angles come from the tables: positions of 100,000 are beyond what f32 turns into angles. A
// position outside the tables means the nearest inside.
#include "plugins/opencl/op.h"

namespace weft::opencl {

namespace {

void check(const NodeView& node, const Limits& limits) {
  for (uint32_t i = 0; i < 3; i++) {
    need_input(node, i);
    need_plain_f32(node, i);
  }
  if (node.in(0).rank != 3 && node.in(0).rank != 4)
    throw Refusal{WEFT_REFUSE_RANK, "rotary embedding takes rank 3 or 4",
                  node.input(0),    {},
                  node.in(0).rank,  4};
  if (node.in(0).rank == 3 && node.integer("num_heads", 0) <= 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "rank 3 needs the number of heads", WEFT_NONE,
                  "num_heads"};
  if (node.has(3)) need_indices(node, 3);
  check_tensors(limits, node);
}

Run prepare(Prepare& context) {
  const Tensor *x = context.in[0], *cosines = context.in[1], *sines = context.in[2],
               *y = context.out[0];
  const Tensor* ids = context.in.size() > 3 ? context.in[3] : nullptr;
  const int64_t stated_heads = context.node.integer("num_heads", 0);
  const int64_t stated_rotary = context.node.integer("rotary_embedding_dim", 0);
  const bool interleaved = context.node.integer("interleaved", 0) != 0;
  const int64_t width = width_of(context.context.options.tiled);
  return [=, kernel = context.kernel("rotary_embedding")](Submission& commands) {
    if (x->count == 0) return;
    const bool by_heads = x->rank == 4;
    const int64_t rows = x->shape[by_heads ? 2 : 1];
    const int64_t heads = by_heads ? x->shape[1] : stated_heads;
    const int64_t d = by_heads ? x->shape[3] : x->shape[2] / heads;
    const int64_t rotary = stated_rotary ? stated_rotary : d;
    if (cosines->shape[cosines->rank - 1] != rotary / 2 || rotary > d)
      throw Failure(WEFT_E_INVALID, "the caches' last dim is not half of the rotated elements");
    // What differs from batch to batch: the ids, or the rows of the tables.
    const Tensor& varied = ids ? *ids : *cosines;
    const int64_t per_batch = varied.shape[0] == 1 ? 0 : rows;
    kernel.arguments(
        *x, *cosines, *sines, ids ? *ids : *x, cl_int(ids ? ids->dtype : 0), *y, cl_long(per_batch),
        cl_long(cosines->inner(0) / std::max<int64_t>(1, rotary / 2)), cl_int(rows), cl_int(heads),
        cl_int(d), cl_int(rotary / 2), cl_int(interleaved), cl_int(by_heads));
    const size_t blocks = size_t((rotary / 2 + width - 1) / width) + (rotary < d);
    commands.launch(kernel, {{blocks, size_t(heads), size_t(x->shape[0] * rows)}, {1, 1, 1}});
  };
}

}  // namespace

extern const OpRow rotary_embedding_row = {check, prepare};

}  // namespace weft::opencl
