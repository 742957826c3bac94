// fuse_rotary_embedding: a rotation of heads that is spelled out becomes RotaryEmbedding.
//
//   x * cos + rotate_half(x) * sin      becomes      RotaryEmbedding(x, cos', sin')
//
// cos' and sin' are [batch, seq, r / 2]: one angle per pair, which are columns of what the exporter
// computed. What a rotation is, and its many spellings, are at rotation.h. Where rows come before
// heads, the op works on rows [batch, seq, heads * size].
// Su et al., "RoFormer", 2021; halves instead of pairs as in GPT-NeoX.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/passes/passes.h"
#include "core/passes/rewrite.h"
#include "core/passes/rotation.h"

namespace weft::passes {

namespace {

// Angles as the op takes them, made once for all layers that share them.
class Angles {
 public:
  explicit Angles(Graph& graph) : graph_(graph) {}

  // [batch, seq, columns.count]
  ValueId of(const AngleColumns& columns) {
    const auto key = std::tuple(columns.value, columns.first, columns.step, columns.count);
    const auto [entry, fresh] = made_.emplace(key, ValueId::none);
    if (fresh) entry->second = make(columns);
    return entry->second;
  }

 private:
  ValueId make(const AngleColumns& columns) {
    const ir::Type type = graph_[columns.value].type;
    const size_t last = columns.column_axis;
    ValueId y = columns.value;
    if (type.shape[last] != Dim(columns.count)) {
      const int64_t end = columns.first + (columns.count - 1) * columns.step + 1;
      ir::Type taken = type;
      taken.shape[last] = Dim(columns.count);
      y = typed(graph_,
                graph_.add(Op::Slice, {y, graph_.add_integers("first", {columns.first}),
                                       graph_.add_integers("end", {end}),
                                       graph_.add_integers("axis", {int64_t(last)}),
                                       graph_.add_integers("step", {columns.step})}),
                taken);
    }
    const Dim batch = columns.row_axis > 0 ? type.shape[0] : Dim(1);
    return in_shape(graph_, y, {batch, type.shape[columns.row_axis], columns.count});
  }

  Graph& graph_;
  std::map<std::tuple<ValueId, int64_t, int64_t, int64_t>, ValueId> made_;
};

}  // namespace

Status fuse_rotary_embedding(Graph& graph, Context& context) {
  TRY(graph.collect_and_sort());
  Angles angles(graph);
  std::set<ValueId> read;
  for (const ir::Output& output : graph.outputs) read.insert(output.value);
  // From the end: a rotation of a part of the head is inside one of the whole head, and is read by
  // nobody once that is found.
  const auto order = graph.order();
  for (size_t at = order.size(); at-- > 0;) {
    const Node node = graph[order[at]];
    const bool is_read = std::any_of(node.outputs.begin(), node.outputs.end(),
                                     [&](ValueId id) { return read.contains(id); });
    if (!is_read) continue;
    const bool may_be =
        node.op == Op::Add || node.op == Op::Sub || node.op == Op::Concat || node.op == Op::Reshape;
    std::string why;
    const auto rotation = may_be ? read_rotation(graph, node.outputs[0], why) : std::nullopt;
    if (!rotation) {
      if (!why.empty()) context.leave(node.name, "no RotaryEmbedding: " + why);
      read.insert(node.inputs.begin(), node.inputs.end());
      continue;
    }
    read.insert({rotation->x, rotation->cosines.value, rotation->sines.value});
    const auto shape = graph[node.outputs[0]].type.shape;
    ir::Attrs attrs{{"interleaved", int64_t{rotation->interleaved}}};
    if (Dim(rotation->turned) != shape[3]) attrs.set("rotary_embedding_dim", rotation->turned);
    ValueId x = rotation->x;
    if (rotation->rows_first) {
      attrs.set("num_heads", shape[2].constant());
      x = in_shape(graph, x, {shape[0], shape[1], shape[2] * shape[3]});
    }
    const ir::Type type = graph[x].type;
    const ValueId turned = typed(
        graph,
        graph.add(Op::RotaryEmbedding,
                  {x, angles.of(rotation->cosines), angles.of(rotation->sines)}, attrs, node.name),
        type);
    replace_node(graph, order[at], in_shape(graph, turned, shape));
    context.note(node.name, rotation->interleaved
                                ? "a rotation of neighbouring elements is RotaryEmbedding"
                                : "x * cos + rotate_half(x) * sin is RotaryEmbedding");
  }
  return {};
}

}  // namespace weft::passes
