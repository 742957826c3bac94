// What the structure of a graph tells, whatever its names.
#include "tools/weft/model_facts.h"

#include <gtest/gtest.h>

#include "core/engine_plan.h"
#include "core/host/loader.h"
#include "core/ir/text.h"
#include "importers/onnx/model.h"

namespace weft::cli {
namespace {

std::unique_ptr<EnginePlan> plan(const std::string& model) {
  auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_cpu.so", host::HostServices::create({}));
  EXPECT_TRUE(plugin.ok()) << (plugin.ok() ? "" : plugin.error().message);
  auto graph = onnx::import(WEFT_TEST_DATA "/tiny/" + model);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
  EngineOptions options;
  options.backends = {"cpu"};
  options.capacity = 128;
  options.chunk = 16;
  auto made = EnginePlan::make(std::move(*graph), {*plugin}, options);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return std::move(*made);
}

TEST(ModelFacts, a_decoder_has_its_shape) {
  const auto llama = plan("genai-fp32/llama");
  const Architecture a = architecture(llama->graph());
  EXPECT_EQ(a.layers, 2);
  EXPECT_EQ(a.vocabulary, 320);
  ASSERT_TRUE(a.heads && a.kv_heads && a.head_size && a.hidden && a.feed_forward);
  EXPECT_EQ(*a.kv_heads, 2);
  EXPECT_EQ(*a.heads % *a.kv_heads, 0);
  // Keys and values of two layers, 128 positions.
  EXPECT_EQ(llama->memory().cache, 2 * 2 * 128 * *a.kv_heads * *a.head_size * 4);
}

TEST(ModelFacts, quantized_weights_count_as_the_reals_they_stand_for) {
  const auto plain = weight_facts(plan("genai-fp32/llama")->graph());
  const auto packed = weight_facts(plan("genai-int4/llama")->graph());
  EXPECT_EQ(plain.parameters, packed.parameters);
  ASSERT_EQ(plain.rows.size(), 1u);
  EXPECT_EQ(plain.rows[0].format, "f32");
  EXPECT_EQ(plain.rows[0].bytes, plain.parameters * 4);
}

TEST(ModelFacts, tables_of_positions_scalars_and_integers_are_no_parameters) {
  const auto graph = ir::parse(R"(graph "g" {
  input %x : f32[1, 4, 2]
  input %p : f32[4, 1]
  const %w : f32[2, 2] = {1.0, 2.0, 3.0, 4.0}
  const %frequencies : f32[1, 2] = {1.0, 2.0}
  const %half : f32[] = {0.5}
  %product = MatMul(%x, %w) : f32[1, 4, 2]
  %angles = Mul(%p, %frequencies) : f32[4, 2]
  %cosine = Cos(%angles) : f32[4, 2]
  %turned = Mul(%product, %cosine) : f32[1, 4, 2]
  %y = Mul(%turned, %half) : f32[1, 4, 2]
  output "y" = %y
})");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  const WeightFacts facts = weight_facts(*graph);
  EXPECT_EQ(facts.parameters, 4);
  ASSERT_EQ(facts.rows.size(), 1u);
  EXPECT_EQ(facts.rows[0].tensors, 1u);
  EXPECT_FALSE(architecture(*graph).layers);
}

}  // namespace
}  // namespace weft::cli
