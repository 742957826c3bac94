// Expands calls of local functions; see functions.h. Source: onnx.proto, message FunctionProto.
#include "importers/onnx/functions.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "importers/onnx/op_table.h"
#include "importers/onnx/order.h"

namespace weft::onnx {

namespace {

constexpr int kMaxDepth = 32;
constexpr int kMaxNodes = 1'000'000;

using Key = std::pair<std::string, std::string>;  // domain, name
using Functions = std::map<Key, const ::onnx::FunctionProto*>;
using Opsets = std::map<std::string, int64_t>;

std::string plain_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

Opsets opsets_of(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>& imports) {
  Opsets versions;
  for (const auto& entry : imports) versions[plain_domain(entry.domain())] = entry.version();
  return versions;
}

class Inliner {
 public:
  Inliner(const Functions& functions, Opsets opsets, ::onnx::GraphProto& out)
      : functions_(functions), opsets_(std::move(opsets)), out_(out) {}

  // Appends `node`, or what it calls, to the graph.
  Status expand(::onnx::NodeProto&& node, int depth) {
    if (++expanded_ > kMaxNodes) return Error("local functions expand to too many nodes");
    auto found = functions_.find({plain_domain(node.domain()), node.op_type()});
    const bool known = node.domain() == "weft" && is_listed(node.domain(), node.op_type());
    if (found == functions_.end() || known) {
      *out_.add_node() = std::move(node);
      return {};
    }
    if (depth >= kMaxDepth)
      return Error(describe(node) + ": local functions call each other without end");
    return call(node, *found->second, depth);
  }

 private:
  Status check(const ::onnx::NodeProto& node, const ::onnx::FunctionProto& function) {
    if (node.input_size() > function.input_size() || node.output_size() > function.output_size())
      return Error(describe(node) + " passes more inputs or outputs than its local function has");
    for (const auto& [domain, version] : opsets_of(function.opset_import())) {
      auto it = opsets_.find(domain);
      if (it != opsets_.end() && it->second != version)
        return Error(describe(node) + ": its local function is written for opset " +
                     std::to_string(version) + " of domain '" + domain + "', the model for opset " +
                     std::to_string(it->second) + "; convert them to one opset");
    }
    return {};
  }

  Status call(const ::onnx::NodeProto& node, const ::onnx::FunctionProto& function, int depth) {
    TRY(check(node, function));
    std::unordered_map<std::string, std::string> names{{"", ""}};
    for (int i = 0; i < function.input_size(); i++)
      names[function.input(i)] = i < node.input_size() ? node.input(i) : "";
    for (int i = 0; i < function.output_size(); i++)
      if (i < node.output_size() && !node.output(i).empty())
        names[function.output(i)] = node.output(i);
    // Outputs are unique over the file, node names need not be.
    std::string prefix = node.output_size() > 0 ? node.output(0) : node.name();
    auto renamed = [&](const std::string& name) {
      auto [it, fresh] = names.try_emplace(name);
      if (fresh) it->second = prefix + "/" + name;
      return it->second;
    };
    for (const auto& inner : function.node()) {
      ::onnx::NodeProto copy = inner;
      copy.set_name(prefix + "/" + (inner.name().empty() ? inner.op_type() : inner.name()));
      for (auto& name : *copy.mutable_input()) name = renamed(name);
      for (auto& name : *copy.mutable_output()) name = renamed(name);
      bind_attributes(copy, node);
      TRY(expand(std::move(copy), depth + 1));
    }
    return {};
  }

  // Attributes that refer to the function's own take the caller's, or vanish.
  static void bind_attributes(::onnx::NodeProto& inner, const ::onnx::NodeProto& caller) {
    for (int i = inner.attribute_size() - 1; i >= 0; i--) {
      auto& attribute = *inner.mutable_attribute(i);
      if (attribute.ref_attr_name().empty()) continue;
      std::string name = attribute.name();
      const ::onnx::AttributeProto* given = nullptr;
      for (const auto& candidate : caller.attribute())
        if (candidate.name() == attribute.ref_attr_name()) given = &candidate;
      if (given) {
        ::onnx::AttributeProto value = *given;
        value.set_name(name);
        attribute = std::move(value);
      } else {
        inner.mutable_attribute()->DeleteSubrange(i, 1);
      }
    }
  }

  const Functions& functions_;
  Opsets opsets_;
  ::onnx::GraphProto& out_;
  int expanded_ = 0;  // nodes and calls
};

}  // namespace

Status inline_functions(::onnx::ModelProto& model) {
  if (model.functions_size() == 0) return {};
  Functions functions;
  for (const auto& function : model.functions())
    functions[{plain_domain(function.domain()), function.name()}] = &function;
  auto calls = std::move(*model.mutable_graph()->mutable_node());
  model.mutable_graph()->clear_node();
  Inliner inliner(functions, opsets_of(model.opset_import()), *model.mutable_graph());
  for (auto& node : calls) TRY(inliner.expand(std::move(node), 0));
  return {};
}

}  // namespace weft::onnx
