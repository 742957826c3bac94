#include "importers/onnx/functions.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// local.scaled(a) -> b = Swish(a, alpha=@factor)
::onnx::FunctionProto& add_function(ModelBuilder& model) {
  auto& function = *model.proto.add_functions();
  function.set_domain("local");
  function.set_name("scaled");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("factor");
  auto& opset = *function.add_opset_import();
  opset.set_version(24);
  auto& swish = *function.add_node();
  swish.set_op_type("Swish");
  swish.add_input("a");
  swish.add_output("inner");
  auto& attribute = *swish.add_attribute();
  attribute.set_name("alpha");
  attribute.set_type(::onnx::AttributeProto::FLOAT);
  attribute.set_ref_attr_name("factor");
  auto& neg = *function.add_node();
  neg.set_op_type("Neg");
  neg.add_input("inner");
  neg.add_output("b");
  return function;
}

ModelBuilder calling_twice() {
  ModelBuilder model(24);
  model.input("x", FLOAT, {2}).output("z");
  model.node("scaled", {"x"}, {"y"}, "local").named("one").set("factor", 2.0f);
  model.node("scaled", {"y"}, {"z"}, "local").named("two");
  return model;
}

TEST(functions, a_body_takes_the_place_of_each_call) {
  ModelBuilder model = calling_twice();
  add_function(model);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Swish Neg Swish Neg");
  const ir::Node& first = (*graph)[graph->order()[0]];
  EXPECT_EQ(first.attrs.real("alpha", 1), 2.0);
  EXPECT_FALSE((*graph)[graph->order()[2]].attrs.has("alpha"));
  EXPECT_NE(first.name.find("y/"), std::string::npos);
}

TEST(functions, a_function_that_calls_itself_is_refused) {
  ModelBuilder model = calling_twice();
  auto& function = add_function(model);
  function.mutable_node(1)->set_op_type("scaled");
  function.mutable_node(1)->set_domain("local");
  EXPECT_NE(error_of(model).find("without end"), std::string::npos);
}

TEST(functions, another_opset_than_the_models_is_refused) {
  ModelBuilder model = calling_twice();
  add_function(model).mutable_opset_import(0)->set_version(11);
  EXPECT_NE(error_of(model).find("written for opset 11"), std::string::npos);
}

TEST(functions, too_many_arguments_are_refused) {
  ModelBuilder model = calling_twice();
  add_function(model);
  model.graph().mutable_node(0)->add_input("x");
  EXPECT_NE(error_of(model).find("more inputs or outputs"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
