// Sessions on an elastic plan: the same bits as on a max plan, in arenas that follow the runs.
#include <gtest/gtest.h>

#include <cstring>

#include "core/engine.h"
#include "core/host/loader.h"
#include "core/ops/attention.h"
#include "core/ops/infer_graph.h"
#include "importers/onnx/model.h"

namespace weft {
namespace {

constexpr const char* kLlama = "genai-fp32/llama";
// Its attention has slopes.
constexpr const char* kBloom = "dynamo-op18/bloom";

// Adds a bias to every score that has as many columns as there are positions: an activation that
// grows with the past.
Status add_bias(ir::Graph& graph) {
  TRY(ops::infer_types(graph));
  const auto order = graph.order();
  for (const ir::NodeId id : order) {
    const ir::Node node = graph[id];
    if (!ops::is_attention(node.op)) continue;
    const ir::Dim keys =
        graph[node.inputs[ops::kQ]].type.shape[1] + graph[node.inputs[ops::kPastKey]].type.shape[2];
    const auto scalar = [&](ir::Dim number) {
      ir::Value value;
      value.name = "number";
      value.kind = ir::ValueKind::symbolic;
      value.type = {ir::DType::i64, {}};
      value.contents = {number};
      return graph.add_value(std::move(value));
    };
    const ir::ValueId range = graph.add(ir::Op::Range, {scalar(0), scalar(keys), scalar(1)});
    const ir::ValueId bias =
        graph.add(ir::Op::Sin, {graph.add(ir::Op::Cast, {range}, {{"to", int64_t{1}}})});
    const ir::ValueId shape = graph.add_symbolic("row", {1, 1, 1, keys});
    const ir::ValueId row = graph.add(ir::Op::Reshape, {bias, shape});
    graph[id].inputs[ops::kMask] = row;
  }
  TRY(graph.collect_and_sort());
  return ops::infer_types(graph);
}

Result<std::unique_ptr<EnginePlan>> plan(const char* model, plan::MemoryPlan memory,
                                         std::vector<std::string> prefill,
                                         std::vector<std::string> decode = {},
                                         bool with_bias = false) {
  std::vector<host::PluginPtr> plugins;
  host::HostOptions alone;
  alone.threads = 1;
  const auto services = host::HostServices::create(alone);
  for (const char* name : {"cpu", "reference", "null"})
    plugins.push_back(
        TRY(host::load(WEFT_PLUGIN_DIR "/weft_" + std::string(name) + ".so", services)));
  EngineOptions options;
  options.capacity = 256;  // the positions that the models know
  options.chunk = 128;
  options.memory = memory;
  options.backends = std::move(prefill);
  options.decode = std::move(decode);
  auto graph = TRY(onnx::import(std::string(WEFT_TEST_DATA "/tiny/") + model));
  if (with_bias) TRY(add_bias(graph));
  return EnginePlan::make(std::move(graph), plugins, std::move(options));
}

std::unique_ptr<Engine> engine(const char* model, plan::MemoryPlan memory,
                               std::vector<std::string> prefill,
                               std::vector<std::string> decode = {}, bool with_bias = false) {
  auto made = plan(model, memory, std::move(prefill), std::move(decode), with_bias);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  if (!made.ok()) return nullptr;
  auto built = Engine::build(std::move(*made));
  EXPECT_TRUE(built.ok()) << (built.ok() ? "" : built.error().message);
  return built.ok() ? std::move(*built) : nullptr;
}

// Logits of the last `rows` of `count` more tokens.
std::vector<float> feed(runtime::Session& session, int64_t count, int64_t rows) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back((session.past() + i) * 37 % 96);
  const auto logits = session.feed(ids, rows);
  EXPECT_TRUE(logits.ok()) << (logits.ok() ? "" : logits.error().message);
  if (!logits.ok()) return {};
  return {logits->begin(), logits->end()};
}

void expect_same_bits(Engine& one, Engine& other) {
  auto a = one.open_session(), b = other.open_session();
  ASSERT_TRUE(a.ok() && b.ok());
  for (const auto& [count, rows] : std::vector<std::pair<int64_t, int64_t>>{
           {7, 7}, {1, 1}, {90, 1}, {1, 1}, {3, 2}, {128, 9}, {1, 1}}) {
    const std::vector<float> expected = feed(**a, count, rows), got = feed(**b, count, rows);
    ASSERT_FALSE(expected.empty());
    ASSERT_EQ(got.size(), expected.size());
    ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
        << count << " tokens, " << rows << " rows";
  }
}

TEST(ElasticMemory, gives_the_same_bits_on_one_backend) {
  for (const char* model : {kLlama, kBloom}) {
    const auto fixed = engine(model, plan::MemoryPlan::max, {"cpu"});
    const auto elastic = engine(model, plan::MemoryPlan::elastic, {"cpu"});
    ASSERT_TRUE(fixed && elastic);
    expect_same_bits(*fixed, *elastic);
  }
}

TEST(ElasticMemory, gives_the_same_bits_when_prompt_and_tokens_run_elsewhere) {
  const auto fixed = engine(kLlama, plan::MemoryPlan::max, {"cpu"}, {"reference"});
  const auto elastic = engine(kLlama, plan::MemoryPlan::elastic, {"cpu"}, {"reference"});
  ASSERT_TRUE(fixed && elastic);
  expect_same_bits(*fixed, *elastic);
}

TEST(ElasticMemory, is_planned_for_each_memory_by_itself) {
  const auto made = plan(kLlama, plan::MemoryPlan::elastic, {"null", "cpu"});
  ASSERT_TRUE(made.ok()) << made.error().message;
  const plan::Plan& prefill = (*made)->prefill();
  ASSERT_EQ(prefill.arena_dims().size(), 2u) << "null has memory of its own";
  for (uint32_t domain = 0; domain < 2; ++domain) {
    EXPECT_EQ(prefill.memory_plan(domain), plan::MemoryPlan::elastic);
    EXPECT_FALSE(prefill.arena_dims()[domain].is_constant());
    EXPECT_GT(prefill.arena_bytes()[domain], 0);
  }
  const auto fixed = engine(kLlama, plan::MemoryPlan::max, {"null", "cpu"});
  const auto elastic = engine(kLlama, plan::MemoryPlan::elastic, {"null", "cpu"});
  ASSERT_TRUE(fixed && elastic);
  expect_same_bits(*fixed, *elastic);
}

TEST(ElasticMemory, grows_only_when_a_length_leaves_its_bucket) {
  const auto elastic = engine(kLlama, plan::MemoryPlan::elastic, {"cpu"});
  ASSERT_TRUE(elastic);
  auto session = elastic->open_session();
  ASSERT_TRUE(session.ok());
  EXPECT_EQ((*session)->arena_growths(), 0u);
  feed(**session, 1, 1);
  EXPECT_EQ((*session)->arena_growths(), 1u);
  const int64_t one_token = (*session)->arena_bytes();
  for (int i = 0; i < 70; ++i) feed(**session, 1, 1);
  EXPECT_EQ((*session)->arena_growths(), 1u) << "nothing here depends on the past";
  feed(**session, 7, 1);
  EXPECT_EQ((*session)->arena_growths(), 2u);
  const int64_t few_tokens = (*session)->arena_bytes();
  EXPECT_GT(few_tokens, one_token);
  for (const int64_t count : {64, 2, 33, 1}) feed(**session, count, 1);
  EXPECT_EQ((*session)->arena_growths(), 2u);
  feed(**session, 65, 1);
  EXPECT_EQ((*session)->arena_growths(), 3u);
  EXPECT_GT((*session)->arena_bytes(), few_tokens);
}

TEST(ElasticMemory, grows_with_the_past_in_steps_where_activations_do) {
  const auto elastic = engine(kLlama, plan::MemoryPlan::elastic, {"cpu"}, {}, true);
  ASSERT_TRUE(elastic);
  auto session = elastic->open_session();
  ASSERT_TRUE(session.ok());
  std::vector<uint64_t> growths;
  for (int64_t i = 0; i < 250; ++i) {
    feed(**session, 1, 1);
    growths.push_back((*session)->arena_growths());
  }
  EXPECT_LE(growths.back(), 2u + 250 / 64 + 1);
  EXPECT_GT(growths.back(), growths.front());
}

TEST(ElasticMemory, takes_less_than_the_longest_run_until_it_comes) {
  const auto fixed = engine(kLlama, plan::MemoryPlan::max, {"cpu"});
  const auto elastic = engine(kLlama, plan::MemoryPlan::elastic, {"cpu"});
  ASSERT_TRUE(fixed && elastic);
  auto most = fixed->open_session(), grown = elastic->open_session();
  ASSERT_TRUE(most.ok() && grown.ok());
  const int64_t scratch = fixed->memory().scratch;
  feed(**grown, 7, 1);
  EXPECT_LE((*grown)->arena_bytes() - scratch, ((*most)->arena_bytes() - scratch) / 2);
  feed(**grown, 128, 128);
  EXPECT_LE((*grown)->arena_bytes() - scratch, ((*most)->arena_bytes() - scratch) * 11 / 10);
}

}  // namespace
}  // namespace weft
