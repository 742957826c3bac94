// Finding groups of linears; see linear_group.h.
#include "plugins/cpu/linear_group.h"

#include <string_view>

namespace weft::cpu {

using plugin::GraphView;

namespace {

bool is_op(const NodeView& node, std::string_view op) {
  return op == node->op_type && (!node->domain || !*node->domain);
}

bool same_dims(const weft_value& a, const weft_value& b) {
  if (a.rank != b.rank) return false;
  for (uint32_t d = 0; d < a.rank; d++)
    if (a.dims[d].slot != b.dims[d].slot || a.dims[d].value != b.dims[d].value) return false;
  return true;
}

// Whether the codes of two constants mean the same, so that one form of activations serves both.
bool same_codes(const weft_value& a, const weft_value& b) {
  return a.dims[0].value == b.dims[0].value && a.quant->storage == b.quant->storage &&
         a.quant->block == b.quant->block && a.quant->zero == b.quant->zero &&
         (a.quant->zero_point_value == WEFT_NONE) == (b.quant->zero_point_value == WEFT_NONE);
}

class Finder {
 public:
  explicit Finder(const GraphView& graph) : graph_(graph) {
    producer_.resize(graph->value_count, WEFT_NONE);
    users_.resize(graph->value_count);
    is_parent_.resize(graph->value_count);
    taken_.resize(graph->node_count);
    for (uint32_t v = 0; v < graph->value_count; v++)
      if (graph.value(v).parent != WEFT_NONE) is_parent_[graph.value(v).parent] = true;
    for (uint32_t n = 0; n < graph->node_count; n++) {
      const NodeView node = graph.node(n);
      for (uint32_t i = 0; i < node->input_count; i++)
        if (node.has(i)) users_[node.input(i)].push_back(n);
      for (uint32_t i = 0; i < node->output_count; i++)
        if (node.output(i) != WEFT_NONE) producer_[node.output(i)] = n;
    }
  }

  std::vector<LinearGroup> find() {
    std::vector<LinearGroup> groups;
    for (uint32_t n = 0; n < graph_->node_count; n++)
      if (!taken_[n] && is_linear(n)) groups.push_back(group_of(n));
    for (LinearGroup& group : groups)
      group.of_last_rows = leaves(group) || rows_slot(group) != rows_slot(groups[0]);
    return groups;
  }

 private:
  bool is_linear(uint32_t n) const {
    const NodeView node = graph_.node(n);
    return is_op(node, "MatMul") && graph_.is_constant(node.input(1)) && node.in(1).rank == 2 &&
           node.in(1).quant;
  }
  // Whether nobody but nodes sees the value.
  bool is_inner(uint32_t v) const {
    const weft_value& value = graph_.value(v);
    return value.flags == 0 && value.parent == WEFT_NONE && !is_parent_[v];
  }
  // The only node that reads the value, or WEFT_NONE.
  uint32_t only_user(uint32_t v) const {
    return is_inner(v) && users_[v].size() == 1 ? users_[v][0] : WEFT_NONE;
  }
  uint32_t output(uint32_t n) const { return graph_.node(n).output(0); }

  LinearGroup group_of(uint32_t first) {
    const uint32_t x = graph_.node(first).input(0);
    const weft_value& weights = graph_.node(first).in(1);
    LinearGroup group;
    for (const uint32_t n : users_[x]) {
      const bool twice = !group.members.empty() && group.members.back().matmul == n;
      if (!twice && !taken_[n] && is_linear(n) && graph_.node(n).input(0) == x &&
          same_codes(graph_.node(n).in(1), weights))
        group.members.push_back({n});
    }
    take_norm(group, x);
    if (!take_gate(group))
      for (LinearGroup::Member& member : group.members) take_join(member, group.nodes()[0]);
    for (const uint32_t n : group.nodes()) taken_[n] = true;
    return group;
  }

  bool leaves(const LinearGroup& group) const {
    const uint32_t y = output(group.members[0].matmul);
    return group.members.size() == 1 && graph_.value(y).flags & WEFT_VALUE_OUTPUT;
  }
  // The slot that says how many rows the group has.
  uint32_t rows_slot(const LinearGroup& group) const {
    const weft_value& x = graph_.node(group.members[0].matmul).in(0);
    return x.rank > 1 ? x.dims[x.rank - 2].slot : WEFT_NONE;
  }

  // The normalization, when the group's members are all that read it.
  void take_norm(LinearGroup& group, uint32_t x) {
    const uint32_t n = producer_[x];
    if (n == WEFT_NONE || taken_[n] || !is_op(graph_.node(n), "RMSNormalization")) return;
    const NodeView norm = graph_.node(n);
    const uint32_t rank = norm.in(0).rank;
    const bool last_axis = rank > 0 && axis_of(norm.integer("axis", -1), rank) == rank - 1;
    if (last_axis && is_inner(x) && users_[x].size() == group.members.size()) group.norm = n;
  }

  bool take_gate(LinearGroup& group) {
    if (group.members.size() != 2) return false;
    for (const uint32_t first : {0u, 1u}) {
      const uint32_t act = only_user(output(group.members[first].matmul));
      if (act == WEFT_NONE || taken_[act]) continue;
      if (!is_op(graph_.node(act), "Swish") && !is_op(graph_.node(act), "Gelu")) continue;
      const uint32_t mul = only_user(output(act));
      const uint32_t up = output(group.members[1 - first].matmul);
      if (mul == WEFT_NONE || taken_[mul] || only_user(up) != mul) continue;
      if (!is_op(graph_.node(mul), "Mul") || !same_dims(graph_.value(up), graph_.node(mul).out(0)))
        continue;
      if (first == 1) std::swap(group.members[0], group.members[1]);
      group.activation = act;
      group.gate = mul;
      return true;
    }
    return false;
  }

  void take_join(LinearGroup::Member& member, uint32_t first) {
    const uint32_t product = output(member.matmul), n = only_user(product);
    if (n == WEFT_NONE || taken_[n] || !is_op(graph_.node(n), "Add")) return;
    const NodeView add = graph_.node(n);
    const uint32_t other = add.input(0) == product ? 1 : 0;
    const weft_value &y = add.out(0), &with = add.in(other);
    if (with.dtype != WEFT_F32 || with.quant || add.input(other) == product) return;
    const bool is_bias = graph_.is_constant(add.input(other)) && with.rank == 1 && y.rank > 0 &&
                         with.dims[0].value == y.dims[y.rank - 1].value &&
                         same_dims(graph_.value(product), y);
    const bool is_residual = same_dims(with, y) && same_dims(graph_.value(product), y);
    if (!is_bias && !(is_residual && comes_before(add.input(other), first))) return;
    member.join = n;
    member.other = other;
    taken_[n] = true;
  }

  // A group runs in the place of its last node and is convex: what an Add joins must not depend on
  // any of it.
  bool comes_before(uint32_t v, uint32_t node) const {
    return producer_[v] == WEFT_NONE || producer_[v] < node;
  }

  const GraphView& graph_;
  std::vector<uint32_t> producer_;
  std::vector<std::vector<uint32_t>> users_;
  std::vector<bool> is_parent_, taken_;
};

}  // namespace

std::vector<uint32_t> LinearGroup::nodes() const {
  std::vector<uint32_t> out;
  const auto add = [&](uint32_t n) {
    if (n != WEFT_NONE) out.push_back(n);
  };
  add(norm);
  for (const Member& member : members) add(member.matmul), add(member.join);
  add(activation);
  add(gate);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<LinearGroup> linear_groups(const GraphView& graph) { return Finder(graph).find(); }

}  // namespace weft::cpu
