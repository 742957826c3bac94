// Small ONNX models in a few lines, for tests of the importer.
//
//   ModelBuilder model;                                  // opset 22
//   model.input("x", FLOAT, {"batch", 4}).output("y");
//   model.node("Relu", {"x"}, {"y"});
//   Result<ir::Graph> graph = model.import();
#pragma once

#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "core/ir/graph.h"
#include "importers/onnx/model.h"

namespace weft::onnx {

constexpr int FLOAT = 1, UINT8 = 2, INT32 = 6, INT64 = 7, BOOL = 9, FLOAT16 = 10;

using TestDim = std::variant<int64_t, const char*>;

struct TestDims {
  std::vector<TestDim> dims;
  TestDims() = default;
  template <typename... D>
  TestDims(D... values) : dims{convert(values)...} {}
  static TestDim convert(int value) { return int64_t(value); }
  static TestDim convert(int64_t value) { return value; }
  static TestDim convert(const char* value) { return value; }
};

class NodeBuilder {
 public:
  explicit NodeBuilder(::onnx::NodeProto& node) : proto(node) {}
  NodeBuilder& set(const std::string& name, int64_t value) {
    auto& attribute = add(name, ::onnx::AttributeProto::INT);
    attribute.set_i(value);
    return *this;
  }
  NodeBuilder& set(const std::string& name, int value) { return set(name, int64_t(value)); }
  NodeBuilder& set(const std::string& name, float value) {
    auto& attribute = add(name, ::onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
    return *this;
  }
  NodeBuilder& set(const std::string& name, const char* value) {
    auto& attribute = add(name, ::onnx::AttributeProto::STRING);
    attribute.set_s(value);
    return *this;
  }
  NodeBuilder& set(const std::string& name, const std::vector<int64_t>& values) {
    auto& attribute = add(name, ::onnx::AttributeProto::INTS);
    for (int64_t value : values) attribute.add_ints(value);
    return *this;
  }
  NodeBuilder& named(const std::string& name) {
    proto.set_name(name);
    return *this;
  }
  ::onnx::TensorProto& tensor(const std::string& name) {
    return *add(name, ::onnx::AttributeProto::TENSOR).mutable_t();
  }
  ::onnx::AttributeProto& add(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
    auto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }

  ::onnx::NodeProto& proto;
};

class ModelBuilder {
 public:
  explicit ModelBuilder(int opset = 22) {
    proto.set_ir_version(10);
    set_opset("", opset);
    set_opset("com.microsoft", 1);
    proto.mutable_graph()->set_name("test");
  }

  void set_opset(const std::string& domain, int version) {
    auto& entry = *proto.add_opset_import();
    entry.set_domain(domain);
    entry.set_version(version);
  }
  ::onnx::GraphProto& graph() { return *proto.mutable_graph(); }

  ModelBuilder& input(const std::string& name, int dtype, const TestDims& dims) {
    declare(*graph().add_input(), name, dtype, dims);
    return *this;
  }
  ModelBuilder& output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  ModelBuilder& output(const std::string& name, int dtype, const TestDims& dims) {
    declare(*graph().add_output(), name, dtype, dims);
    return *this;
  }
  NodeBuilder node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs, const std::string& domain = "") {
    auto& made = *graph().add_node();
    made.set_op_type(op);
    made.set_domain(domain);
    for (const std::string& name : inputs) made.add_input(name);
    for (const std::string& name : outputs) made.add_output(name);
    return NodeBuilder(made);
  }
  NodeBuilder contrib(const std::string& op, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& outputs) {
    return node(op, inputs, outputs, "com.microsoft");
  }
  // An initializer with raw data.
  template <typename T>
  ::onnx::TensorProto& raw(const std::string& name, int dtype, const std::vector<int64_t>& dims,
                           const std::vector<T>& values) {
    auto& tensor = *graph().add_initializer();
    fill(tensor, name, dtype, dims, values);
    return tensor;
  }
  ::onnx::TensorProto& integers(const std::string& name, const std::vector<int64_t>& values) {
    return raw(name, INT64, {int64_t(values.size())}, values);
  }
  ::onnx::TensorProto& floats(const std::string& name, const std::vector<int64_t>& dims,
                              float value = 0.5f) {
    int64_t count = 1;
    for (int64_t dim : dims) count *= dim;
    return raw(name, FLOAT, dims, std::vector<float>(size_t(count), value));
  }
  template <typename T>
  static void fill(::onnx::TensorProto& tensor, const std::string& name, int dtype,
                   const std::vector<int64_t>& dims, const std::vector<T>& values) {
    tensor.set_name(name);
    tensor.set_data_type(dtype);
    for (int64_t dim : dims) tensor.add_dims(dim);
    tensor.set_raw_data(values.data(), values.size() * sizeof(T));
  }

  Result<ir::Graph> import(std::vector<std::string>* notes = nullptr,
                           const std::filesystem::path& folder = {}) const {
    std::string bytes = proto.SerializeAsString();
    return import_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())), folder, {notes});
  }

  ::onnx::ModelProto proto;

 private:
  static void declare(::onnx::ValueInfoProto& info, const std::string& name, int dtype,
                      const TestDims& dims) {
    info.set_name(name);
    auto& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(dtype);
    tensor.mutable_shape();
    for (const TestDim& dim : dims.dims) {
      auto& made = *tensor.mutable_shape()->add_dim();
      if (const int64_t* value = std::get_if<int64_t>(&dim))
        made.set_dim_value(*value);
      else if (*std::get<const char*>(dim))
        made.set_dim_param(std::get<const char*>(dim));
    }
  }
};

// The message of a failed import; empty when it worked.
inline std::string error_of(const Result<ir::Graph>& result) {
  return result.ok() ? std::string() : result.error().message;
}
inline std::string error_of(const ModelBuilder& model) { return error_of(model.import()); }

inline size_t count(const ir::Graph& graph, ir::Op op) {
  size_t found = 0;
  for (ir::NodeId id : graph.order()) found += graph[id].op == op;
  return found;
}

// The node that computes graph output `i`; the test fails by an exception when there is none.
inline const ir::Node& output_node(const ir::Graph& graph, size_t i = 0) {
  const ir::Node* node = graph.producer(graph.outputs.at(i).value);
  if (!node) throw std::runtime_error("the output is no node's");
  return *node;
}

inline std::string output_type(const ir::Graph& graph, size_t i = 0) {
  return ir::str(graph[graph.outputs.at(i).value].type);
}

// "Relu Add Mul", in the order of the graph.
inline std::string ops(const ir::Graph& graph) {
  std::string text;
  for (ir::NodeId id : graph.order())
    text += (text.empty() ? "" : " ") + std::string(ir::name(graph[id].op));
  return text;
}

// A folder of its own, removed with the object.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft_onnx_XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
  }

  std::filesystem::path path;
};

}  // namespace weft::onnx
