// Attention as ONNX Runtime's optimizer writes it: MultiHeadAttention over projections, and the
// older Attention that also holds the projection. Both become ONNX's Attention.
//
//   B batch, S sequence, P past, T = P + S, N heads, D head size
//
// Their masks become one summand of the scores: 0 where a key counts, mask_filter_value elsewhere.
// Source: ONNX Runtime's ContribOperators.md.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::Dim;
using ir::DType;
using ir::Op;
using ir::ValueId;

namespace {

Result<ValueId> unsqueezed(NodeImport& node, ValueId x, const std::vector<int64_t>& axes) {
  return node.add(Op::Unsqueeze, {x, node.integers_constant(axes)});
}

// Truths of a mask of integers.
Result<ValueId> is_set(NodeImport& node, ValueId mask) {
  if (node.type(mask).dtype == DType::boolean) return mask;
  return node.add(Op::Cast, {mask}, {{"to", int64_t(DType::boolean)}});
}

// Dim `i` of x, as a scalar i64.
Result<ValueId> dim_of(NodeImport& node, ValueId x, int64_t i) {
  ValueId shape = TRY(node.add(Op::Shape, {x}));
  return node.add(Op::Gather, {shape, node.scalar_constant(i)}, {{"axis", int64_t{0}}});
}

// What a mask is compared with: the query's sizes, and the keys there are.
struct Extent {
  Dim batch;
  ValueId keys = ValueId::none;  // T, scalar
};

// [B, T] of truths: keys from start[b] (none: 0) to before end[b].
Result<ValueId> between(NodeImport& node, const Extent& extent, ValueId start, ValueId end) {
  ir::Attrs to{{"to", int64_t(DType::i64)}};
  ValueId places =
      TRY(node.add(Op::Range, {node.scalar_constant(0), extent.keys, node.scalar_constant(1)}));
  end = TRY(unsqueezed(node, TRY(node.add(Op::Cast, {end}, to)), {1}));
  ValueId inside = TRY(node.add(Op::Less, {places, end}));
  if (start == ValueId::none) return inside;
  start = TRY(unsqueezed(node, TRY(node.add(Op::Cast, {start}, to)), {1}));
  ValueId after = TRY(node.add(Op::GreaterOrEqual, {places, start}));
  return node.add(Op::And, {inside, after});
}

// A mask of any of its forms as truths that broadcast to [B, N, S, T].
Result<ValueId> mask_truths(NodeImport& node, ValueId mask, const Extent& extent) {
  const ir::Shape shape = node.type(mask).shape;
  if (shape.size() == 3) return unsqueezed(node, TRY(is_set(node, mask)), {1});
  if (shape.size() == 2) return unsqueezed(node, TRY(is_set(node, mask)), {1, 2});
  ValueId inside = ValueId::none;
  if (shape.size() == 1 && shape[0] == extent.batch) {
    inside = TRY(between(node, extent, ValueId::none, mask));
  } else if (shape.size() == 1 && shape[0] == extent.batch * 2) {
    std::vector<ValueId> ends = TRY(
        node.add_all(Op::Split, {mask}, 2, {{"axis", int64_t{0}}, {"num_outputs", int64_t{2}}}));
    inside = TRY(between(node, extent, ends[1], ends[0]));
  } else {
    return Error("the mask is " + ir::str(node.type(mask)) +
                 "; [batch], [2 * batch], [batch, keys] and [batch, queries, keys] are supported");
  }
  return unsqueezed(node, inside, {1, 2});
}

// The mask and the bias of the scores as one summand; none when there is neither.
Result<ValueId> summand(NodeImport& node, ValueId mask, ValueId bias, const Extent& extent,
                        DType dtype) {
  if (mask == ValueId::none) return bias;
  ValueId counts = TRY(mask_truths(node, mask, extent));
  ValueId zero = node.float_constant(dtype, 0);
  ValueId filter = node.float_constant(dtype, node.real("mask_filter_value", -10000));
  ValueId sum = TRY(node.add(Op::Where, {counts, zero, filter}));
  if (bias == ValueId::none) return sum;
  return node.add(Op::Add, {sum, bias});
}

// T of keys x with a past.
Result<ValueId> key_count(NodeImport& node, ValueId key, int64_t axis, ValueId past,
                          int64_t past_axis) {
  ValueId count = TRY(dim_of(node, key, axis));
  if (past == ValueId::none) return count;
  return node.add(Op::Add, {count, TRY(dim_of(node, past, past_axis))});
}

struct Projections {
  ValueId query, key, value;
};

// [B, L, N, D] as [B, L, N D]
Result<ValueId> flattened(NodeImport& node, ValueId x) {
  return node.add(Op::Reshape, {x, node.integers_constant({0, 0, -1})},
                  {{"allowzero", int64_t{0}}});
}

// `parts` tensors [B, L, N D] packed as [B, L, N, parts, D].
Result<std::vector<ValueId>> unpacked(NodeImport& node, ValueId packed, int64_t parts) {
  const ir::Type type = node.type(packed);
  if (type.shape.size() != 5 || type.shape[3] != Dim(parts))
    return Error("the packed input is " + ir::str(type) + ", [batch, sequence, heads, " +
                 std::to_string(parts) + ", head size] is expected");
  std::vector<ValueId> pieces = TRY(node.add_all(Op::Split, {packed}, size_t(parts),
                                                 {{"axis", int64_t{3}}, {"num_outputs", parts}}));
  for (ValueId& piece : pieces) {
    piece = TRY(node.add(Op::Squeeze, {piece, node.integers_constant({3})}));
    piece = TRY(flattened(node, piece));
  }
  return pieces;
}

// Keys or values [B, N, L, D] as [B, L, N D]; others as they are.
Result<ValueId> heads_joined(NodeImport& node, ValueId x) {
  if (node.type(x).shape.size() != 4) return x;
  ValueId moved = TRY(node.add(Op::Transpose, {x}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}}));
  return flattened(node, moved);
}

