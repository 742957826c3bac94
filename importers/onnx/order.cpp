// Kahn's algorithm over the names of a GraphProto; see order.h.
#include "importers/onnx/order.h"

#include <onnx/onnx_pb.h>

#include <functional>
#include <queue>
#include <string_view>
#include <unordered_map>

namespace weft::onnx {

std::string describe(const ::onnx::NodeProto& node) {
  std::string name = node.name();
  if (name.empty() && node.output_size() > 0) name = node.output(0);
  return "node '" + name + "' (" + node.op_type() + ")";
}

namespace {

constexpr int kFromOutside = -1;  // graph inputs and initializers

using Producers = std::unordered_map<std::string_view, int>;

Result<Producers> producers(const ::onnx::GraphProto& graph) {
  Producers found;
  for (const auto& tensor : graph.initializer())
    if (!found.emplace(tensor.name(), kFromOutside).second)
      return Error("two initializers are named '" + tensor.name() + "'");
  // An input with an initializer's name has that as its default (IR version 3 requires the pair).
  std::unordered_map<std::string_view, int> inputs;
  for (const auto& input : graph.input()) {
    if (!inputs.emplace(input.name(), 0).second)
      return Error("two graph inputs are named '" + input.name() + "'");
    found.emplace(input.name(), kFromOutside);
  }
  for (int i = 0; i < graph.node_size(); i++) {
    for (const std::string& name : graph.node(i).output()) {
      if (name.empty()) continue;
      auto [it, fresh] = found.emplace(name, i);
      if (fresh) continue;
      std::string first =
          it->second == kFromOutside ? "an input or initializer" : describe(graph.node(it->second));
      return Error("value '" + name + "' is defined twice, by " + first + " and by " +
                   describe(graph.node(i)));
    }
  }
  return found;
}

}  // namespace

Result<std::vector<int>> run_order(const ::onnx::GraphProto& graph) {
  Producers found = TRY(producers(graph));
  std::vector<int> missing(size_t(graph.node_size()));
  std::vector<std::vector<int>> readers(size_t(graph.node_size()));
  for (int i = 0; i < graph.node_size(); i++) {
    for (const std::string& name : graph.node(i).input()) {
      if (name.empty()) continue;
      auto it = found.find(name);
      if (it == found.end())
        return Error(describe(graph.node(i)) + " reads '" + name +
                     "', which no node, input or initializer defines");
      if (it->second == kFromOutside) continue;
      missing[size_t(i)]++;
      readers[size_t(it->second)].push_back(i);
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < graph.node_size(); i++)
    if (missing[size_t(i)] == 0) ready.push(i);
  std::vector<int> order;
  while (!ready.empty()) {
    int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (int reader : readers[size_t(i)])
      if (--missing[size_t(reader)] == 0) ready.push(reader);
  }
  if (int(order.size()) == graph.node_size()) return order;
  for (int i = 0; i < graph.node_size(); i++)
    if (missing[size_t(i)] > 0)
      return Error(describe(graph.node(i)) + " waits for its own result: the graph has a cycle");
  return order;
}

}  // namespace weft::onnx
