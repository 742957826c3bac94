// A plan says what an engine made of it will be, and compiles nothing.
#include "core/engine_plan.h"

#include <gtest/gtest.h>

#include "core/engine.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"

namespace weft {
namespace {

Result<std::unique_ptr<EnginePlan>> plan(const char* model, EngineOptions options) {
  std::vector<host::PluginPtr> plugins;
  const auto services = host::HostServices::create({});
  for (const char* name : {"cpu", "reference"})
    plugins.push_back(
        TRY(host::load(WEFT_PLUGIN_DIR "/weft_" + std::string(name) + ".so", services)));
  options.capacity = 64;
  options.chunk = 16;
  auto graph = TRY(onnx::import(std::string(WEFT_TEST_DATA "/") + model));
  return EnginePlan::make(std::move(graph), plugins, std::move(options));
}

EngineOptions on(std::vector<std::string> backends) {
  EngineOptions options;
  options.backends = std::move(backends);
  return options;
}

TEST(EnginePlan, knows_the_memory_of_the_engine) {
  auto made = plan("tiny/genai-fp32/llama", on({"cpu"}));
  ASSERT_TRUE(made.ok()) << made.error().message;
  const PlannedMemory planned = (*made)->memory();
  const std::string placement = (*made)->placement().line();
  auto engine = Engine::build(std::move(*made));
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  EXPECT_EQ((*engine)->memory().cache, planned.cache);
  EXPECT_EQ((*engine)->memory().arena, planned.arena);
  EXPECT_GE((*engine)->memory().weights, planned.weights * 9 / 10);
  EXPECT_EQ((*engine)->placement().line(), placement);
  EXPECT_EQ((*engine)->compiled_programs(), 1u);
}

TEST(EnginePlan, has_one_plan_for_both_phases_unless_their_backends_differ) {
  const auto one = plan("tiny/genai-fp32/llama", on({"cpu"}));
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(&(*one)->prefill(), &(*one)->decode());
  EngineOptions options = on({"cpu"});
  options.decode = {"reference"};
  const auto two = plan("tiny/genai-fp32/llama", options);
  ASSERT_TRUE(two.ok()) << two.error().message;
  EXPECT_NE(&(*two)->prefill(), &(*two)->decode());
  EXPECT_EQ((*two)->placement().rows.size(), 2u);
}

TEST(EnginePlan, plans_graphs_that_are_no_decoders) {
  const auto made = plan("onnx_node/test_gelu_tanh_1", on({"cpu"}));
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ((*made)->placement().line(), "1 of 1 nodes on cpu");
  EXPECT_EQ((*made)->memory().cache, 0);
  EXPECT_GT((*made)->memory().arena, 0);
}

}  // namespace
}  // namespace weft
