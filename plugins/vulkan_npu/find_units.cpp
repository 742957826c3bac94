// Finding the units of a graph; see unit.h.
//
// Larger units first: a product takes the DequantizeLinear of its sums, an op between codes takes
// its DequantizeLinears and its QuantizeLinear. A value inside a unit has no other reader.
#include <algorithm>

#include "plugins/vulkan_npu/unit.h"

namespace weft::vulkan_npu {

using common::Refusal;
using plugin::GraphView;
using plugin::NodeView;
using plugin::text;

namespace {

constexpr const char* kOps[] = {"Relu",  "Sigmoid", "Tanh", "Erf", "Gelu",
                                "Swish", "Neg",     "Abs",  "Mul", "Add"};

bool is(const NodeView& node, const char* op) {
  return std::string(node->op_type) == op && (!node->domain || !*node->domain);
}

class Search {
 public:
  Search(const GraphView& graph, const Limits& limits, uint64_t memory)
      : graph_(graph),
        limits_(limits),
        memory_(memory),
        producer_(graph->value_count, WEFT_NONE),
        readers_(graph->value_count),
        unit_(graph->node_count, WEFT_NONE) {
    for (uint32_t n = 0; n < graph->node_count; n++) {
      const NodeView node = graph.node(n);
      for (uint32_t i = 0; i < node->output_count; i++)
        if (node.output(i) != WEFT_NONE) producer_[node.output(i)] = n;
      for (uint32_t i = 0; i < node->input_count; i++)
        if (node.has(i)) note_reader(node.input(i), n);
    }
  }

  Units find() {
    for (uint32_t n = 0; n < graph_->node_count; n++) group_of_op(n);
    for (uint32_t n = 0; n < graph_->node_count; n++) group_of_product(n);
    for (uint32_t n = 0; n < graph_->node_count; n++) single(n);
    drop_lonely();
    std::erase_if(out_.nodes, [](const auto& nodes) { return nodes.empty(); });
    return std::move(out_);
  }

 private:
  void note_reader(uint32_t value, uint32_t node) {
    auto& readers = readers_[value];
    if (readers.empty() || readers.back() != node) readers.push_back(node);
  }

  // The one node that reads what nobody else sees, or WEFT_NONE.
  uint32_t only_reader(uint32_t value) const {
    const uint32_t flags = graph_.value(value).flags;
    if (flags & (WEFT_VALUE_OUTPUT | WEFT_VALUE_VIEW) || readers_[value].size() != 1)
      return WEFT_NONE;
    return readers_[value][0];
  }

  bool accept(const std::vector<uint32_t>& nodes) {
    try {
      read_unit(graph_, nodes, limits_, memory_);
    } catch (const Refusal& refusal) {
      // Of a group it is the op that cannot be run; codes and products may do without it.
      for (const uint32_t n : nodes) out_.refused.emplace(n, refusal);
      return false;
    }
    for (const uint32_t n : nodes) {
      unit_[n] = uint32_t(out_.nodes.size());
      out_.refused.erase(n);
    }
    out_.nodes.push_back(nodes);
    return true;
  }

  void group_of_op(uint32_t n) {
    const NodeView op = graph_.node(n);
    const bool known = std::any_of(std::begin(kOps), std::end(kOps),
                                   [&](const char* name) { return is(op, name); });
    if (!known || op->output_count != 1) return;
    const uint32_t to = only_reader(op.output(0));
    if (to == WEFT_NONE || !is(graph_.node(to), "QuantizeLinear")) return;
    if (graph_.node(to).input(0) != op.output(0)) return;
    std::vector<uint32_t> nodes;
    for (uint32_t i = 0; i < op->input_count; i++) {
      if (!op.has(i)) return;
      const uint32_t from = producer_[op.input(i)];
      if (from == WEFT_NONE || !is(graph_.node(from), "DequantizeLinear") ||
          graph_.node(from).in(0).dtype != WEFT_I8 || only_reader(op.input(i)) != n)
        return;
      if (nodes.empty() || nodes.back() != from) nodes.push_back(from);
    }
    std::sort(nodes.begin(), nodes.end());
    nodes.push_back(n);
    nodes.push_back(to);
    accept(nodes);
  }

  void group_of_product(uint32_t n) {
    const NodeView node = graph_.node(n);
    if (!is(node, "MatMulInteger")) return;
    const uint32_t to = only_reader(node.output(0));
    if (to != WEFT_NONE && is(graph_.node(to), "DequantizeLinear") &&
        graph_.node(to).input(0) == node.output(0))
      accept({n, to});
  }

  void single(uint32_t n) {
    if (unit_[n] == WEFT_NONE) accept({n});
  }

  bool runs_products(uint32_t node) const {
    if (unit_[node] == WEFT_NONE) return false;
    const auto& nodes = out_.nodes[unit_[node]];
    return nodes.size() > 1 || is(graph_.node(node), "MatMulInteger") ||
           is(graph_.node(node), "QLinearMatMul");
  }

  // Codes are made and read by whoever works with them.
  void drop_lonely() {
    for (auto& nodes : out_.nodes) {
      if (nodes.size() != 1) continue;
      const NodeView node = graph_.node(nodes[0]);
      const bool enters = is(node, "QuantizeLinear"), leaves = is(node, "DequantizeLinear");
      if (!enters && !leaves) continue;
      bool needed = false;
      if (enters)
        for (const uint32_t reader : readers_[node.output(0)])
          needed = needed || runs_products(reader);
      const uint32_t from = leaves ? producer_[node.input(0)] : WEFT_NONE;
      needed = needed || (from != WEFT_NONE && runs_products(from));
      if (needed) continue;
      out_.refused[nodes[0]] = {WEFT_REFUSE_OTHER, enters
                                                       ? "nothing on the NPU multiplies its codes"
                                                       : "its codes do not come from the NPU"};
      unit_[nodes[0]] = WEFT_NONE;
      nodes.clear();
    }
  }

  const GraphView& graph_;
  const Limits& limits_;
  uint64_t memory_;
  std::vector<uint32_t> producer_;              // of each value
  std::vector<std::vector<uint32_t>> readers_;  // of each value, each node once
  std::vector<uint32_t> unit_;                  // of each node, index into out_.nodes
  Units out_;
};

}  // namespace

Units find_units(const GraphView& graph, const Limits& limits, uint64_t memory) {
  return Search(graph, limits, memory).find();
}

}  // namespace weft::vulkan_npu
