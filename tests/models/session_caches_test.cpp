// Caches taken out of a session and put into another, on a small model, for every element type.
#include <gtest/gtest.h>

#include <cstring>

#include "core/engine.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"

namespace weft {
namespace {

class SessionCaches : public testing::TestWithParam<ir::DType> {
 protected:
  void SetUp() override {
    const auto services = host::HostServices::create({});
    auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_cpu.so", services);
    ASSERT_TRUE(plugin.ok()) << plugin.error().message;
    auto graph = onnx::import(WEFT_TEST_DATA "/tiny/genai-fp32/llama");
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    EngineOptions options;
    options.backends = {"cpu"};
    options.capacity = 12;
    options.chunk = 8;
    options.key_type = options.value_type = GetParam();
    auto built = Engine::build(std::move(*graph), {*plugin}, std::move(options));
    ASSERT_TRUE(built.ok()) << built.error().message;
    engine = std::move(*built);
    auto one = engine->open_session(), two = engine->open_session();
    ASSERT_TRUE(one.ok() && two.ok());
    from = std::move(*one);
    to = std::move(*two);
    ASSERT_TRUE(from->feed(std::vector<int64_t>{5, 9, 2, 7, 11}, 1).ok());
  }
  static std::vector<std::byte> contents(const runtime::Session& session, size_t cache) {
    const int64_t elements = session.past() * session.caches()[cache].width;
    std::vector<std::byte> bytes(size_t(ir::size_bytes(GetParam(), elements)));
    EXPECT_TRUE(session.read_cache(cache, bytes).ok());
    return bytes;
  }
  static std::vector<float> feed(runtime::Session& session, int64_t id) {
    const auto logits = session.feed(std::span(&id, 1), 1);
    EXPECT_TRUE(logits.ok());
    return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
  }
  std::unique_ptr<Engine> engine;
  std::unique_ptr<runtime::Session> from, to;
};

TEST_P(SessionCaches, another_session_goes_on_from_them_with_the_same_bits) {
  ASSERT_EQ(from->caches().size(), 4u);
  for (const auto& cache : from->caches()) EXPECT_EQ(cache.dtype, GetParam());
  for (size_t i = 0; i < from->caches().size(); ++i)
    ASSERT_TRUE(to->write_cache(i, contents(*from, i)).ok());
  ASSERT_TRUE(to->resume(from->past()).ok());
  EXPECT_EQ(to->past(), 5);
  const auto expected = feed(*from, 3), got = feed(*to, 3);
  ASSERT_EQ(got.size(), expected.size());
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0);
}

TEST_P(SessionCaches, are_what_the_logits_depend_on) {
  ASSERT_TRUE(to->resume(5).ok());  // nothing was written
  EXPECT_NE(feed(*to, 3), feed(*from, 3));
}

TEST_P(SessionCaches, grow_by_what_is_fed) {
  const auto before = contents(*from, 1);
  feed(*from, 3);
  const auto after = contents(*from, 1);
  ASSERT_GT(after.size(), before.size());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
}

TEST_P(SessionCaches, are_refused_where_they_do_not_fit) {
  std::vector<std::byte> bytes(7);
  EXPECT_FALSE(from->read_cache(0, bytes).ok());
  EXPECT_FALSE(from->write_cache(0, bytes).ok());
  EXPECT_FALSE(from->write_cache(4, {}).ok());
  EXPECT_FALSE(from->read_cache(4, {}).ok());
  bytes.resize(size_t(from->caches()[0].width) * 13 * sizeof(float));
  EXPECT_FALSE(from->write_cache(0, bytes).ok());
  EXPECT_FALSE(from->resume(13).ok());
  EXPECT_FALSE(from->resume(-1).ok());
  EXPECT_EQ(from->past(), 5);
}

INSTANTIATE_TEST_SUITE_P(Types, SessionCaches,
                         testing::Values(ir::DType::f32, ir::DType::f16, ir::DType::i8),
                         [](const auto& type) { return std::string(ir::name(type.param)); });

}  // namespace
}  // namespace weft
