// Attention in its spellings: ONNX's own, and the GroupQueryAttention of com.microsoft, which
// becomes it; with a sink in the softmax, SinkAttention.
//
//   B batch, S sequence, P past, H query heads, G key/value heads, D head size
//
// GroupQueryAttention does three things at once: it splits packed q, k, v [B, S, (H + 2G) D], turns
// q and k by their positions, and attends causally over past and present. Each becomes a node.
// Source: ONNX Runtime's ContribOperators.md.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::Dim;
using ir::Op;
using ir::ValueId;

// A cache [B, G, P, D] whose D the file leaves open ("kv_cache_dim") has the D that its head needs.
static void settle_head_size(NodeImport& node, ValueId cache, const Dim& head_size) {
  if (cache == ValueId::none || node.type(cache).shape.size() != 4) return;
  Dim declared = node.type(cache).shape[3];
  std::optional<std::string> symbol = declared.as_symbol();
  if (symbol && head_size.is_constant()) node.importer.substitute(*symbol, head_size);
}

// The head size of a query [B, H, S, D] or [B, S, H D].
static std::optional<Dim> head_size_of(const ir::Type& type, int64_t heads) {
  if (type.shape.size() == 4) return type.shape[3];
  if (type.shape.size() != 3 || heads <= 0) return std::nullopt;
  return sym::divide_exactly(type.shape[2], heads);
}

Status attention(NodeImport& node) {
  if (node.has(1) && node.has(4)) {
    ValueId key = node.input(1);
    auto size = head_size_of(node.type(key), node.integer("kv_num_heads", 0));
    if (size) settle_head_size(node, node.input(4), *size);
  }
  if (node.has(2) && node.has(5)) {
    ValueId value = node.input(2);
    auto size = head_size_of(node.type(value), node.integer("kv_num_heads", 0));
    if (size) settle_head_size(node, node.input(5), *size);
  }
  return node.finish(Op::Attention, node.inputs(), node.attributes());
}

// x turned by its positions. `heads` of a [B, S, heads D] input; `rotary` elements of each head
// turn (0: all).
static Result<ValueId> rotated(NodeImport& node, ValueId x, ValueId cosine, ValueId sine,
                               ValueId positions, int64_t heads, int64_t rotary, bool interleaved) {
  ir::Attrs attrs{{"interleaved", int64_t(interleaved)}};
  if (heads > 0) attrs.set("num_heads", heads);
  if (rotary > 0) attrs.set("rotary_embedding_dim", rotary);
  return node.add(Op::RotaryEmbedding, {x, cosine, sine, positions}, attrs);
}

