// From a mask back to the TopK whose indices it compares with numbers; see chosen_once.h. One-hots
// arrive as generators.cpp spells them.
#include "importers/onnx/chosen_once.h"

namespace weft::onnx {

using ir::Dim;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

// Follows the axes of the mask through what made it.
class Choice {
 public:
  Choice(const ir::Graph& graph, ValueId mask) : graph_(graph), value_(mask), axes_{0, 1} {}

  // The axis of the mask along which at most one element is not 0.
  std::optional<int64_t> axis() {
    while (const Node* node = graph_.producer(value_)) {
      if (node->op == Op::TopK) {
        if (node->outputs.size() < 2 || node->outputs[1] != value_) return {};
        const int64_t chosen =
            from_front(node->attrs.integer("axis", -1), graph_[value_].type.shape.size());
        for (int64_t i : {0, 1})
          if (axes_[size_t(i)] == chosen) return i;
        return {};
      }
      if (!step(*node)) return {};
    }
    return {};
  }

 private:
  bool step(const Node& node) {
    switch (node.op) {
      case Op::Cast:
        break;
      case Op::Transpose: {
        const std::vector<int64_t> perm = node.attrs.integers("perm");
        const int64_t last = int64_t(graph_[value_].type.shape.size()) - 1;
        for (int64_t& axis : axes_) axis = perm.empty() ? last - axis : perm[size_t(axis)];
        break;
      }
      case Op::Gather: {
        const auto& index = graph_[node.inputs[1]];
        if (!index.contents || !index.type.shape.empty()) return false;
        inserted(
            {from_front(node.attrs.integer("axis", 0), graph_[node.inputs[0]].type.shape.size())});
        break;
      }
      case Op::Unsqueeze:
        return unsqueezed(node);
      case Op::Equal:
        return compared(node);
      case Op::Where:
        return chosen(node);
      default:
        return false;
    }
    value_ = node.inputs[0];
    return true;
  }

  // The axes of a value that has these axes more.
  void inserted(const std::vector<int64_t>& more) {
    for (int64_t added : more)
      for (int64_t& axis : axes_)
        if (axis >= added) axis++;
  }

  bool unsqueezed(const Node& node) {
    const auto& axes = graph_[node.inputs[1]].contents;
    if (!axes) return false;
    for (int64_t& axis : axes_) {
      int64_t before = 0;
      for (const Dim& dim : *axes) {
        if (!dim.is_constant()) return false;
        const int64_t added = from_front(dim.constant(), graph_[value_].type.shape.size());
        if (added == axis) return false;
        before += added < axis;
      }
      axis -= before;
    }
    value_ = node.inputs[0];
    return true;
  }

  // Indices compared with numbers that are the same for all elements along both axes.
  bool compared(const Node& node) {
    const size_t rank = graph_[value_].type.shape.size();
    const sym::Shape& numbers = graph_[node.inputs[1]].type.shape;
    if (graph_[node.inputs[0]].type.shape.size() != rank || numbers.size() > rank) return false;
    for (int64_t axis : axes_) {
      const int64_t at = axis - int64_t(rank - numbers.size());
      if (at >= 0 && numbers[size_t(at)] != Dim(1)) return false;
    }
    value_ = node.inputs[0];
    return true;
  }

  // OneHot's choice of 1 and 0, and its way to count negative indices from the end.
  bool chosen(const Node& node) {
    if (is_number(graph_, node.inputs[2], 0) && graph_[node.inputs[1]].contents &&
        !is_number(graph_, node.inputs[1], 0)) {
      value_ = node.inputs[0];
      return true;
    }
    const Node* below = graph_.producer(node.inputs[0]);
    if (!below || below->op != Op::Less || below->inputs[0] != node.inputs[2] ||
        !is_number(graph_, below->inputs[1], 0))
      return false;
    value_ = node.inputs[2];
    return true;
  }

  const ir::Graph& graph_;
  ValueId value_;
  int64_t axes_[2];
};

}  // namespace

std::optional<int64_t> axis_chosen_once(const ir::Graph& graph, ValueId mask) {
  return Choice(graph, mask).axis();
}

}  // namespace weft::onnx
