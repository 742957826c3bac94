// One node of the file on its way into the graph: what the functions behind ops.def work with.
//
//   Status quick_gelu(NodeImport& node) {
//     return node.finish(Op::Swish, {node.input(0)}, {{"alpha", node.real("alpha", 1.702)}});
//   }
//
// Before the function runs, the row of ops.def has been checked: required inputs are there, every
// attribute is one the row names, and has the row's type. Afterwards every output that the file
// names must be bound, or the import fails.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/importer.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

class NodeImport {
 public:
  NodeImport(Importer& importer, ::onnx::NodeProto& proto, int64_t opset_version);

  Importer& importer;
  const int64_t opset;  // of the node's domain
  const std::string op_type;
  const std::string name;  // for messages; the first output's where the node has none

  size_t input_count() const;
  bool has(size_t i) const;  // input i is there and not the empty name
  const std::string& input_name(size_t i) const;
  ir::ValueId input(size_t i);  // none when absent
  std::vector<ir::ValueId> inputs();
  const Tensor* tensor(size_t i) const;  // input i when it is a tensor of the file, else nullptr
  ir::Type type(ir::ValueId value) const { return importer.graph[value].type; }
  // Elements of input i, which must be a constant; `what` names it in the error.
  Result<std::vector<int64_t>> constant_integers(size_t i, const char* what) const;

  size_t output_count() const;
  bool wants(size_t i) const;
  const std::string& output_name(size_t i) const;

  bool has_attribute(std::string_view attribute) const;
  int64_t integer(std::string_view attribute, int64_t otherwise) const;
  double real(std::string_view attribute, double otherwise) const;
  std::string text(std::string_view attribute, std::string_view otherwise) const;
  std::vector<int64_t> integers(std::string_view attribute) const;
  std::vector<double> reals(std::string_view attribute) const;
  Result<Tensor> tensor_attribute(std::string_view attribute);
  // All integer, real, text and list attributes, as they are.
  ir::Attrs attributes() const;

  // Adds a node and types it.
  Result<std::vector<ir::ValueId>> add_all(ir::Op op, std::vector<ir::ValueId> inputs,
                                           size_t outputs, ir::Attrs attrs = {});
  Result<ir::ValueId> add(ir::Op op, std::vector<ir::ValueId> inputs, ir::Attrs attrs = {});
  // Adds the node whose outputs are this node's.
  Status finish(ir::Op op, std::vector<ir::ValueId> inputs, ir::Attrs attrs = {});
  void bind(size_t output, ir::ValueId value);
  ir::ValueId integers_constant(const std::vector<int64_t>& elements);
  ir::ValueId scalar_constant(int64_t value);  // i64 []
  ir::ValueId float_constant(ir::DType dtype, double value);

 private:
  ::onnx::NodeProto& proto_;
};

}  // namespace weft::onnx
