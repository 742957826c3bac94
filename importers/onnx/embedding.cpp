// EmbedLayerNormalization: the embedding of BERT-like models as the optimizer fuses it.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

namespace {

Result<ValueId> rows(NodeImport& node, size_t table, ValueId indices) {
  return node.add(Op::Gather, {node.input(table), indices}, {{"axis", int64_t{0}}});
}

// The first S rows of the table of positions, when no positions are given.
Result<ValueId> first_positions(NodeImport& node) {
  ValueId shape = TRY(node.add(Op::Shape, {node.input(0)}));
  ValueId length =
      TRY(node.add(Op::Gather, {shape, node.scalar_constant(1)}, {{"axis", int64_t{0}}}));
  ValueId places =
      TRY(node.add(Op::Range, {node.scalar_constant(0), length, node.scalar_constant(1)}));
  return rows(node, 3, places);
}

// How many words a row has: the sum of its mask; without a mask, 0.
Result<ValueId> word_counts(NodeImport& node) {
  const ir::Attrs to{{"to", int64_t(DType::i32)}};
  if (node.has(7)) {
    ValueId mask = TRY(node.add(Op::Cast, {node.input(7)}, to));
    return node.add(Op::ReduceSum, {mask, node.integers_constant({1})}, {{"keepdims", int64_t{0}}});
  }
  ValueId shape =
      TRY(node.add(Op::Shape, {node.input(0)}, {{"start", int64_t{0}}, {"end", int64_t{1}}}));
  return node.add(Op::ConstantOfShape, {shape},
                  {{"dtype", int64_t(DType::i32)}, {"value", int64_t{0}}});
}

}  // namespace

// LayerNormalization(word[ids] + position[0..S) + segment[segments]); inputs ids, segments, word,
// position and segment tables, gamma, beta, mask, positions.
Status embed_layer_normalization(NodeImport& node) {
  for (size_t required : {2, 3, 5, 6})
    if (!node.has(required)) return Error("input " + std::to_string(required) + " is missing");
  if (node.has(1) != node.has(4)) return Error("segment_ids and segment_embedding come together");
  ValueId sum = TRY(rows(node, 2, node.input(0)), "word_embedding");
  ValueId positions = node.has(8) ? TRY(rows(node, 3, node.input(8)), "position_embedding")
                                  : TRY(first_positions(node), "position_embedding");
  sum = TRY(node.add(Op::Add, {sum, positions}));
  if (node.has(1))
    sum = TRY(node.add(Op::Add, {sum, TRY(rows(node, 4, node.input(1)), "segment_embedding")}));
  ir::Attrs attrs{{"axis", int64_t{-1}}, {"epsilon", node.real("epsilon", 1e-12f)}};
  if (node.wants(1)) node.bind(1, TRY(word_counts(node)));
  if (node.wants(2)) node.bind(2, sum);
  node.bind(0, TRY(node.add(Op::LayerNormalization, {sum, node.input(5), node.input(6)}, attrs)));
  return {};
}

}  // namespace weft::onnx
