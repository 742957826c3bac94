// Small models with random weights, from file to logits, on every backend that can run them alone.
//
// tests/data/tiny holds what five exporters wrote, with ONNX Runtime's outputs: 7 tokens into an
// empty cache, then 1 token after those. The int4 models have sets in which activations stay
// floats (tests/data/tiny/make_after_exact.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "core/base/counters.h"
#include "core/engine.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"
#include "tests/core/ops/onnx_case.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

struct Model {
  std::string folder;  // exporter/architecture
  std::string prefill = "0", decode = "1";
};
std::ostream& operator<<(std::ostream& out, const Model& model) { return out << model.folder; }

// Every model of tests/data/tiny that decodes.
std::vector<Model> decoders() {
  std::vector<Model> found;
  const fs::path tiny = WEFT_TEST_DATA "/tiny";
  for (const auto& exporter : fs::directory_iterator(tiny)) {
    if (!exporter.is_directory()) continue;
    for (const auto& folder : fs::directory_iterator(exporter)) {
      Model model{fs::relative(folder.path(), tiny).string()};
      if (fs::exists(folder.path() / "test_data_set_0_exact")) {
        model.prefill = "0_exact";
        model.decode = "1_after_exact";
      }
      if (fs::exists(folder.path() / ("test_data_set_" + model.decode))) found.push_back(model);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Model& a, const Model& b) { return a.folder < b.folder; });
  return found;
}

struct Step {
  std::vector<int64_t> ids;
  std::vector<float> logits;  // [ids, vocabulary]
};

std::vector<host::PluginPtr> plugins() {
  host::HostOptions options;
  options.threads = 2;
  const auto services = host::HostServices::create(options);
  std::vector<host::PluginPtr> loaded;
  for (const char* name : {"cpu", "reference"}) {
    auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_" + std::string(name) + ".so", services);
    EXPECT_TRUE(plugin.ok()) << (plugin.ok() ? "" : plugin.error().message);
    if (plugin.ok()) loaded.push_back(*plugin);
  }
  return loaded;
}

Step read_step(const Model& model, const std::string& set) {
  const std::string folder =
      WEFT_TEST_DATA "/tiny/" + std::string(model.folder) + "/test_data_set_" + set;
  const auto ids = test::load_onnx_tensor(folder + "/input_0.pb");
  const auto logits = test::load_onnx_tensor(folder + "/output_0.pb");
  EXPECT_TRUE(ids.ok() && logits.ok()) << folder;
  if (!ids.ok() || !logits.ok()) return {};
  Step step;
  EXPECT_EQ(ids->dtype, ir::DType::i64);
  EXPECT_EQ(logits->dtype, ir::DType::f32);
  step.ids.resize(ids->bytes.size() / sizeof(int64_t));
  std::memcpy(step.ids.data(), ids->bytes.data(), ids->bytes.size());
  step.logits.resize(logits->bytes.size() / sizeof(float));
  std::memcpy(step.logits.data(), logits->bytes.data(), logits->bytes.size());
  return step;
}

// Within 1e-4 of the largest logit, which leaves room for another order of additions only.
void expect_close(std::span<const float> got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  float largest = 0;
  for (const float x : expected) largest = std::max(largest, std::abs(x));
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_LE(std::abs(got[i] - expected[i]), 1e-4f * largest) << "at " << i;
  }
}

void expect_same_bits(std::span<const float> got, std::span<const float> expected) {
  ASSERT_EQ(got.size(), expected.size());
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size_bytes()), 0);
}

