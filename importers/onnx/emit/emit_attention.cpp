// Attention for opset 23: what it cannot say of who sees whom becomes a mask.
//
// Opset 23 has no windows, and its causality does not know where a query stands behind a past. So a
// mask is written wherever there is a past or a window:
//
//   j <= i + past, j >= i + past - left, j <= i + past + right      bool [seq, past + seq]
//
// SinkAttention (ops/attention.cpp) becomes Attention over one key more, of zeros, whose score is
// the mask's: the sink. Slopes are added to the mask too.
#include <limits>

#include "core/ops/attention.h"
#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

using ir::Dim;
using ir::DType;
using ir::ValueId;

namespace {

ValueId input(const ir::Node& node, size_t slot) {
  return slot < node.inputs.size() ? node.inputs[slot] : ValueId::none;
}

Dim length_of(const ir::Type& type) { return type.shape[type.shape.size() == 4 ? 2 : 1]; }

struct Lengths {
  Dim queries, past, keys;  // keys: past and new
};

Lengths lengths_of(const ir::Graph& graph, const ir::Node& node) {
  Lengths out;
  out.queries = length_of(graph[node.inputs[ops::kQ]].type);
  const ValueId past = input(node, ops::kPastKey);
  if (past != ValueId::none) out.past = length_of(graph[past].type);
  out.keys = out.past + length_of(graph[node.inputs[ops::kK]].type);
  return out;
}

ir::Attrs without(ir::Attrs attrs, std::initializer_list<const char*> names) {
  for (const char* name : names) attrs.erase(name);
  return attrs;
}

}  // namespace

// Which keys each query sees; empty: all of them.
Result<std::string> Emitter::visible_keys(const ir::Node& node) {
  const int64_t causal = node.attrs.integer("is_causal", 0);
  const int64_t left = node.attrs.integer("left_window_size", -1);
  const int64_t right = node.attrs.integer("right_window_size", -1);
  const Lengths n = lengths_of(graph_, node);
  if (!causal && left < 0 && right < 0) return std::string();
  const std::string key = n.queries.str() + "|" + n.past.str() + "|" + n.keys.str() + "|" +
                          std::to_string(causal) + "|" + std::to_string(left) + "|" +
                          std::to_string(right);
  if (const auto found = masks_.find(key); found != masks_.end()) return found->second;
  const auto scalar = [&](const std::string& length) {
    return add("Squeeze", {length, integers({0})});
  };
  const std::string one = integers({1}, true), zero = integers({0}, true);
  const std::string first = scalar(TRY(dim(n.past))), end = scalar(TRY(dim(n.past + n.queries)));
  const std::string rows =
      add("Unsqueeze", {add("Range", {first, end, one}), integers({1})}, {}, "query_positions");
  const std::string columns =
      add("Range", {zero, scalar(TRY(dim(n.keys))), one}, {}, "key_positions");
  std::string mask;
  const auto also = [&](const std::string& more) {
    mask = mask.empty() ? more : add("And", {mask, more}, {}, "visible_keys");
  };
  if (causal) also(add("LessOrEqual", {columns, rows}, {}, "causal"));
  if (left >= 0) also(add("GreaterOrEqual", {columns, add("Sub", {rows, integers({left}, true)})}));
  if (right >= 0) also(add("LessOrEqual", {columns, add("Add", {rows, integers({right}, true)})}));
  masks_[key] = mask;
  return mask;
}

// The node's mask and what is visible in one; `causal` says that the attribute does it.
Result<std::string> Emitter::attention_mask(const ir::Node& node, bool& causal) {
  const ValueId given = input(node, ops::kMask);
  const Lengths n = lengths_of(graph_, node);
  const bool window = node.attrs.integer("left_window_size", -1) >= 0 ||
                      node.attrs.integer("right_window_size", -1) >= 0;
  causal = node.attrs.integer("is_causal", 0) && !window && n.past == Dim(0) && n.queries == n.keys;
  if (given != ValueId::none && graph_[given].type.shape.back() != n.keys &&
      graph_[given].type.shape.back() != Dim(1)) {
    return Error("its mask is " + str(graph_[given].type) + ", shorter than its " + n.keys.str() +
                 " keys, which cannot be written as ONNX");
  }
  std::string mask = TRY(name_of(given));
  // One row for all queries is a mask to ONNX, but not to every runtime.
  const auto one_row = [&](const ir::Shape& shape) {
    return shape.size() >= 2 && shape[shape.size() - 2] == Dim(1) && n.queries != Dim(1);
  };
  if (!mask.empty() && one_row(graph_[given].type.shape))
    mask = add("Expand", {mask, TRY(dims({n.queries, n.keys}))});
  if (causal) return mask;
  const std::string visible = TRY(visible_keys(node));
  if (mask.empty() || visible.empty()) return mask.empty() ? visible : mask;
  if (graph_[given].type.dtype == DType::boolean) return add("And", {mask, visible});
  const double lowest = -std::numeric_limits<float>::max();
  return add("Where", {visible, mask, real(lowest, graph_[given].type.dtype)});
}

Status Emitter::add_attention(const ir::Node& attention) {
  const bool padded = input(attention, ops::kNonpadLength) != ValueId::none;
  if (padded && opset_ < 24)
    return Error("ONNX has nonpad_kv_seqlen from opset 24 on; opset 23 is written");
  if (padded) {
    node("Attention", TRY(names_of(attention.inputs)), output_names(attention), attention.attrs)
        .set_name(node_name(attention));
    return {};
  }
  Names inputs = TRY(names_of(attention.inputs));
  inputs.resize(6);
  bool causal = false;
  inputs[ops::kMask] = TRY(attention_mask(attention, causal));
  ir::Attrs attrs =
      without(attention.attrs, {"is_causal", "left_window_size", "right_window_size"});
  if (causal) attrs.set("is_causal", int64_t{1});
  node("Attention", inputs, output_names(attention), attrs).set_name(node_name(attention));
  return {};
}

