// Whole decoders with integer linears, prompts in chunks of a fixed shape on the NPU: the logits
// are those of the processor alone, bit for bit, whatever is left over for the last chunk.
//
// Bit for bit, because integer sums are exact on both, scaling them is one rounded multiplication
// on both, and the float work between is the same kernels on the same rows: padding rows are
// computed on the NPU alone and read by nobody.
#include "core/linear_share.h"
#include "tests/core/device_engines.h"
#include "tests/core/integer_linears.h"

namespace weft {
namespace {

constexpr int64_t kNpuRows = 64;

std::unique_ptr<Engine> decoder_on(const Available& with, const std::string& model,
                                   const std::vector<std::string>& prefill) {
  auto graph = onnx::import(std::string(WEFT_TEST_DATA "/tiny/") + model);
  if (!graph.ok()) {
    ADD_FAILURE() << graph.error().message;
    return nullptr;
  }
  EXPECT_GT(make_linears_integer(*graph, 0.03f), 4u) << model;
  EngineOptions options;
  options.backends = {"cpu", "reference"};
  options.prefill = prefill;
  options.capacity = 192;
  options.chunk = kNpuRows;
  auto engine = Engine::build(std::move(*graph), with.plugins, options);
  if (!engine.ok()) {
    ADD_FAILURE() << engine.error().message;
    return nullptr;
  }
  return std::move(*engine);
}

// Logits of the last tokens of a prompt, and of three more.
std::vector<std::vector<float>> answer(runtime::Session& session, int64_t count) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(1 + i * 29 % 50);
  EXPECT_TRUE(session.truncate(0).ok());
  std::vector<std::vector<float>> out;
  auto logits = session.feed(ids, std::min<int64_t>(count, 3));
  for (int64_t i = 0; i < 3; ++i) {
    if (!logits.ok()) {
      ADD_FAILURE() << logits.error().message;
      return out;
    }
    out.emplace_back(logits->begin(), logits->end());
    const int64_t id = 7 + i;
    logits = session.feed(std::span(&id, 1), 1);
  }
  EXPECT_EQ(session.past(), count + 3) << "padding is no position";
  return out;
}

TEST(NpuPrompts, give_the_processors_logits_at_every_length) {
  const Available with = available({"vulkan_npu", "cpu", "reference"});
  NEEDS(with, "vulkan");
  for (const char* model : {"genai-fp32/llama", "optimum/qwen2", "genai-fp32/gemma2"}) {
    const auto split = decoder_on(with, model, {"vulkan_npu", "cpu", "reference"});
    const auto whole = decoder_on(with, model, {"cpu", "reference"});
    ASSERT_TRUE(split && whole) << model;
    auto session = split->open_session(), expected = whole->open_session();
    ASSERT_TRUE(session.ok() && expected.ok()) << model;
    for (const int64_t count :
         {int64_t{1}, kNpuRows - 1, kNpuRows, kNpuRows + 1, 2 * kNpuRows, 2 * kNpuRows + 22}) {
      const auto got = answer(**session, count), want = answer(**expected, count);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < want.size(); ++i)
        EXPECT_TRUE(same_bits(got[i], want[i])) << model << ", " << count << " tokens, " << i;
    }
  }
}

TEST(NpuPrompts, say_who_multiplies_with_the_weights) {
  const Available with = available({"vulkan_npu", "cpu", "reference"});
  NEEDS(with, "vulkan");
  const auto split = decoder_on(with, "genai-fp32/llama", {"vulkan_npu", "cpu", "reference"});
  ASSERT_TRUE(split);
  const EnginePlan& plan = split->plan();
  const auto prefill = linear_shares(plan.prefill(), plan.devices(), kNpuRows);
  ASSERT_EQ(prefill.size(), 2u);
  EXPECT_EQ(prefill[0].backend, "vulkan_npu");
  EXPECT_GE(prefill[0].share, 0.8);
  EXPECT_NEAR(prefill[0].share + prefill[1].share, 1, 1e-12);
  const auto decode = linear_shares(plan.decode(), plan.devices(), 1);
  ASSERT_EQ(decode.size(), 1u);
  EXPECT_EQ(decode[0].backend, "cpu");
  // A prompt multiplies each row with every weight, but for what only its last row needs.
  const double all = prefill[0].multiply_adds + prefill[1].multiply_adds;
  EXPECT_LT(all, decode[0].multiply_adds * double(kNpuRows));
  EXPECT_GT(all, decode[0].multiply_adds * double(kNpuRows) * 0.3);
  // Weights of the NPU's products are held twice, those of the head once.
  std::map<std::string, size_t> copies;
  for (const WeightCopies& one : weight_copies(plan)) {
    copies[one.backend] += one.tensors;
    EXPECT_GT(one.bytes, 0);
  }
  EXPECT_EQ(copies.size(), 2u);
  EXPECT_GT(copies["vulkan_npu"], 4u);
  EXPECT_EQ(copies["cpu"], copies["vulkan_npu"] + 1);
}

// An NPU that runs prompts asks for shorter chunks than others, unless the user says how long.
TEST(NpuPrompts, come_in_chunks_of_256_unless_told_otherwise) {
  const Available with = available({"vulkan_npu", "reference"});
  NEEDS(with, "vulkan");
  const auto chunk_of = [&](const std::vector<std::string>& backends, bool usual) {
    auto graph = onnx::import(WEFT_TEST_DATA "/integer");
    EXPECT_TRUE(graph.ok());
    EngineOptions options;
    options.backends = backends;
    options.usual_chunk = usual;
    auto plan = EnginePlan::make(std::move(*graph), with.plugins, options);
    EXPECT_TRUE(plan.ok());
    return plan.ok() ? (*plan)->options().chunk : 0;
  };
  EXPECT_EQ(chunk_of({"vulkan_npu", "reference"}, true), 256);
  EXPECT_EQ(chunk_of({"vulkan_npu", "reference"}, false), 512);
  EXPECT_EQ(chunk_of({"reference"}, true), 512);
}

}  // namespace
}  // namespace weft
