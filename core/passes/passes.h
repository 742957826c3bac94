// The passes, as pipeline.cpp lists them. What each one does is said at the head of its file.
#pragma once

#include "core/passes/pass.h"

namespace weft::passes {

Status bind_decoder_inputs(ir::Graph& graph, Context& context);
Status fold_constants(ir::Graph& graph, Context& context);
Status drop_identity(ir::Graph& graph, Context& context);
Status fuse_swish(ir::Graph& graph, Context& context);
Status keep_last_logits(ir::Graph& graph, Context& context);
Status alias_kv_cache(ir::Graph& graph, Context& context);

}  // namespace weft::passes
