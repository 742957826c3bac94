// The graph being written; see emit.h. One object per emission.
//
// Constants, sizes and masks are written when a node first reads them, so nodes stand in an order
// in which they can run. Names are unique: a value keeps its own, or gets a number behind it.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/emit/emit.h"

namespace weft::onnx {

// Bytes of an initializer that go into the data file.
struct ExternalTensor {
  int index = 0;  // of the initializer
  std::shared_ptr<const ir::Constant> data;
};

class Emitter {
 public:
  Emitter(const ir::Graph& graph, const EmitOptions& options)
      : graph_(graph), options_(options), opset_(options.opset) {}
  Status run();

  ::onnx::ModelProto model;
  std::vector<ExternalTensor> external;

 private:
  using Names = std::vector<std::string>;

  // emitter.cpp
  void name_ports();
  Status add_ports();
  Status add_node(const ir::Node& node);
  Status add_swish(const ir::Node& node);
  std::optional<std::vector<int64_t>> reshape_target(const ir::Node& reshape) const;
  Status add_constant_of_shape(const ir::Node& node);
  void import_domain(const std::string& domain);  // version 1 of it
  std::string fresh(const std::string& wish);
  std::string node_name(const ir::Node& node);
  // The name of a value; constants and symbolic values are written on the way.
  Result<std::string> name_of(ir::ValueId value);
  Result<Names> names_of(const std::vector<ir::ValueId>& values);
  Names output_names(const ir::Node& node);
  ::onnx::NodeProto& node(const std::string& op, const Names& inputs, const Names& outputs,
                          const ir::Attrs& attrs = {});
  // A new node with one output, whose name is returned.
  std::string add(const std::string& op, const Names& inputs, const ir::Attrs& attrs = {},
                  const std::string& wish = {});

  // emit_constants.cpp
  std::string initializer(const std::string& wish, ir::DType dtype,
                          const std::vector<int64_t>& dims,
                          std::shared_ptr<const ir::Constant> data);
  std::string integers(const std::vector<int64_t>& elements, bool scalar = false);
  std::string real(double value, ir::DType dtype);  // scalar
  Result<std::string> constant(ir::ValueId value);

  // emit_quantized.cpp: `dims` are those of the rows of the storage
  std::string dequantize(const ir::Value& value, const std::string& wish,
                         const std::vector<int64_t>& dims);
  std::optional<std::string> dequantize_linear(const ir::Value& value, const std::string& wish,
                                               const std::vector<int64_t>& dims);
  std::string scales_of(const ir::Value& value, const std::string& wish,
                        const std::vector<int64_t>& dims, ir::Attrs& attrs);
  bool is_table(const ir::Value& weight) const;
  Result<bool> add_packed_product(const ir::Node& product);

  // emit_e0m4.cpp
  std::optional<std::string> dequantize_e0m4(const ir::Value& value, const std::string& wish,
                                             const std::vector<int64_t>& dims);

  // emit_dims.cpp
  Result<std::string> dim(const ir::Dim& dim);  // i64 [1]
  Result<std::string> atom(const sym::Atom& atom);
  Result<std::string> dims(const std::vector<ir::Dim>& elements);  // i64 [n]
  Result<std::string> symbolic(ir::ValueId value);

  // emit_attention.cpp
  Status add_attention(const ir::Node& node);
  Result<std::string> attention_mask(const ir::Node& node, bool& causal);
  Result<std::string> visible_keys(const ir::Node& node);
  Status add_sink_attention(const ir::Node& node);
  Result<std::string> attention_scores(const ir::Node& node);
  std::string with_zero_row(const std::string& heads, ir::DType dtype);
  std::string heads_apart(const std::string& rows, int64_t heads);

  // emit_experts.cpp
  Status add_expert_matmul(const ir::Node& node);

  // emit_outliers.cpp
  Status add_outlier_matmul(const ir::Node& node);

  const ir::Graph& graph_;
  const EmitOptions options_;
  const int64_t opset_;
  std::set<std::string> taken_, node_names_;
  std::map<ir::ValueId, std::string> names_;
  std::map<std::string, std::string> dims_, masks_, integers_;
};

}  // namespace weft::onnx
