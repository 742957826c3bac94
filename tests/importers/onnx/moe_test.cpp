// Mixtures of experts: importers/onnx/moe.cpp. What they compute is in node_cases_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// Three experts over x [t, 4] with 2 hidden units.
struct Moe {
  ModelBuilder model;
  NodeBuilder node;
  explicit Moe(const std::string& op = "MoE",
               const std::vector<std::string>& inputs = {"x", "r", "w1", "", "w2"})
      : node(model.contrib(op, inputs, {"y"}).named("m")) {
    model.input("x", FLOAT, {"t", 4}).input("r", FLOAT, {"t", 3}).output("y");
    model.floats("w1", {3, 2, 4});
    model.floats("w2", {3, 4, 2});
  }
};

TEST(moe, chosen_experts_read_their_matrices_in_the_file) {
  auto graph = Moe().model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(count(*graph, ir::Op::ExpertMatMul), 2u);
  EXPECT_EQ(count(*graph, ir::Op::MatMul), 0u);
  EXPECT_EQ(count(*graph, ir::Op::Relu), 1u);
  EXPECT_EQ(output_type(*graph), "f32[t, 4]");
  for (ir::NodeId id : graph->order()) {
    const ir::Node& made = (*graph)[id];
    if (made.op != ir::Op::ExpertMatMul) continue;
    const ir::Value& weight = (*graph)[made.inputs[1]];
    EXPECT_EQ(weight.kind, ir::ValueKind::constant);
    EXPECT_EQ(weight.constant->bytes.size(), 24 * sizeof(float));
    EXPECT_EQ(made.attrs.integer("transposed", 0), 1);
  }
}

TEST(moe, packed_experts_stay_packed) {
  Moe packed("QMoE", {"x", "r", "w1", "s1", "", "w2", "s2"});
  auto& initializers = *packed.model.graph().mutable_initializer();
  const int64_t rows[] = {2, 4}, bytes[] = {2, 1};
  for (int i : {0, 1}) {
    initializers[i].set_data_type(::onnx::TensorProto::UINT8);
    initializers[i].set_dims(2, bytes[i]);
    initializers[i].set_raw_data(std::string(size_t(3 * rows[i] * bytes[i]), '\x7a'));
  }
  packed.model.floats("s1", {3, 2});
  packed.model.floats("s2", {3, 4});
  packed.node.set("expert_weight_bits", 4);
  auto graph = packed.model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(count(*graph, ir::Op::ExpertMatMul), 2u);
  for (ir::NodeId id : graph->order()) {
    const ir::Node& made = (*graph)[id];
    if (made.op != ir::Op::ExpertMatMul) continue;
    const ir::Value& weight = (*graph)[made.inputs[1]];
    ASSERT_TRUE(weight.quantization.has_value());
    EXPECT_EQ(weight.type.shape.size(), 3u);
    EXPECT_EQ(weight.constant->bytes.size(), 12u);
  }
}

TEST(moe, what_does_not_fit_is_refused) {
  Moe many;
  many.node.set("k", 4);
  EXPECT_EQ(error_of(many.model), "node 'm' (MoE): k is 4 of 3 experts");
  Moe mixer;
  mixer.node.set("use_sparse_mixer", 1);
  EXPECT_NE(error_of(mixer.model).find("use_sparse_mixer"), std::string::npos);
  Moe activation;
  activation.node.set("activation_type", "tanh");
  EXPECT_NE(error_of(activation.model).find("relu, gelu, silu, swiglu and identity are"),
            std::string::npos);
  Moe gate;
  gate.node.set("activation_type", "swiglu");
  EXPECT_NE(error_of(gate.model).find("needs fc3_experts_weights"), std::string::npos);
  Moe experts;
  experts.model.graph().mutable_initializer(0)->set_dims(0, 2);
  experts.model.graph().mutable_initializer(0)->mutable_raw_data()->resize(64);
  EXPECT_NE(error_of(experts.model).find("'w1' has not one part for each of the 3 experts"),
            std::string::npos)
      << error_of(experts.model);
}

TEST(moe, a_computed_weight_is_refused) {
  Moe moe("MoE", {"x", "r", "computed", "", "w2"});
  moe.model.input("computed", FLOAT, {3, 2, 4});
  EXPECT_NE(error_of(moe.model).find("'computed' must be a constant of the file"),
            std::string::npos);
}

TEST(moe, quantized_experts_of_other_kinds_are_refused) {
  Moe fp4("QMoE", {"x", "r", "w1", "s1", "", "w2", "s2"});
  fp4.model.floats("s1", {3, 2});
  fp4.model.floats("s2", {3, 4});
  fp4.node.set("quant_type", "fp4");
  EXPECT_NE(error_of(fp4.model).find("quant_type 'fp4' is not supported; 'int' of 4 or 8 bits is"),
            std::string::npos);
  Moe bare("QMoE", {"x", "r", "w1", "", "", "w2"});
  EXPECT_NE(error_of(bare.model).find("'w1' has no scales"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