// The mask of a SinkAttention as scores [1, 1 or heads, queries, keys], slopes included.
Result<std::string> Emitter::attention_scores(const ir::Node& node) {
  const ValueId given = input(node, ops::kMask);
  const DType dtype = graph_[node.inputs[ops::kQ]].type.dtype;
  const bool added = given != ValueId::none && graph_[given].type.dtype != DType::boolean;
  const Lengths n = lengths_of(graph_, node);
  bool causal = false;
  std::string mask = TRY(attention_mask(node, causal));
  const std::string nothing = real(0, dtype);
  const std::string never = real(-std::numeric_limits<float>::max(), dtype);
  if (mask.empty()) mask = nothing;
  if (mask != nothing && !added) mask = add("Where", {mask, nothing, never});
  if (causal) mask = add("Where", {TRY(visible_keys(node)), mask, never});
  mask = add("Expand", {mask, TRY(dims({1, 1, n.queries, n.keys}))});
  const std::string slopes = TRY(name_of(input(node, ops::kSlopes)));
  if (slopes.empty()) return mask;
  const auto range = [&](const Dim& from, const Dim& to) -> Result<std::string> {
    const std::string a = add("Squeeze", {TRY(dim(from)), integers({0})});
    const std::string b = add("Squeeze", {TRY(dim(to)), integers({0})});
    return add("Range", {a, b, integers({1}, true)});
  };
  const std::string rows = TRY(range(n.past, n.past + n.queries));
  const std::string columns = TRY(range(0, n.keys));
  const std::string distance =
      add("Sub", {columns, add("Unsqueeze", {rows, integers({1})})}, {}, "distance");
  const std::string by_head = add("Reshape", {slopes, integers({1, -1, 1, 1})});
  const std::string reals = add("Cast", {distance}, {{"to", int64_t(dtype)}});
  return add("Add", {mask, add("Mul", {by_head, reals})});
}

// A key or value more, of zeros.
std::string Emitter::with_zero_row(const std::string& heads, DType dtype) {
  const std::string shape = add("Shape", {heads});
  const std::string row = add("Concat",
                              {add("Slice", {shape, integers({0}), integers({2})}), integers({1}),
                               add("Slice", {shape, integers({3}), integers({4})})},
                              {{"axis", int64_t{0}}});
  return add("Concat", {heads, add("Expand", {real(0, dtype), row})}, {{"axis", int64_t{2}}});
}

// [B, S, heads * D] as [B, heads, S, D].
std::string Emitter::heads_apart(const std::string& rows, int64_t heads) {
  const std::string apart = add("Reshape", {rows, integers({0, 0, heads, -1})});
  return add("Transpose", {apart}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
}

Status Emitter::add_sink_attention(const ir::Node& attention) {
  const Names inputs = TRY(names_of(attention.inputs)), outputs = output_names(attention);
  if (input(attention, ops::kNonpadLength) != ValueId::none || outputs.size() > 3)
    return Error("its padding or its scores cannot be written as ONNX");
  const ir::Type& query = graph_[attention.inputs[ops::kQ]].type;
  const bool flat = query.shape.size() == 3;
  const auto heads_of = [&](size_t slot, const char* attribute) {
    return flat ? heads_apart(inputs[slot], attention.attrs.integer(attribute, 1)) : inputs[slot];
  };
  const std::string q = heads_of(ops::kQ, "q_num_heads");
  std::string all[2];  // keys and values
  for (const size_t i : {size_t{0}, size_t{1}}) {
    all[i] = heads_of(ops::kK + i, "kv_num_heads");
    if (input(attention, ops::kPastKey + i) != ValueId::none)
      all[i] = add("Concat", {inputs[ops::kPastKey + i], all[i]}, {{"axis", int64_t{2}}});
    if (outputs.size() > 1 + i && !outputs[1 + i].empty())
      node("Identity", {all[i]}, {outputs[1 + i]});
  }
  std::string mask = TRY(attention_scores(attention));
  if (const ValueId sinks = input(attention, ops::kSinks); sinks != ValueId::none) {
    const Dim heads = graph_[sinks].type.shape[0];
    const Lengths n = lengths_of(graph_, attention);
    const std::string column = add("Reshape", {inputs[ops::kSinks], integers({1, -1, 1, 1})});
    const Names parts = {add("Expand", {mask, TRY(dims({1, heads, n.queries, n.keys}))}),
                         add("Expand", {column, TRY(dims({1, heads, n.queries, 1}))})};
    mask = add("Concat", parts, {{"axis", int64_t{3}}});
    for (std::string& part : all) part = with_zero_row(part, query.dtype);
  }
  const ir::Attrs attrs = without(
      attention.attrs,
      {"is_causal", "left_window_size", "right_window_size", "q_num_heads", "kv_num_heads"});
  const std::string y = add("Attention", {q, all[0], all[1], mask}, attrs);
  if (!flat) {
    node("Identity", {y}, {outputs[0]}).set_name(node_name(attention));
    return {};
  }
  const std::string rows = add("Transpose", {y}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  node("Reshape", {rows, integers({0, 0, -1})}, {outputs[0]}).set_name(node_name(attention));
  return {};
}

}  // namespace weft::onnx
