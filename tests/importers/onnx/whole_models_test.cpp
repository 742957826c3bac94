// Whole models on the references: what the importer makes of a file computes what ONNX Runtime
// does.
//
// Models that the engine runs are tested in tests/models, on every backend; here are those whose
// weights are 16-bit floats, and gpt_oss with its sinks and mixtures of experts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "core/ops/half.h"
#include "tests/core/ops/onnx_case.h"
#include "tests/importers/onnx/model_builder.h"
#include "tests/importers/onnx/run_graph.h"

namespace weft::onnx {
namespace {

using ir::DType;
using ops::Tensor;

const std::string kTiny = WEFT_TEST_DATA "/tiny/";

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Tensor read(const std::string& path) {
  auto tensor = test::load_onnx_tensor(path);
  if (!tensor.ok()) throw std::runtime_error(tensor.error().message);
  return *tensor;
}

// The inputs of a data set, in the order of `names`.
GraphRun::Inputs read_inputs(const std::string& set, const std::vector<std::string>& names) {
  GraphRun::Inputs inputs;
  for (size_t i = 0; i < names.size(); i++)
    inputs[names[i]] = read(set + "/input_" + std::to_string(i) + ".pb");
  return inputs;
}

std::vector<std::string> input_names(const ::onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const auto& input : model.graph().input()) names.push_back(input.name());
  return names;
}

// The largest difference, relative to the largest element that is expected.
double distance(const Tensor& found, const Tensor& expected) {
  if (found.shape != expected.shape) throw std::runtime_error("the shapes differ");
  const auto a = ops::load_all(found.view()), b = ops::load_all(expected.view());
  double largest = 0, difference = 0;
  for (size_t i = 0; i < a.size(); i++) {
    largest = std::max(largest, std::fabs(b[i]));
    difference = std::max(difference, std::isnan(a[i]) ? HUGE_VAL : std::fabs(a[i] - b[i]));
  }
  return difference / largest;
}

::onnx::ModelProto parse(const std::string& folder) {
  ::onnx::ModelProto model;
  if (!model.ParseFromString(read_bytes(folder + "/model.onnx")))
    throw std::runtime_error("cannot read " + folder);
  return model;
}

// Its first `length` positions of a cache [1, heads, capacity, size].
Tensor valid_part(const Tensor& cache, int64_t length) {
  std::vector<int64_t> shape = cache.shape;
  shape[2] = length;
  Tensor part = Tensor::zeros(cache.dtype, shape);
  ops::copy_elements(ops::narrowed(cache.view(), 2, 0, length), part.view());
  return part;
}

// The caches of this file keep a window's capacity of which `past` positions are valid; here they
// are as long as what is valid.
void expect_gpt_oss(const char* set, int64_t past, int64_t seq) {
  const std::string folder = kTiny + "genai-fp32/gpt_oss";
  auto graph = onnx::import(folder);
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(count(*graph, ir::Op::SinkAttention), 2u);
  auto inputs = read_inputs(folder + "/" + set, input_names(parse(folder)));
  for (auto& [name, tensor] : inputs)
    if (tensor.shape.size() == 4) tensor = valid_part(tensor, past);
  Tensor positions = Tensor::zeros(DType::i64, {1, seq});
  for (int64_t i = 0; i < seq; i++) ops::store_int(positions.view(), i, past + i);
  inputs["position_ids"] = positions;
  const auto results = run_graph(*graph, inputs);
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_LE(distance((*results)[0], read(folder + "/" + set + "/output_0.pb")), 1e-5);
  // Every key and value, as far as it is valid.
  for (size_t i = 1; i < results->size(); i++) {
    const Tensor present = read(folder + "/" + set + "/output_" + std::to_string(i) + ".pb");
    EXPECT_LE(distance((*results)[i], valid_part(present, past + seq)), 1e-5) << i;
  }
}

TEST(whole_models, gpt_oss_reads_a_prompt) { expect_gpt_oss("test_data_set_0", 0, 7); }
TEST(whole_models, gpt_oss_decodes_after_it) { expect_gpt_oss("test_data_set_1", 7, 1); }

// Makes the matrices of a model 16-bit floats, with casts around the nodes that read them, as
// mixed-precision tools leave a graph.
class Narrowed {
 public:
  Narrowed(::onnx::ModelProto model, DType to) : model_(std::move(model)), to_(to) {
    auto& graph = *model_.mutable_graph();
    for (auto& constant : *graph.mutable_initializer())
      if (constant.data_type() == FLOAT && constant.dims_size() == 2) narrow(constant);
    auto nodes = std::move(*graph.mutable_node());
    graph.clear_node();
    for (auto& node : nodes) add(std::move(node));
  }
  Result<ir::Graph> import() const {
    const std::string bytes = model_.SerializeAsString();
    return import_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())), {}, {});
  }

 private:
  void narrow(::onnx::TensorProto& constant) {
    std::string bytes;
    const std::string& from = constant.raw_data();
    for (size_t at = 0; at < from.size(); at += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, from.data() + at, sizeof value);
      const uint16_t bits =
          to_ == DType::f16 ? ops::to_half(value).bits : ops::to_bfloat(value).bits;
      bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
    constant.set_data_type(int(to_));
    constant.set_raw_data(bytes);
    narrow_.insert(constant.name());
  }

  std::string cast(const std::string& from, const std::string& name, DType to) {
    auto& node = *model_.mutable_graph()->add_node();
    node.set_op_type("Cast");
    node.add_input(from);
    node.add_output(name);
    auto& attribute = *node.add_attribute();
    attribute.set_name("to");
    attribute.set_type(::onnx::AttributeProto::INT);
    attribute.set_i(int(to));
    return name;
  }

  void add(::onnx::NodeProto&& node) {
    bool reads = false;
    for (const auto& name : node.input()) reads = reads || narrow_.contains(name);
    if (!reads) {
      *model_.mutable_graph()->add_node() = std::move(node);
      return;
    }
    const std::string output = node.output(0);
    if (node.op_type() == "Transpose") {
      narrow_.insert(output);
      *model_.mutable_graph()->add_node() = std::move(node);
      return;
    }
    if (node.op_type() == "MatMul")
      node.set_input(0, cast(node.input(0), output + "/narrowed", to_));
    node.set_output(0, output + "/narrow");
    *model_.mutable_graph()->add_node() = std::move(node);
    cast(output + "/narrow", output, DType::f32);
  }

  ::onnx::ModelProto model_;
  DType to_;
  std::set<std::string> narrow_;
};