namespace {

// Sizes of one GroupQueryAttention.
struct Heads {
  int64_t query = 0;
  int64_t key_value = 0;
  int64_t size = 0;
};

Result<Heads> heads_of(NodeImport& node, ValueId query, bool packed) {
  Heads heads{node.integer("num_heads", 0), node.integer("kv_num_heads", 0), 0};
  constexpr int64_t most = 1 << 20;
  bool sound = heads.query > 0 && heads.key_value > 0 && heads.query <= most &&
               heads.query % heads.key_value == 0;
  if (!sound)
    return Error("num_heads " + std::to_string(heads.query) +
                 " is not a multiple of kv_num_heads " + std::to_string(heads.key_value));
  ir::Type type = node.type(query);
  if (type.shape.size() != 3)
    return Error("the query is " + ir::str(type) + ", three dims are expected");
  const Dim& hidden = type.shape[2];
  int64_t parts = packed ? heads.query + 2 * heads.key_value : heads.query;
  if (!hidden.is_constant() || hidden.constant() % parts != 0 || hidden.constant() == 0)
    return Error("the query's last dim " + hidden.str() + " is not a multiple of its " +
                 std::to_string(parts) + " heads");
  heads.size = hidden.constant() / parts;
  return heads;
}

// What GroupQueryAttention can say and Attention cannot.
Status refuse_extras(const NodeImport& node) {
  for (const char* cache : {"k_quant_type", "v_quant_type"})
    if (node.text(cache, "NONE") != "NONE")
      return Error(std::string(cache) + " " + node.text(cache, "") +
                   " is not supported; export the model with a float cache");
  if (node.has(12) || node.has(13)) return Error("scales of a quantized cache are not supported");
  if (node.has(14) != node.has(15))
    return Error("q_norm_weight and k_norm_weight come together, one of them is missing");
  if (node.integer("qk_output", 0) != 0) return Error("the output of raw scores is not supported");
  if (node.has(1) != node.has(2))
    return Error("key and value must both be given, or both be packed into the query");
  int64_t window = node.integer("local_window_size", -1);
  if (window == 0 || window < -1)
    return Error("local_window_size " + std::to_string(window) + " is not a window");
  return {};
}

// seqlens_k says how much of the cache is valid. Here that is the whole of past and present, which
// agrees when it is counted from an attention mask without padding; anything else is noted.
void note_lengths(NodeImport& node) {
  const ir::Graph& graph = node.importer.graph;
  ValueId id = node.input(5);
  for (int step = 0; step < 16 && id != ValueId::none; step++) {
    const ir::Node* producer = graph.producer(id);
    if (!producer || producer->inputs.empty()) break;
    id = producer->inputs[0];
  }
  bool from_mask = id != ValueId::none && graph[id].kind == ir::ValueKind::input &&
                   graph[id].type.shape.size() == 2 && graph[id].name.ends_with("mask");
  if (!from_mask)
    node.importer.note("node '" + node.name +
                       "': seqlens_k does not come from an attention mask; "
                       "all of past and present is taken as valid");
}

// Remembers how the file calls the length of this cache; see Importer::window_lengths.
void learn_cache_length(NodeImport& node) {
  if (!node.has(3)) return;
  ir::Shape shape = node.type(node.input(3)).shape;
  if (shape.size() != 4) return;
  if (node.integer("sliding_window_cache", 0) == 0) {
    if (!node.importer.cache_length) node.importer.cache_length = shape[2];
  } else if (std::optional<std::string> symbol = shape[2].as_symbol()) {
    node.importer.window_lengths.push_back(*symbol);
  }
}

struct Projections {
  ValueId query, key, value;
};

Result<Projections> projections(NodeImport& node, const Heads& heads, bool packed) {
  if (!packed) return Projections{node.input(0), node.input(1), node.input(2)};
  int64_t q = heads.query * heads.size, kv = heads.key_value * heads.size;
  std::vector<ValueId> parts = TRY(node.add_all(
      Op::Split, {node.input(0), node.integers_constant({q, kv, kv})}, 3, {{"axis", int64_t{2}}}));
  return Projections{parts[0], parts[1], parts[2]};
}

Status rotate(NodeImport& node, const Heads& heads, Projections& x) {
  if (!node.has(7) || !node.has(8)) return Error("do_rotary needs cos_cache and sin_cache");
  ValueId cosine = node.input(7), sine = node.input(8);
  ir::Type cache = node.type(cosine);
  if (cache.shape.size() != 2 || !cache.shape[1].is_constant() || cache.shape[1].constant() <= 0 ||
      cache.shape[1].constant() > heads.size)
    return Error("cos_cache is " + ir::str(cache) + ", [positions, rotary size / 2] is expected");
  int64_t rotary = 2 * cache.shape[1].constant();
  if (rotary == heads.size) rotary = 0;
  ir::Shape shape = node.type(x.query).shape;
  ValueId positions =
      node.has(9) ? node.input(9) : TRY(node.importer.position_ids(shape[0], shape[1]));
  bool interleaved = node.integer("rotary_interleaved", 0) != 0;
  x.query = TRY(rotated(node, x.query, cosine, sine, positions, heads.query, rotary, interleaved));
  x.key = TRY(rotated(node, x.key, cosine, sine, positions, heads.key_value, rotary, interleaved));
  return {};
}

// RMSNormalization of each head [B, S, heads D].
Result<ValueId> head_normalized(NodeImport& node, ValueId x, ValueId weight, int64_t heads,
                                int64_t size) {
  ir::Attrs keep{{"allowzero", int64_t{0}}};
  x = TRY(node.add(Op::Reshape, {x, node.integers_constant({0, 0, heads, size})}, keep));
  ir::Attrs attrs{{"axis", int64_t{-1}}, {"epsilon", node.real("qk_norm_epsilon", 1e-6f)}};
  x = TRY(node.add(Op::RMSNormalization, {x, weight}, attrs));
  return node.add(Op::Reshape, {x, node.integers_constant({0, 0, heads * size})}, keep);
}

Status normalize(NodeImport& node, const Heads& heads, Projections& x) {
  if (!node.has(14)) return {};
  x.query = TRY(head_normalized(node, x.query, node.input(14), heads.query, heads.size));
  x.key = TRY(head_normalized(node, x.key, node.input(15), heads.key_value, heads.size));
  return {};
}

// The score beside the keys' that the softmax of each head counts; none when there is none.
// smooth_softmax adds 1 to the denominator, which is a score of 0.
ValueId sinks_of(NodeImport& node, const Heads& heads) {
  if (node.has(11)) return node.input(11);
  if (node.integer("smooth_softmax", 0) != 1) return ValueId::none;
  const ir::DType dtype = node.type(node.input(0)).dtype;
  const auto bytes = size_t(ir::size_bytes(dtype, heads.query));
  Tensor zeros = make_tensor(dtype, {heads.query}, std::vector<std::byte>(bytes));
  return node.importer.constant(node.importer.fresh_name(node.name + "/sinks"), zeros);
}

}  // namespace