class TinyModel : public testing::TestWithParam<Model> {
 protected:
  std::unique_ptr<Engine> build(EngineOptions options) {
    options.capacity = 32;
    options.chunk = 16;
    auto graph = onnx::import(WEFT_TEST_DATA "/tiny/" + std::string(GetParam().folder));
    EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
    if (!graph.ok()) return nullptr;
    auto engine = Engine::build(std::move(*graph), plugins(), std::move(options));
    EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().message);
    return engine.ok() ? std::move(*engine) : nullptr;
  }
  std::unique_ptr<Engine> build_on(const char* backend) {
    EngineOptions options;
    options.backends = {backend};
    options.require = backend;
    return build(std::move(options));
  }
  // A copy of the logits; empty when the session refuses.
  static std::vector<float> feed(runtime::Session& session, std::span<const int64_t> ids) {
    const auto logits = session.feed(ids, int64_t(ids.size()));
    EXPECT_TRUE(logits.ok()) << (logits.ok() ? "" : logits.error().message);
    if (!logits.ok()) return {};
    return {logits->begin(), logits->end()};
  }

  void expect_reference_logits(Engine& engine) {
    auto session = engine.open_session();
    ASSERT_TRUE(session.ok()) << session.error().message;
    expect_close(feed(**session, prefill.ids), prefill.logits);
    const uint64_t copied = counters().bytes_copied;
    expect_close(feed(**session, decode.ids), decode.logits);
    if (engine.placement().rows.size() == 1) {
      EXPECT_EQ(counters().bytes_copied, copied);
    }
    EXPECT_EQ((*session)->past(), int64_t(prefill.ids.size() + decode.ids.size()));
  }

  const Step prefill = read_step(GetParam(), GetParam().prefill);
  const Step decode = read_step(GetParam(), GetParam().decode);
};

TEST_P(TinyModel, on_cpu_gives_the_logits_of_onnx_runtime) {
  ASSERT_EQ(prefill.ids.size(), 7u);
  ASSERT_EQ(decode.ids.size(), 1u);
  const auto engine = build_on("cpu");
  ASSERT_TRUE(engine);
  expect_reference_logits(*engine);
}

TEST_P(TinyModel, on_the_reference_gives_the_logits_of_onnx_runtime) {
  const auto engine = build_on("reference");
  ASSERT_TRUE(engine);
  expect_reference_logits(*engine);
}

TEST_P(TinyModel, may_read_the_prompt_on_one_backend_and_decode_on_another) {
  EngineOptions options;
  options.prefill = {"cpu"};
  options.decode = {"reference"};
  const auto engine = build(std::move(options));
  ASSERT_TRUE(engine);
  EXPECT_EQ(engine->placement().rows.size(), 2u);
  expect_reference_logits(*engine);
}

TEST_P(TinyModel, gives_the_same_bits_for_a_prompt_in_chunks) {
  const auto engine = build_on("cpu");
  ASSERT_TRUE(engine);
  auto whole = engine->open_session(), parts = engine->open_session();
  ASSERT_TRUE(whole.ok() && parts.ok());
  const std::vector<float> expected = feed(**whole, prefill.ids);
  const std::span<const int64_t> ids = prefill.ids;
  std::vector<float> got = feed(**parts, ids.first(3));
  const std::vector<float> rest = feed(**parts, ids.subspan(3));
  got.insert(got.end(), rest.begin(), rest.end());
  expect_same_bits(got, expected);
  expect_same_bits(feed(**parts, decode.ids), feed(**whole, decode.ids));
}

TEST_P(TinyModel, forgets_positions_as_if_they_had_never_been) {
  const auto engine = build_on("cpu");
  ASSERT_TRUE(engine);
  auto fresh = engine->open_session(), used = engine->open_session();
  ASSERT_TRUE(fresh.ok() && used.ok());
  const std::span<const int64_t> ids = prefill.ids;
  feed(**used, decode.ids);
  feed(**used, prefill.ids);
  ASSERT_TRUE((*used)->truncate(0).ok());
  expect_same_bits(feed(**used, prefill.ids), feed(**fresh, prefill.ids));
  feed(**used, decode.ids);
  ASSERT_TRUE((*used)->truncate(4).ok());
  EXPECT_EQ((*used)->past(), 4);
  ASSERT_TRUE((*fresh)->truncate(0).ok());
  feed(**fresh, ids.first(4));
  expect_same_bits(feed(**used, ids.subspan(4)), feed(**fresh, ids.subspan(4)));
  expect_same_bits(feed(**used, decode.ids), feed(**fresh, decode.ids));
}

