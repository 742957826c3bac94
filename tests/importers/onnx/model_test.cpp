#include "importers/onnx/model.h"

#include <gtest/gtest.h>

#include "core/ir/verify.h"
#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

const std::filesystem::path tiny = std::filesystem::path(WEFT_TEST_DATA) / "tiny";

std::string import_error(const std::string& bytes) {
  return error_of(import_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())), {}));
}

ModelBuilder relu() {
  ModelBuilder model;
  model.input("x", FLOAT, {"batch", 4}).output("y", FLOAT, {"batch", 4});
  model.node("Relu", {"x"}, {"y"});
  return model;
}

TEST(model, imports_a_graph_with_its_names) {
  auto graph = relu().import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ((*graph)[graph->inputs[0]].name, "x");
  EXPECT_EQ(graph->outputs[0].name, "y");
  EXPECT_EQ(output_type(*graph), "f32[batch, 4]");
}

TEST(model, an_unknown_ir_version_and_opset_are_no_reason_to_refuse) {
  ModelBuilder model(99);
  model.proto.set_ir_version(1000);
  model.set_opset("org.pytorch.aten", 7);
  model.input("x", FLOAT, {1}).output("y");
  model.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(error_of(model), "");
}

TEST(model, annotations_that_lie_are_ignored) {
  ModelBuilder model;
  model.input("x", FLOAT, {2, 3}).output("z");
  model.node("Relu", {"x"}, {"y"});
  model.node("Neg", {"y"}, {"z"});
  auto& info = *model.graph().add_value_info();
  info.set_name("y");
  info.mutable_type()->mutable_tensor_type()->set_elem_type(INT64);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph), "f32[2, 3]");
}

TEST(model, every_truncation_of_a_model_ends_in_an_error_or_a_graph) {
  std::string bytes = relu().proto.SerializeAsString();
  size_t errors = 0;
  for (size_t size = 0; size < bytes.size(); size++)
    errors += !import_error(bytes.substr(0, size)).empty();
  EXPECT_GT(errors, bytes.size() / 2);
}

TEST(model, random_bytes_are_told_apart_from_models) {
  std::string bytes = "\x01\x02\x03 this is no protobuf \xff\xff\xff";
  EXPECT_NE(import_error(bytes).find("not an ONNX model"), std::string::npos);
  EXPECT_NE(import_error("").find("empty"), std::string::npos);
}

TEST(model, files_of_other_kinds_are_named) {
  EXPECT_NE(import_error("version https://git-lfs.github.com/spec/v1\noid").find("Git LFS"),
            std::string::npos);
  EXPECT_NE(import_error("GGUF\x03\x00 and more").find("GGUF file"), std::string::npos);
  EXPECT_NE(import_error("<!DOCTYPE html><html></html>").find("web page"), std::string::npos);
  EXPECT_NE(import_error("A text about models.").find("it is text"), std::string::npos);
  // The length of a header comes first, and its low byte may be that of any other kind.
  std::string tensors = "<" + std::string(7, '\0') + "{\"w\":{}}";
  EXPECT_NE(import_error(tensors).find("safetensors"), std::string::npos);
}

TEST(model, errors_begin_with_the_file_name) {
  TestFolder folder;
  folder.write("broken.onnx", "GGUF broken");
  EXPECT_TRUE(error_of(import(folder.path)).starts_with("broken.onnx: not an ONNX model"));
}

TEST(model, a_genai_llama_becomes_ops_of_the_vocabulary) {
  std::vector<std::string> notes;
  auto graph = import(tiny / "genai-fp32" / "llama", {&notes});
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_TRUE(ir::verify(*graph).ok());
  EXPECT_EQ(count(*graph, ir::Op::Attention), 2u);
  EXPECT_EQ(count(*graph, ir::Op::RMSNormalization), 5u);
  EXPECT_EQ(count(*graph, ir::Op::RotaryEmbedding), 4u);
  EXPECT_EQ(count(*graph, ir::Op::MatMul), 11u);
  EXPECT_EQ(graph->order().size(), 35u);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("position_ids"), std::string::npos);
}

TEST(model, a_genai_llama_has_its_total_length_as_past_plus_sequence) {
  auto graph = import(tiny / "genai-fp32" / "llama" / "model.onnx");
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  sym::Dim total = sym::Dim::symbol("past_sequence_length") + sym::Dim::symbol("sequence_length");
  const ir::Value& mask = (*graph)[graph->inputs[1]];
  EXPECT_EQ(mask.name, "attention_mask");
  EXPECT_EQ(mask.type.shape[1], total);
  ir::Type present = (*graph)[graph->outputs[1].value].type;
  EXPECT_EQ(present.shape[2], total);
  EXPECT_EQ(present.shape[3], sym::Dim(16));
  EXPECT_EQ(output_type(*graph), "f32[batch_size, sequence_length, 320]");
  const ir::Value& last = (*graph)[graph->inputs.back()];
  EXPECT_EQ(last.name, "position_ids");
  EXPECT_EQ(ir::str(last.type), "i64[batch_size, sequence_length]");
}

TEST(model, every_copied_fixture_imports_and_verifies) {
  for (const char* name :
       {"genai-fp32/llama", "genai-fp32/llama3_rope", "genai-fp32/qwen2", "genai-fp32/phi3",
        "genai-fp32/granite", "genai-int4/llama", "genai-int4/qwen2"}) {
    auto graph = import(tiny / name);
    ASSERT_TRUE(graph.ok()) << error_of(graph);
    Status sound = ir::verify(*graph);
    EXPECT_TRUE(sound.ok()) << name << ": " << sound.error().message;
  }
}

}  // namespace
}  // namespace weft::onnx
