// The pipeline, top to bottom: what happens to every model between import and partition.
#include "core/ir/verify.h"
#include "core/ops/infer_graph.h"
#include "core/passes/pass.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

constexpr Step kPipeline[] = {
    // What ops say about sizes becomes bounds of symbols.
    {"learn_bounds", learn_bounds, Stage::canonical},
    // Halves are how a model is stored; it computes in f32.
    {"widen_halves", widen_halves, Stage::canonical},
    // Compute whatever does not depend on an input; shape arithmetic becomes symbolic values.
    {"fold_constants", fold_constants, Stage::canonical},
    // Inputs get their roles and standard names; symbols become seq and past; batch is 1.
    {"bind_decoder_inputs", bind_decoder_inputs, Stage::canonical, true},
    // Remove what exporters leave behind: casts to the same type, products with 1, moves that
    // cancel; then the second of two nodes that compute the same.
    {"drop_identity", drop_identity, Stage::canonical},
    {"merge_duplicates", merge_duplicates, Stage::canonical},
    // Positions that are computed become the input they are.
    {"name_positions", name_positions, Stage::canonical, true},
    {"shift_positions", shift_positions, Stage::canonical, true},
    // Blocks that are spelled out become the ops they are.
    {"fuse_swish", fuse_swish, Stage::canonical},
    {"fuse_gelu", fuse_gelu, Stage::canonical},
    {"fuse_rms_normalization", fuse_rms_normalization, Stage::canonical},
    {"fuse_layer_normalization", fuse_layer_normalization, Stage::canonical},
    {"fuse_rotary_embedding", fuse_rotary_embedding, Stage::canonical},
    // Products packed into one weight become one for each thing they compute.
    {"unpack_linears", unpack_linears, Stage::canonical},
    {"tabulate_angles", tabulate_angles, Stage::canonical, true},
    {"fuse_attention", fuse_attention, Stage::canonical},
    // Attention takes over what exporters do around it: repeated heads, the cache, the mask, and
    // the transposition of heads.
    {"part_heads", part_heads, Stage::canonical},
    {"group_heads", group_heads, Stage::canonical},
    {"join_cache", join_cache, Stage::canonical},
    {"read_masks", read_masks, Stage::canonical},
    {"read_slopes", read_slopes, Stage::canonical},
    {"join_heads", join_heads, Stage::canonical},
    // Mixtures of experts compute the experts that were chosen, with their matrices in place.
    {"fuse_experts", fuse_experts, Stage::canonical},
    {"stack_experts", stack_experts, Stage::canonical},
    {"choose_experts", choose_experts, Stage::canonical},
    // Rows that were flattened for a product stay rows.
    {"keep_rows", keep_rows, Stage::canonical},
    {"drop_identity", drop_identity, Stage::canonical},
    {"drop_unread_inputs", drop_unread_inputs, Stage::canonical},

    // Beyond this point no exporter's idioms are left, only ops of ops.def in one spelling.

    // The head, and all row by row work before it, run only for the rows whose logits are asked
    // for.
    {"keep_last_logits", keep_last_logits, Stage::fused, true},

    // Beyond this point values get places.

    // Past and present of a cache become one state, written in place through sub-tensor views.
    {"alias_kv_cache", alias_kv_cache, Stage::placed, true},
    // Positions are counted where they are read.
    {"count_positions", count_positions, Stage::placed, true},
};

Status run_step(Graph& graph, Context& context, const Step& step) {
  context.pass = step.name;
  const std::string where = "pass '" + std::string(step.name) + "'";
  TRY(step.run(graph, context), where);
  TRY(graph.collect_and_sort(), where);
  TRY(ops::infer_types(graph), where);
  TRY(ir::verify(graph), where);
  return {};
}

}  // namespace

std::span<const Step> pipeline() { return kPipeline; }

Status run(Graph& graph, Context& context, Stage until, const Observer& observer) {
  for (const Step& step : kPipeline) {
    if (step.stage > until) break;
    if (step.for_session && context.options.keep_interface) continue;
    TRY(run_step(graph, context, step));
    if (observer) observer(step, graph);
  }
  return {};
}

Status run_one(Graph& graph, Context& context, std::string_view name) {
  for (const Step& step : kPipeline) {
    if (step.name == name) return run_step(graph, context, step);
  }
  std::string known;
  for (const Step& step : kPipeline) known += (known.empty() ? "" : ", ") + std::string(step.name);
  return Error{"there is no pass '" + std::string(name) + "'; there are " + known,
               ErrorKind::usage};
}

}  // namespace weft::passes