Status group_query_attention(NodeImport& node) {
  TRY(refuse_extras(node));
  bool packed = !node.has(1);
  Heads heads = TRY(heads_of(node, node.input(0), packed));
  settle_head_size(node, node.input(3), heads.size);
  settle_head_size(node, node.input(4), heads.size);
  note_lengths(node);
  learn_cache_length(node);
  Projections x = TRY(projections(node, heads, packed));
  TRY(normalize(node, heads, x));
  if (node.integer("do_rotary", 0) != 0) TRY(rotate(node, heads, x), "rotary embedding");

  ir::Attrs attrs{{"is_causal", int64_t(node.integer("causal", 1) != 0)},
                  {"q_num_heads", heads.query},
                  {"kv_num_heads", heads.key_value}};
  if (double scale = node.real("scale", 0); scale != 0) attrs.set("scale", scale);
  if (double softcap = node.real("softcap", 0); softcap != 0) attrs.set("softcap", softcap);
  // A window of w counts the token itself; ONNX's left window does not.
  if (int64_t window = node.integer("local_window_size", -1); window > 0)
    attrs.set("left_window_size", window - 1);
  std::vector<ValueId> inputs{x.query,        x.key,         x.value,
                              node.input(10), node.input(3), node.input(4)};
  const ValueId sinks = sinks_of(node, heads);
  if (sinks != ValueId::none) {
    inputs.insert(inputs.end(), {ValueId::none, sinks});
    return node.finish(Op::SinkAttention, inputs, attrs);
  }
  while (inputs.back() == ValueId::none) inputs.pop_back();
  return node.finish(Op::Attention, inputs, attrs);
}

// A position for each token, [B, S]. com.microsoft also takes the position of the first one, [1].
static Result<ValueId> token_positions(NodeImport& node, ValueId x, ValueId positions) {
  const size_t rank = node.type(positions).shape.size();
  if (rank == 2) return positions;
  if (rank != 1 || node.type(positions).shape[0] != Dim(1))
    return Error("position_ids is " + ir::str(node.type(positions)) +
                 "; [batch, sequence], or the first position [1], is supported");
  const ir::Type type = node.type(x);
  ValueId shape = TRY(node.add(Op::Shape, {x}));
  const std::vector<int64_t> where{0, type.shape.size() == 4 ? 2 : 1};
  ValueId sizes =
      TRY(node.add(Op::Gather, {shape, node.integers_constant(where)}, {{"axis", int64_t{0}}}));
  ValueId length =
      TRY(node.add(Op::Gather, {sizes, node.scalar_constant(1)}, {{"axis", int64_t{0}}}));
  ValueId steps =
      TRY(node.add(Op::Range, {node.scalar_constant(0), length, node.scalar_constant(1)}));
  ValueId all = TRY(node.add(Op::Add, {steps, positions}));
  return node.add(Op::Expand, {all, sizes});
}

// com.microsoft's order is (input, position_ids, caches); its heads follow from the caches when
// num_heads is 0.
Status rotary_embedding(NodeImport& node) {
  if (node.real("scale", 1) != 1) return Error("a scale other than 1 is not supported");
  if (node.integer("is_packed_batching", 0) != 0) return Error("packed batches are not supported");
  ValueId x = node.input(0), positions = node.input(1);
  ValueId cosine = node.input(2), sine = node.input(3);
  ir::Type type = node.type(x), cache = node.type(cosine);
  positions = TRY(token_positions(node, x, positions));
  int64_t rotary = node.integer("rotary_embedding_dim", 0);
  int64_t heads = node.integer("num_heads", 0);
  if (type.shape.size() == 3 && heads == 0) {
    if (rotary > 0) return Error("rotary_embedding_dim needs num_heads");
    bool known = cache.shape.size() == 2 && cache.shape[1].is_constant() &&
                 cache.shape[1].constant() > 0 && type.shape[2].is_constant();
    if (!known || type.shape[2].constant() % (2 * cache.shape[1].constant()) != 0)
      return Error("the number of heads does not follow from input " + ir::str(type) +
                   " and cos_cache " + ir::str(cache));
    heads = type.shape[2].constant() / (2 * cache.shape[1].constant());
  }
  bool interleaved = node.integer("interleaved", 0) != 0;
  node.bind(0, TRY(rotated(node, x, cosine, sine, positions, heads, rotary, interleaved)));
  return {};
}

}  // namespace weft::onnx