Result<Projections> projections(NodeImport& node) {
  if (!node.has(1)) {
    if (node.has(2)) return Error("a value without a key");
    auto parts = TRY(unpacked(node, node.input(0), 3), "query, key and value in one");
    return Projections{parts[0], parts[1], parts[2]};
  }
  if (!node.has(2)) {
    auto parts = TRY(unpacked(node, node.input(1), 2), "key and value in one");
    return Projections{node.input(0), parts[0], parts[1]};
  }
  return Projections{node.input(0), TRY(heads_joined(node, node.input(1))),
                     TRY(heads_joined(node, node.input(2)))};
}

// Adds the parts of `bias`, which lie one after the other, to the projections.
Status add_bias(NodeImport& node, ValueId bias, Projections& x) {
  std::vector<int64_t> sizes;
  for (ValueId part : {x.query, x.key, x.value}) {
    const Dim size = node.type(part).shape.back();
    if (!size.is_constant()) return Error("a bias needs projections of constant width");
    sizes.push_back(size.constant());
  }
  std::vector<ValueId> parts = TRY(
      node.add_all(Op::Split, {bias, node.integers_constant(sizes)}, 3, {{"axis", int64_t{0}}}));
  x.query = TRY(node.add(Op::Add, {x.query, parts[0]}));
  x.key = TRY(node.add(Op::Add, {x.key, parts[1]}));
  x.value = TRY(node.add(Op::Add, {x.value, parts[2]}));
  return {};
}

ir::Attrs attention_attrs(NodeImport& node, int64_t heads) {
  ir::Attrs attrs{{"is_causal", int64_t(node.integer("unidirectional", 0) != 0)},
                  {"q_num_heads", heads},
                  {"kv_num_heads", heads}};
  if (double scale = node.real("scale", 0); scale != 0) attrs.set("scale", scale);
  return attrs;
}

// A cache [B, N, P, D] whose D the file leaves open has the D that its head needs.
void settle_head_size(NodeImport& node, ValueId cache, ValueId x, int64_t heads) {
  if (cache == ValueId::none || node.type(cache).shape.size() != 4) return;
  std::optional<std::string> symbol = node.type(cache).shape[3].as_symbol();
  auto size = sym::divide_exactly(node.type(x).shape.back(), heads);
  if (symbol && size && size->is_constant()) node.importer.substitute(*symbol, *size);
}

}  // namespace

