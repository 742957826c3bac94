#include "core/ir/graph.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/base/hash.h"

namespace weft::ir {

std::string str(const Type& type) { return std::string(name(type.dtype)) + sym::str(type.shape); }

std::shared_ptr<const Constant> make_constant(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  auto constant = std::make_shared<Constant>();
  constant->bytes = *owner;
  constant->content_id = hash128(constant->bytes);
  constant->owner = std::move(owner);
  return constant;
}

ValueId Graph::add_value(Value value) {
  values_.push_back(std::move(value));
  return ValueId(values_.size() - 1);
}

ValueId Graph::add_input(std::string input_name, Type type) {
  Value value;
  value.name = std::move(input_name);
  value.kind = ValueKind::input;
  value.type = std::move(type);
  inputs.push_back(add_value(std::move(value)));
  return inputs.back();
}

ValueId Graph::add_state(std::string state_name, Type type) {
  const ValueId id = add_input(std::move(state_name), std::move(type));
  (*this)[id].kind = ValueKind::state;
  return id;
}

ValueId Graph::add_constant(std::string constant_name, Type type,
                            std::shared_ptr<const Constant> data) {
  Value value;
  value.name = std::move(constant_name);
  value.kind = ValueKind::constant;
  value.type = std::move(type);
  value.constant = std::move(data);
  return add_value(std::move(value));
}

ValueId Graph::add_integers(std::string constant_name, const std::vector<int64_t>& elements,
                            bool scalar) {
  std::vector<std::byte> bytes(elements.size() * sizeof(int64_t));
  if (!bytes.empty()) std::memcpy(bytes.data(), elements.data(), bytes.size());
  Shape shape;
  if (!scalar) shape.push_back(Dim(int64_t(elements.size())));
  const ValueId id = add_constant(std::move(constant_name), Type{DType::i64, shape},
                                  make_constant(std::move(bytes)));
  (*this)[id].contents = std::vector<Dim>(elements.begin(), elements.end());
  return id;
}

ValueId Graph::add_symbolic(std::string symbolic_name, std::vector<Dim> elements) {
  Value value;
  value.name = std::move(symbolic_name);
  value.kind = ValueKind::symbolic;
  value.type = Type{DType::i64, {Dim(int64_t(elements.size()))}};
  value.contents = std::move(elements);
  return add_value(std::move(value));
}

NodeId Graph::add_node(Op op, std::vector<ValueId> node_inputs, size_t output_count, Attrs attrs,
                       std::string node_name) {
  const NodeId id = NodeId(nodes_.size());
  Node node;
  node.op = op;
  node.inputs = std::move(node_inputs);
  node.attrs = std::move(attrs);
  node.name = std::move(node_name);
  for (size_t i = 0; i < output_count; ++i) {
    Value value;
    value.name = std::string(ir::name(op)) + "_" + std::to_string(size_t(id)) +
                 (i > 0 ? "_" + std::to_string(i) : "");
    value.producer = id;
    node.outputs.push_back(add_value(std::move(value)));
  }
  nodes_.push_back(std::move(node));
  order_.push_back(id);
  return id;
}

ValueId Graph::add(Op op, std::vector<ValueId> node_inputs, Attrs attrs, std::string node_name) {
  return (*this)[add_node(op, std::move(node_inputs), 1, std::move(attrs), std::move(node_name))]
      .outputs[0];
}

const Node* Graph::producer(ValueId value) const {
  if (value == ValueId::none) return nullptr;
  const NodeId id = (*this)[value].producer;
  return id == NodeId::none ? nullptr : &(*this)[id];
}

std::vector<NodeId> Graph::users(ValueId value) const {
  std::vector<NodeId> found;
  for (const NodeId id : order_) {
    const Node& node = (*this)[id];
    if (std::find(node.inputs.begin(), node.inputs.end(), value) != node.inputs.end()) {
      found.push_back(id);
    }
  }
  return found;
}

bool Graph::is_output(ValueId value) const {
  return std::any_of(outputs.begin(), outputs.end(),
                     [&](const Output& output) { return output.value == value; });
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (const NodeId id : order_) {
    auto& ins = (*this)[id].inputs;
    std::replace(ins.begin(), ins.end(), from, to);
  }
  for (Output& output : outputs) {
    if (output.value == from) output.value = to;
  }
}

void Graph::remove_node(NodeId id) {
  (*this)[id].dead = true;
  std::erase(order_, id);
}

namespace {

// Depth-first topological sort from the outputs, keeping the present order among independent nodes.
class Sorter {
 public:
  explicit Sorter(const Graph& graph) : graph_(graph), marks_(graph.order().size() * 2 + 1) {
    for (const NodeId id : graph.order()) {
      if (size_t(id) >= marks_.size()) marks_.resize(size_t(id) + 1);
    }
  }

