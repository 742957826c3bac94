// Finding pairs of nodes, and what runs them; see fusion.h.
#include "plugins/opencl/fusion.h"

#include <map>
#include <string_view>

namespace weft::opencl {

using plugin::GraphView;

namespace {

bool is_op(const NodeView& node, std::string_view op) {
  return op == node->op_type && (!node->domain || !*node->domain);
}

bool same_shape(const weft_value& a, const weft_value& b) {
  bool same = a.rank == b.rank;
  for (uint32_t d = 0; same && d < a.rank; d++) same = same_dim(a.dims[d], b.dims[d]);
  return same;
}

// Two inputs of floats that have the output's shape.
bool is_elementwise(const NodeView& node) {
  if (node->input_count != 2 || !node.has(0) || !node.has(1)) return false;
  return node.in(0).dtype == WEFT_F32 && same_shape(node.in(0), node.out(0)) &&
         same_shape(node.in(1), node.out(0));
}

// ------------------------------------------------------------------ gate
// The other input of a product of which `v` is one.
uint32_t other_input(const NodeView& node, uint32_t v) { return node.input(0) == v ? 1 : 0; }

bool is_gate(const NodeView& swish, const NodeView& product) {
  const uint32_t v = swish.output(0);
  return is_op(swish, "Swish") && is_op(product, "Mul") && is_elementwise(product) &&
         product.input(0) != product.input(1) && (product.input(0) == v || product.input(1) == v);
}

Run prepare_gate(Prepare& last, const Prepare& first) {
  const Tensor *a = first.in[0], *y = last.out[0];
  const Tensor* b = last.in[other_input(last.node, first.node.output(0))];
  const float alpha = first.node.real("alpha", 1.0f);
  const int64_t width = width_of(last.context.options.tiled);
  return [=, kernel = last.kernel("gate")](Submission& commands) {
    kernel.arguments(*a, *b, *y, cl_long(y->count), alpha);
    commands.launch(kernel, {{size_t((y->count + width - 1) / width), 1, 1}, {64, 1, 1}});
  };
}

// ------------------------------------------------------------------ skip
bool is_skip(const NodeView& sum, const NodeView& norm) {
  if (!is_op(sum, "Add") || !is_op(norm, "RMSNormalization") || !is_elementwise(sum)) return false;
  const uint32_t rank = sum.out(0).rank;
  return norm.input(0) == sum.output(0) && norm.graph().is_constant(norm.input(1)) && rank > 0 &&
         axis_of(norm.integer("axis", -1), rank) == rank - 1;
}

Run prepare_skip(Prepare& last, const Prepare& first) {
  const Tensor *a = first.in[0], *b = first.in[1], *sum = first.out[0];
  const Tensor *scale = last.in[1], *y = last.out[0];
  const float epsilon = last.node.real("epsilon", 1e-5f);
  const bool tiled = last.context.options.tiled;
  return [=, kernel = last.kernel("skip_normalization")](Submission& commands) {
    const int64_t length = y->shape[y->rank - 1], rows = y->count ? y->count / length : 0;
    // A sum that nobody else reads has no place; y stands in for it and is not written as one.
    kernel.arguments(*a, *b, sum->memory ? *sum : *y, cl_int(sum->memory != nullptr), *scale, *y,
                     cl_long(rows), cl_int(length), epsilon);
    commands.launch(kernel, tiled ? Grid{{size_t(rows) * kGroup, 1, 1}, {kGroup, 1, 1}}
                                  : Grid{{size_t(rows), 1, 1}, {1, 1, 1}});
  };
}

// ------------------------------------------------------------------ finding
// Who reads each value, and whether anyone but nodes does.
struct Users {
  explicit Users(const GraphView& graph) : of(graph->value_count), is_parent(graph->value_count) {
    for (uint32_t v = 0; v < graph->value_count; v++)
      if (graph.value(v).parent != WEFT_NONE) is_parent[graph.value(v).parent] = true;
    for (uint32_t n = 0; n < graph->node_count; n++) {
      const NodeView node = graph.node(n);
      for (uint32_t i = 0; i < node->input_count; i++)
        if (node.has(i)) of[node.input(i)].push_back(n);
    }
  }
  bool only_one(const GraphView& graph, uint32_t v) const {
    return of[v].size() == 1 && graph.value(v).flags == 0 && graph.value(v).parent == WEFT_NONE &&
           !is_parent[v];
  }
  std::vector<std::vector<uint32_t>> of;
  std::vector<bool> is_parent;
};

// What runs nodes n and m as one; without a prepare when nothing does.
Fusion fusion_of(const GraphView& graph, const Users& users, uint32_t n, uint32_t m) {
  const NodeView first = graph.node(n), last = graph.node(m);
  Fusion fusion{{n, m}, nullptr};
  if (is_gate(first, last) && users.only_one(graph, first.output(0))) fusion.prepare = prepare_gate;
  if (is_skip(first, last)) fusion.prepare = prepare_skip;
  return fusion;
}

}  // namespace

std::vector<Fusion> find_fusions(const GraphView& graph) {
  const Users users(graph);
  std::vector<bool> taken(graph->node_count);
  std::vector<Fusion> out;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    if (taken[n] || graph.node(n).output(0) == WEFT_NONE) continue;
    for (const uint32_t m : users.of[graph.node(n).output(0)]) {
      if (taken[m] || m <= n) continue;
      const Fusion fusion = fusion_of(graph, users, n, m);
      if (!fusion.prepare) continue;
      taken[n] = taken[m] = true;
      out.push_back(fusion);
      break;
    }
  }
  return out;
}

std::vector<Fusion> kept_fusions(const GraphView& graph) {
  const Users users(graph);
  std::map<uint32_t, std::vector<uint32_t>> units;
  for (uint32_t n = 0; n < graph->node_count; n++)
    if (graph.node(n)->unit != WEFT_NONE) units[graph.node(n)->unit].push_back(n);
  std::vector<Fusion> out;
  for (const auto& [unit, nodes] : units) {
    if (nodes.size() == 1) continue;
    if (nodes.size() == 2) out.push_back(fusion_of(graph, users, nodes[0], nodes[1]));
    if (nodes.size() > 2 || !out.back().prepare)
      throw Failure(WEFT_E_INVALID, "nodes claimed as one are no longer together", nodes[0]);
  }
  return out;
}

}  // namespace weft::opencl