Status multi_head_attention(NodeImport& node) {
  const int64_t heads = node.integer("num_heads", 0);
  if (heads <= 0) return Error("num_heads must be positive");
  if (node.has(8) || node.has(9))
    return Error("a cache shared between past and present is not supported");
  if (node.wants(3)) return Error("the output of the probabilities is not supported");
  Projections x = TRY(projections(node));
  for (ValueId part : {x.query, x.key, x.value})
    if (node.type(part).shape.size() != 3)
      return Error("the query is " + ir::str(node.type(x.query)) + " and the key " +
                   ir::str(node.type(x.key)) + ", three dims are expected");
  if (node.has(3)) TRY(add_bias(node, node.input(3), x), "bias");
  settle_head_size(node, node.input(6), x.key, heads);
  settle_head_size(node, node.input(7), x.value, heads);
  Extent extent{node.type(x.query).shape[0], ValueId::none};
  if (node.has(4)) extent.keys = TRY(key_count(node, x.key, 1, node.input(6), 2));
  ValueId bias =
      TRY(summand(node, node.input(4), node.input(5), extent, node.type(x.query).dtype), "mask");
  std::vector<ValueId> inputs{x.query, x.key, x.value, bias, node.input(6), node.input(7)};
  while (inputs.back() == ValueId::none) inputs.pop_back();
  return node.finish(Op::Attention, inputs, attention_attrs(node, heads));
}

namespace {

// Input times the weights of all three, with their bias, apart.
Result<Projections> projected(NodeImport& node) {
  ValueId packed = TRY(node.add(Op::MatMul, {node.input(0), node.input(1)}));
  if (node.has(2)) packed = TRY(node.add(Op::Add, {packed, node.input(2)}));
  const ir::Type type = node.type(packed);
  std::vector<int64_t> sizes = node.integers("qkv_hidden_sizes");
  if (type.shape.size() != 3 || !type.shape[2].is_constant())
    return Error("query, key and value are " + ir::str(type) +
                 ", [batch, sequence, constant] is expected");
  const int64_t width = type.shape[2].constant();
  if (sizes.empty()) {
    if (width % 3 != 0) return Error(std::to_string(width) + " is not three equal widths");
    sizes.assign(3, width / 3);
  }
  if (sizes.size() != 3) return Error("qkv_hidden_sizes needs three sizes");
  std::vector<ValueId> parts = TRY(
      node.add_all(Op::Split, {packed, node.integers_constant(sizes)}, 3, {{"axis", int64_t{2}}}));
  return Projections{parts[0], parts[1], parts[2]};
}

Status refuse_attention_extras(const NodeImport& node) {
  if (node.integer("num_heads", 0) <= 0) return Error("num_heads must be positive");
  if (node.integer("do_rotary", 0) != 0)
    return Error("rotary embedding inside the op is not supported");
  if (node.integer("past_present_share_buffer", 0) != 0 || node.has(6))
    return Error("a cache shared between past and present is not supported");
  return {};
}

}  // namespace

Status packed_attention(NodeImport& node) {
  TRY(refuse_attention_extras(node));
  const int64_t heads = node.integer("num_heads", 0);
  Projections x = TRY(projected(node));
  std::vector<ValueId> past{ValueId::none, ValueId::none};
  if (node.has(4))
    for (int64_t i = 0; i < 2; i++)
      past[size_t(i)] = TRY(
          node.add(Op::Gather, {node.input(4), node.scalar_constant(i)}, {{"axis", int64_t{0}}}));
  Extent extent{node.type(x.query).shape[0], ValueId::none};
  if (node.has(3)) extent.keys = TRY(key_count(node, x.key, 1, past[0], 2));
  ValueId bias =
      TRY(summand(node, node.input(3), node.input(5), extent, node.type(x.query).dtype), "mask");
  std::vector<ValueId> inputs{x.query, x.key, x.value, bias, past[0], past[1]};
  while (inputs.back() == ValueId::none) inputs.pop_back();
  const ir::Attrs attrs = attention_attrs(node, heads);
  if (!node.wants(1)) return node.finish(Op::Attention, inputs, attrs);
  std::vector<ValueId> made = TRY(node.add_all(Op::Attention, inputs, 3, attrs));
  node.bind(0, made[0]);
  ValueId key = TRY(unsqueezed(node, made[1], {0}));
  ValueId value = TRY(unsqueezed(node, made[2], {0}));
  node.bind(1, TRY(node.add(Op::Concat, {key, value}, {{"axis", int64_t{0}}})));
  return {};
}

}  // namespace weft::onnx