  // Appends `id` and what it needs to `sorted`; explicit stack, so deep graphs are no danger.
  Status visit(NodeId root, std::vector<NodeId>& sorted) {
    std::vector<std::pair<NodeId, size_t>> stack{{root, 0}};
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      Mark& mark = marks_[size_t(id)];
      if (mark == Mark::done) {
        stack.pop_back();
        continue;
      }
      mark = Mark::open;
      const Node& node = graph_[id];
      NodeId need = NodeId::none;
      while (next < node.inputs.size() && need == NodeId::none) need = pending(node.inputs[next++]);
      if (need == NodeId::none) {
        mark = Mark::done;
        sorted.push_back(id);
        stack.pop_back();
      } else if (marks_[size_t(need)] == Mark::open) {
        return Error{"the graph has a cycle through node '" + graph_[need].name + "' (" +
                     std::string(ir::name(graph_[need].op)) + ")"};
      } else {
        stack.emplace_back(need, 0);
      }
    }
    return {};
  }

 private:
  enum class Mark : uint8_t { fresh, open, done };

  NodeId pending(ValueId value) const {
    if (value == ValueId::none) return NodeId::none;
    const NodeId producer = graph_[value].producer;
    return producer != NodeId::none && marks_[size_t(producer)] != Mark::done ? producer
                                                                              : NodeId::none;
  }

  const Graph& graph_;
  std::vector<Mark> marks_;
};

}  // namespace

Status Graph::collect_and_sort() {
  // Live: what an output needs, transitively.
  std::vector<bool> live(nodes_.size(), false);
  std::vector<NodeId> work;
  const auto want = [&](ValueId value) {
    if (value == ValueId::none) return;
    const NodeId id = values_[size_t(value)].producer;
    if (id != NodeId::none && !live[size_t(id)]) {
      live[size_t(id)] = true;
      work.push_back(id);
    }
  };
  for (const Output& output : outputs) want(output.value);
  while (!work.empty()) {
    const NodeId id = work.back();
    work.pop_back();
    for (const ValueId value : nodes_[size_t(id)].inputs) want(value);
  }
  for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i].dead = !live[i];
  std::erase_if(order_, [&](NodeId id) { return nodes_[size_t(id)].dead; });
  std::sort(order_.begin(), order_.end());
  order_.erase(std::unique(order_.begin(), order_.end()), order_.end());

  std::vector<NodeId> sorted;
  Sorter sorter(*this);
  for (const NodeId id : order_) TRY(sorter.visit(id, sorted));
  order_ = std::move(sorted);
  return {};
}

void Graph::substitute(const sym::Substitution& by) {
  for (Value& value : values_) {
    value.type.shape = sym::substitute(value.type.shape, by);
    if (value.contents) {
      for (Dim& dim : *value.contents) dim = dim.substitute(by);
    }
    if (value.placement) value.placement->offset = value.placement->offset.substitute(by);
  }
}

std::vector<std::vector<NodeId>> all_users(const Graph& graph) {
  std::vector<std::vector<NodeId>> users(graph.value_count());
  for (const NodeId id : graph.order()) {
    for (const ValueId value : graph[id].inputs) {
      if (value == ValueId::none) continue;
      auto& list = users[size_t(value)];
      if (list.empty() || list.back() != id) list.push_back(id);
    }
  }
  return users;
}

}  // namespace weft::ir