// A step of a model with a growing cache: ids from the data set, the cache from `past` (empty:
// none).
GraphRun::Inputs step_inputs(const ir::Graph& graph, const std::string& set,
                             const std::vector<Tensor>& past) {
  const Tensor ids = read(set + "/input_0.pb");
  const int64_t seq = ids.shape[1], length = past.empty() ? 0 : past[1].shape[2];
  GraphRun::Inputs inputs;
  size_t cache = 1;  // present 0 is output 1
  for (ir::ValueId id : graph.inputs) {
    const ir::Value& value = graph[id];
    const std::string& name = value.name;
    Tensor& tensor = inputs[name];
    if (name == "input_ids") {
      tensor = ids;
    } else if (value.type.shape.size() == 4) {
      const auto heads = value.type.shape[1].constant(), size = value.type.shape[3].constant();
      tensor = past.empty() ? Tensor::zeros(DType::f32, {1, heads, 0, size}) : past[cache++];
    } else {
      const bool mask = name == "attention_mask";
      tensor = Tensor::zeros(DType::i64, {1, mask ? length + seq : seq});
      for (int64_t i = 0; i < tensor.shape[1]; i++)
        ops::store_int(tensor.view(), i, mask ? 1 : length + i);
    }
  }
  return inputs;
}

void expect_narrow(DType dtype, double tolerance) {
  const std::string folder = kTiny + "optimum/llama";
  const auto graph = Narrowed(parse(folder), dtype).import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  size_t narrow = 0;
  for (ir::NodeId id : graph->order())
    narrow +=
        (*graph)[id].op == ir::Op::MatMul && (*graph)[(*graph)[id].outputs[0]].type.dtype == dtype;
  EXPECT_GE(narrow, 15u);
  std::vector<Tensor> past;
  for (const char* set : {"/test_data_set_0", "/test_data_set_1"}) {
    const auto results = run_graph(*graph, step_inputs(*graph, folder + set, past));
    ASSERT_TRUE(results.ok()) << results.error().message;
    const double apart = distance((*results)[0], read(folder + set + "/output_0.pb"));
    EXPECT_LE(apart, tolerance);
    EXPECT_GT(apart, 1e-6) << "nothing was rounded";
    past = *results;
  }
}

TEST(whole_models, weights_of_f16_between_casts_stay_near_the_float_model) {
  expect_narrow(DType::f16, 2e-3);
}
TEST(whole_models, weights_of_bf16_between_casts_stay_near_the_float_model) {
  expect_narrow(DType::bf16, 2e-2);
}

}  // namespace
}  // namespace weft::onnx
