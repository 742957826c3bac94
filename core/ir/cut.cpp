#include "core/ir/cut.h"

#include <algorithm>
#include <map>
#include <set>

namespace weft::ir {

namespace {

struct Cutter {
  const Graph& whole;
  const sym::Bindings& bindings;
  Cut out = {};
  std::map<ValueId, ValueId> copies = {};
  std::set<std::string> names = {};

  std::string unique(const std::string& wish) {
    const std::string base = wish.empty() ? "value" : wish;
    std::string name = base;
    for (size_t n = 2; !names.insert(name).second; ++n) name = base + "_" + std::to_string(n);
    return name;
  }

  Result<Shape> numbers(const Shape& shape, const std::string& name) const {
    Shape fixed;
    for (const Dim& dim : shape) {
      const auto size = dim.eval(bindings);
      if (!size) return Error(dim.str() + ", of '" + name + "', has no value");
      fixed.push_back(Dim(*size));
    }
    return fixed;
  }

  // The value with its sizes as numbers and no place, producer or parts.
  Result<Value> plain(ValueId id) {
    Value value = whole[id];
    value.type.shape = TRY(numbers(value.type.shape, value.name));
    if (value.contents) value.contents = TRY(numbers(*value.contents, value.name));
    value.placement.reset();
    value.producer = NodeId::none;
    value.name = unique(value.name);
    return value;
  }

  // What a node reads: a copy of a constant, a value computed before, or a new input.
  Result<ValueId> read(ValueId id) {
    if (id == ValueId::none) return id;
    if (const auto found = copies.find(id); found != copies.end()) return found->second;
    Value value = TRY(plain(id));
    if (value.quantization) {
      value.quantization->scale = TRY(read(value.quantization->scale));
      value.quantization->zero_point = TRY(read(value.quantization->zero_point));
    }
    const bool known = value.kind == ValueKind::constant || value.kind == ValueKind::symbolic;
    if (!known) {
      value.kind = ValueKind::input;
      value.contents.reset();
    }
    const ValueId copy = out.graph.add_value(std::move(value));
    if (!known) {
      out.graph.inputs.push_back(copy);
      out.inputs.push_back(id);
    }
    copies[id] = copy;
    return copy;
  }

  Status add(NodeId id) {
    const Node& node = whole[id];
    std::vector<ValueId> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(TRY(read(input)));
    const NodeId made =
        out.graph.add_node(node.op, std::move(inputs), node.outputs.size(), node.attrs, node.name);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      ValueId& copy = out.graph[made].outputs[i];
      if (node.outputs[i] == ValueId::none) {
        copy = ValueId::none;
        continue;
      }
      Value value = TRY(plain(node.outputs[i]));
      value.kind = ValueKind::activation;
      value.producer = made;
      out.graph[copy] = std::move(value);
      copies[node.outputs[i]] = copy;
    }
    return {};
  }
};

}  // namespace

Result<Cut> cut(const Graph& graph, std::span<const NodeId> nodes, const sym::Bindings& bindings) {
  Cutter cutter{graph, bindings};
  cutter.out.graph.name = graph.name;
  for (const NodeId id : nodes) TRY(cutter.add(id));
  const std::set<NodeId> inside(nodes.begin(), nodes.end());
  for (const NodeId id : nodes) {
    for (const ValueId value : graph[id].outputs) {
      if (value == ValueId::none) continue;
      const auto users = graph.users(value);
      const bool read = graph.is_output(value) || nodes.size() == 1 ||
                        std::any_of(users.begin(), users.end(),
                                    [&](NodeId user) { return !inside.contains(user); });
      if (!read) continue;
      const ValueId copy = cutter.copies.at(value);
      cutter.out.graph.outputs.push_back({cutter.out.graph[copy].name, copy});
      cutter.out.outputs.push_back(value);
    }
  }
  return std::move(cutter.out);
}

}  // namespace weft::ir