std::string test_name(const testing::TestParamInfo<Model>& test) {
  std::string name = test.param.folder;
  for (char& c : name) c = std::isalnum(uint8_t(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Tiny, TinyModel, testing::ValuesIn(decoders()), test_name);

// What a session refuses, on the smallest of them.
class SessionOfATinyModel : public testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.backends = {"cpu"};
    options.capacity = 12;
    options.chunk = 8;
    auto graph = onnx::import(WEFT_TEST_DATA "/tiny/genai-fp32/llama");
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    auto built = Engine::build(std::move(*graph), plugins(), std::move(options));
    ASSERT_TRUE(built.ok()) << built.error().message;
    engine = std::move(*built);
    auto opened = engine->open_session();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    session = std::move(*opened);
  }
  void expect_refusal(const Result<std::span<const float>>& result, const std::string& words) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
  }
  std::unique_ptr<Engine> engine;
  std::unique_ptr<runtime::Session> session;
  const std::vector<int64_t> ids = std::vector<int64_t>(16, 5);
};

TEST_F(SessionOfATinyModel, refuses_more_tokens_than_the_context_holds) {
  const std::span<const int64_t> all = ids;
  expect_refusal(session->feed(all.first(13), 1), "the context holds 12");
  ASSERT_TRUE(session->feed(all.first(12), 1).ok());
  expect_refusal(session->feed(all.first(1), 1), "12 are taken");
  expect_refusal(session->feed({}, 1), "no token");
}

TEST_F(SessionOfATinyModel, refuses_rows_that_one_run_cannot_give) {
  const std::span<const int64_t> all = ids;
  expect_refusal(session->feed(all.first(4), 5), "1 to 4");
  expect_refusal(session->feed(all.first(4), 0), "1 to 4");
  expect_refusal(session->feed(all.first(10), 9), "1 to 8");
  EXPECT_EQ(session->past(), 0);
  const auto rows = session->feed(all.first(10), 8);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->size(), 8 * size_t(session->vocabulary()));
}

TEST_F(SessionOfATinyModel, tells_how_far_a_prompt_is) {
  std::vector<int64_t> seen;
  const std::span<const int64_t> all = ids;
  ASSERT_TRUE(session
                  ->feed(all.first(12), 1,
                         [&](int64_t done) {
                           seen.push_back(done);
                           return true;
                         })
                  .ok());
  EXPECT_EQ(seen, (std::vector<int64_t>{4, 12}));
}

TEST_F(SessionOfATinyModel, stops_between_chunks_when_told_to) {
  const std::span<const int64_t> all = ids;
  const auto fed = session->feed(all.first(12), 1, [](int64_t) { return false; });
  EXPECT_FALSE(fed.ok());
  EXPECT_EQ(session->past(), 4);
}

TEST_F(SessionOfATinyModel, keeps_only_positions_it_has) {
  EXPECT_FALSE(session->truncate(1).ok());
  EXPECT_FALSE(session->truncate(-1).ok());
  EXPECT_TRUE(session->truncate(0).ok());
}

TEST_F(SessionOfATinyModel, runs_beside_another_of_the_same_engine) {
  auto other = engine->open_session();
  ASSERT_TRUE(other.ok());
  const std::span<const int64_t> all = ids;
  ASSERT_TRUE(session->feed(all.first(3), 1).ok());
  ASSERT_TRUE((*other)->feed(all.first(5), 1).ok());
  EXPECT_EQ(session->past(), 3);
  EXPECT_EQ((*other)->past(), 5);
}

}  // namespace
}  // namespace weft
