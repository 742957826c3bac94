#include "importers/onnx/dims.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// The type of the only input after import.
std::string input_type(const TestDims& dims) {
  ModelBuilder model;
  model.input("x", FLOAT, dims).output("x");
  auto graph = model.import();
  return graph.ok() ? ir::str((*graph)[graph->inputs[0]].type) : graph.error().message;
}

TEST(dims, names_become_symbols) { EXPECT_EQ(input_type({"batch", 4}), "f32[batch, 4]"); }

TEST(dims, nameless_dims_get_symbols_of_their_own) {
  EXPECT_EQ(input_type({"", -1, "?"}), "f32[x_dim0, x_dim1, x_dim2]");
}

TEST(dims, expressions_over_known_names_are_read_as_such) {
  ModelBuilder model;
  model.input("mask", INT64, {"past + seq"}).input("p", FLOAT, {"past"}).input("s", FLOAT, {"seq"});
  model.output("mask");
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ((*graph)[graph->inputs[0]].type.shape[0],
            sym::Dim::symbol("past") + sym::Dim::symbol("seq"));
}

TEST(dims, text_that_only_looks_like_an_expression_is_one_symbol) {
  EXPECT_EQ(input_type({"batch-size"}), "f32[batch_size]");
  EXPECT_EQ(input_type({"4 tokens", "max"}), "f32[dim_4_tokens, dim_max]");
}

TEST(dims, different_texts_never_become_one_symbol) {
  EXPECT_EQ(input_type({"a-b", "a b", "a-b"}), "f32[a_b, a_b_, a_b]");
}

TEST(dims, known_roles_bound_their_symbols) {
  ModelBuilder model;
  model.input("input_ids", INT64, {"b", "s"}).input("past", FLOAT, {"b", "p"}).output("past");
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(graph->bounds.of("b").lo, 1);
  EXPECT_EQ(graph->bounds.of("s").lo, 1);
  EXPECT_EQ(graph->bounds.of("p").lo, 0);
}

TEST(dims, inputs_that_are_no_tensors_or_have_no_shape_are_refused) {
  ModelBuilder sequence;
  sequence.output("x");
  auto& info = *sequence.graph().add_input();
  info.set_name("x");
  info.mutable_type()->mutable_sequence_type();
  EXPECT_NE(error_of(sequence).find("is not a tensor"), std::string::npos);
  ModelBuilder shapeless;
  shapeless.input("x", FLOAT, {1}).output("x");
  shapeless.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_NE(error_of(shapeless).find("has no shape"), std::string::npos);
  EXPECT_NE(input_type({INT64_MAX, INT64_MAX}).find("more elements"), std::string::npos);
  EXPECT_NE(input_type({-7}).find("negative"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
