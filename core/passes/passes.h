// The passes, as pipeline.cpp lists them. What each one does is said at the head of its file.
#pragma once

#include "core/passes/pass.h"

namespace weft::passes {

Status bind_decoder_inputs(ir::Graph& graph, Context& context);
Status widen_halves(ir::Graph& graph, Context& context);
Status part_heads(ir::Graph& graph, Context& context);
Status fold_constants(ir::Graph& graph, Context& context);
Status learn_bounds(ir::Graph& graph, Context& context);
Status drop_identity(ir::Graph& graph, Context& context);
Status merge_duplicates(ir::Graph& graph, Context& context);
Status unpack_linears(ir::Graph& graph, Context& context);
Status name_positions(ir::Graph& graph, Context& context);
Status keep_rows(ir::Graph& graph, Context& context);
Status shift_positions(ir::Graph& graph, Context& context);
Status fuse_swish(ir::Graph& graph, Context& context);
Status fuse_gelu(ir::Graph& graph, Context& context);
Status fuse_rms_normalization(ir::Graph& graph, Context& context);
Status fuse_layer_normalization(ir::Graph& graph, Context& context);
Status fuse_rotary_embedding(ir::Graph& graph, Context& context);
Status tabulate_angles(ir::Graph& graph, Context& context);
Status fuse_attention(ir::Graph& graph, Context& context);
Status group_heads(ir::Graph& graph, Context& context);
Status join_cache(ir::Graph& graph, Context& context);
Status read_masks(ir::Graph& graph, Context& context);
Status read_slopes(ir::Graph& graph, Context& context);
Status join_heads(ir::Graph& graph, Context& context);
Status fuse_experts(ir::Graph& graph, Context& context);
Status stack_experts(ir::Graph& graph, Context& context);
Status choose_experts(ir::Graph& graph, Context& context);
Status drop_unread_inputs(ir::Graph& graph, Context& context);
Status keep_last_logits(ir::Graph& graph, Context& context);
Status count_positions(ir::Graph& graph, Context& context);
Status alias_kv_cache(ir::Graph& graph, Context& context);

}  // namespace weft::passes
