// Builds the graph name by name; see importer.h.
#include "importers/onnx/importer.h"

#include <onnx/onnx_pb.h>

#include "core/ops/infer_graph.h"
#include "importers/onnx/functions.h"
#include "importers/onnx/op_table.h"
#include "importers/onnx/order.h"
#include "importers/onnx/picked_rows.h"

namespace weft::onnx {

using ir::Dim;
using ir::ValueId;

// Taken for a model that does not say: the newest the vocabulary follows.
constexpr int64_t kNewestOpset = 25;

const Tensor* Importer::tensor(const std::string& name) const {
  auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

void Importer::define(const std::string& name, Tensor tensor) {
  if (name.empty()) return;
  names_.insert(name);
  tensors_.insert_or_assign(name, std::move(tensor));
}

ValueId Importer::constant(const std::string& name, const Tensor& tensor) {
  ir::Type type{tensor.dtype, {tensor.dims.begin(), tensor.dims.end()}};
  ValueId id = graph.add_constant(name, std::move(type), tensor.data);
  ops::set_constant_contents(graph, id);
  return id;
}

ValueId Importer::value(const std::string& name) {
  if (name.empty()) return ValueId::none;
  if (auto it = values_.find(name); it != values_.end()) return it->second;
  const Tensor* found = tensor(name);
  if (!found) return ValueId::none;
  ValueId id = constant(name, *found);
  bind(name, id);
  return id;
}

void Importer::bind(const std::string& name, ValueId id) {
  values_[name] = id;
  names_.insert(name);
  bool computed = graph[id].kind == ir::ValueKind::activation;
  if (named_values_.insert(uint32_t(id)).second && computed) graph[id].name = name;
}

bool Importer::is_bound(const std::string& name) const {
  return values_.contains(name) || tensors_.contains(name);
}

bool Importer::is_weight(const std::string& name) const {
  auto it = weights_.find(name);
  return it != weights_.end() && it->second;
}

void Importer::find_weights(const ::onnx::GraphProto& graph_proto) {
  for (const auto& node : graph_proto.node()) {
    const std::string& op = node.op_type();
    const int slot = op == "MatMul" || op == "Gemm" || op == "FusedMatMul" ? 1
                     : op == "Gather" || op == "Transpose"                 ? 0
                                                                           : -1;
    for (int i = 0; i < node.input_size(); i++) {
      auto [it, first] = weights_.try_emplace(node.input(i), i == slot);
      it->second = it->second && i == slot;
    }
  }
  for (const auto& output : graph_proto.output()) weights_[output.name()] = false;
}

std::string Importer::fresh_name(const std::string& base) {
  std::string name = base;
  for (int i = 2; !names_.insert(name).second; i++) name = base + "_" + std::to_string(i);
  return name;
}

void Importer::substitute(const std::string& symbol, const Dim& by) {
  sym::Substitution one{{symbol, by}};
  graph.substitute(one);
  for (auto& [earlier, dim] : substituted_) dim = dim.substitute(one);
  substituted_[symbol] = by;
}

void Importer::note(const std::string& sentence) {
  if (options_.notes) options_.notes->push_back(sentence);
}

Result<ValueId> Importer::position_ids(const Dim& batch, const Dim& seq) {
  const std::string name = "position_ids";
  ir::Type wanted{ir::DType::i64, {batch, seq}};
  for (ValueId id : graph.inputs) {
    if (graph[id].name != name) continue;
    if (graph[id].type.dtype == ir::DType::i64 && graph[id].type.shape.size() == 2) return id;
    return Error("rotary positions need an input 'position_ids' of type " + ir::str(wanted) +
                 ", but the model has one of type " + ir::str(graph[id].type));
  }
  if (names_.contains(name))
    return Error(
        "rotary positions need an input named 'position_ids', but the model computes a "
        "value of that name");
  note("the model takes rotary positions from seqlens_k; it gets an input 'position_ids' instead");
  ValueId id = graph.add_input(name, wanted);
  bind(name, id);
  return id;
}

int64_t Importer::opset(const std::string& domain) const {
  auto it = opsets_.find(domain == "ai.onnx" ? "" : domain);
  if (it != opsets_.end()) return it->second;
  return domain.empty() || domain == "ai.onnx" ? kNewestOpset : 1;
}

Status Importer::read_initializers(::onnx::GraphProto& graph_proto) {
  for (auto& proto : *graph_proto.mutable_initializer()) {
    if (proto.name().empty()) return Error("an initializer has no name");
    std::string name = proto.name();
    define(name, TRY(read_tensor(proto, files)));
  }
  if (graph_proto.sparse_initializer_size() > 0)
    return Error("sparse initializers are not supported; export dense weights");
  return {};
}

Status Importer::read_inputs(const ::onnx::GraphProto& graph_proto) {
  for (const auto& input : graph_proto.input())
    if (!tensor(input.name())) dims_.learn(input);
  for (const auto& input : graph_proto.input()) {
    if (tensor(input.name())) continue;
    ir::Type type = TRY(dims_.input_type(input));
    bind(input.name(), graph.add_input(input.name(), std::move(type)));
  }
  set_input_bounds(graph);
  return {};
}

Status Importer::read_node(::onnx::NodeProto& node) {
  Status status = import_node(*this, node, opset(node.domain()));
  if (status.ok()) return {};
  return std::move(status).error().in(describe(node));
}

Status Importer::read_nodes(::onnx::GraphProto& graph_proto) {
  std::vector<int> order = TRY(run_order(graph_proto));
  for (const auto& node : graph_proto.node())
    for (const std::string& name : node.output()) names_.insert(name);
  find_weights(graph_proto);
  for (int i : order) TRY(read_node(*graph_proto.mutable_node(i)));
  return {};
}

void Importer::settle_window_lengths() {
  for (const std::string& symbol : window_lengths)
    if (cache_length && !cache_length->symbols().contains(symbol))
      substitute(symbol, *cache_length);
  if (!window_lengths.empty())
    note(
        "sliding_window_cache: caches of a window's size are kept whole, and the window is masked");
}

// Compares an output with what the file declares. A symbol of the inputs that is declared where an
// expression is computed ("total_sequence_length" for past + seq) stands for that expression.
Status Importer::unify(const ir::Output& output, const Declared& declared) {
  ir::Type type = graph[output.value].type;
  std::string who = "graph output '" + output.name + "'";
  if (declared.dtype && *declared.dtype != type.dtype)
    return Error(who + " is declared as " + std::string(ir::name(*declared.dtype)) +
                 ", but the nodes compute " + ir::str(type));
  if (!declared.shape) return {};
  if (declared.shape->size() != type.shape.size())
    return Error(who + " is declared with " + std::to_string(declared.shape->size()) +
                 " dims, but the nodes compute " + ir::str(type));
  for (size_t i = 0; i < type.shape.size(); i++) {
    if (!(*declared.shape)[i]) continue;
    Dim expected = (*declared.shape)[i]->substitute(substituted_);
    Dim computed = graph[output.value].type.shape[i];
    if (expected == computed) continue;
    if (expected.is_constant() && computed.is_constant())
      return Error(who + " is declared with dim " + std::to_string(i) + " = " + expected.str() +
                   ", but the nodes compute " + ir::str(type));
    std::optional<std::string> symbol = expected.as_symbol();
    bool compound = !computed.is_constant() && !computed.as_symbol();
    if (symbol && compound && !computed.symbols().contains(*symbol)) substitute(*symbol, computed);
  }
  return {};
}

Status Importer::read_outputs(const ::onnx::GraphProto& graph_proto) {
  if (graph_proto.output_size() == 0) return Error("the graph has no outputs");
  for (const auto& output : graph_proto.output()) {
    ValueId id = value(output.name());
    if (id == ValueId::none)
      return Error("graph output '" + output.name() + "' is computed by no node");
    for (const ir::Output& earlier : graph.outputs)
      if (earlier.name == output.name())
        return Error("two graph outputs are named '" + output.name() + "'");
    graph.outputs.push_back({output.name(), id});
  }
  for (int i = 0; i < graph_proto.output_size(); i++) {
    Declared declared = TRY(dims_.output_type(graph_proto.output(i)));
    TRY(unify(graph.outputs[size_t(i)], declared));
  }
  return {};
}

Status Importer::run(::onnx::ModelProto& model) {
  for (const auto& entry : model.opset_import())
    opsets_[entry.domain() == "ai.onnx" ? "" : entry.domain()] = entry.version();
  ::onnx::GraphProto& graph_proto = *model.mutable_graph();
  TRY(inline_functions(model));
  graph.name = graph_proto.name();
  TRY(read_initializers(graph_proto));
  TRY(read_inputs(graph_proto));
  TRY(read_nodes(graph_proto));
  settle_window_lengths();
  TRY(read_outputs(graph_proto));
  TRY(settle_picked_rows(*this));
  TRY(graph.collect_and_sort());
  // Symbols found equal on the way make types known that were not when their node was added.
  return ops::infer_types(graph);
}

}  // namespace weft::onnx
