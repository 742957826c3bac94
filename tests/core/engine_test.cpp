// The front door: what is placed where, what is said about it, and what a second start reuses.
#include "core/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/base/counters.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"
#include "tests/core/host/scratch_folder.h"

namespace weft {
namespace {

const std::vector<int64_t> kIds = {3, 141, 59, 26, 53, 58, 97};

std::vector<host::PluginPtr> plugins(const std::vector<std::string>& names) {
  host::HostOptions options;
  options.threads = 2;
  const auto services = host::HostServices::create(options);
  std::vector<host::PluginPtr> loaded;
  for (const std::string& name : names) {
    auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_" + name + ".so", services);
    EXPECT_TRUE(plugin.ok()) << (plugin.ok() ? "" : plugin.error().message);
    if (plugin.ok()) loaded.push_back(*plugin);
  }
  return loaded;
}

// A small llama on `backends`, of which the plugins `available` are there.
Result<std::unique_ptr<Engine>> build(EngineOptions options,
                                      const std::vector<std::string>& available) {
  options.capacity = 32;
  options.chunk = 16;
  auto graph = TRY(onnx::import(WEFT_TEST_DATA "/tiny/genai-fp32/llama"));
  return Engine::build(std::move(graph), plugins(available), std::move(options));
}

EngineOptions on(std::vector<std::string> backends) {
  EngineOptions options;
  options.backends = std::move(backends);
  return options;
}

// Logits of a prompt and of one token after it, from a fresh session.
std::vector<float> logits_of(Engine& engine) {
  auto session = engine.open_session();
  if (!session.ok()) {
    ADD_FAILURE() << session.error().message;
    return {};
  }
  std::vector<float> all;
  for (const std::span<const int64_t> ids : {std::span(kIds), std::span(kIds).first(1)}) {
    const auto logits = (*session)->feed(ids, int64_t(ids.size()));
    if (!logits.ok()) {
      ADD_FAILURE() << logits.error().message;
      return {};
    }
    all.insert(all.end(), logits->begin(), logits->end());
  }
  return all;
}

void expect_error(const Result<std::unique_ptr<Engine>>& built, ErrorKind kind,
                  const std::string& words) {
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().kind, kind);
  EXPECT_NE(built.error().message.find(words), std::string::npos) << built.error().message;
}

TEST(Engine, says_how_many_nodes_are_where) {
  const auto engine = build(on({"cpu"}), {"cpu"});
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  const std::string nodes = std::to_string((*engine)->graph().order().size());
  EXPECT_EQ((*engine)->placement().line(), nodes + " of " + nodes + " nodes on cpu");
  EXPECT_TRUE((*engine)->placement().missing.empty());
  EXPECT_FALSE((*engine)->rewrites().empty());
}

TEST(Engine, goes_on_without_a_backend_that_is_not_there_and_says_so) {
  const auto engine = build(on({"cpu", "reference"}), {"reference"});
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  ASSERT_EQ((*engine)->placement().missing.size(), 1u);
  EXPECT_NE((*engine)->placement().missing[0].find("'cpu'"), std::string::npos);
  ASSERT_EQ((*engine)->placement().rows.size(), 1u);
  EXPECT_EQ((*engine)->placement().rows[0].backend, "reference");
}

TEST(Engine, needs_a_backend_that_is_there) {
  expect_error(build(on({"cpu"}), {}), ErrorKind::plugin, "cpu");
  expect_error(build(on({"cpu"}), {"reference"}), ErrorKind::plugin, "reference");
  EngineOptions no_decode = on({"reference"});
  no_decode.decode = {"cpu"};
  expect_error(build(no_decode, {"reference"}), ErrorKind::plugin, "cpu");
}

TEST(Engine, refuses_a_node_outside_the_required_backend) {
  EngineOptions options = on({"cpu", "reference"});
  options.require = "reference";
  expect_error(build(options, {"cpu", "reference"}), ErrorKind::placement, "--require reference");
  options.require = "cpu";
  EXPECT_TRUE(build(options, {"cpu", "reference"}).ok());
}

TEST(Engine, gives_the_same_bits_when_a_device_with_its_own_memory_helps) {
  const auto whole = build(on({"cpu"}), {"cpu"});
  const auto split = build(on({"null", "cpu"}), {"null", "cpu"});
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  ASSERT_TRUE(split.ok()) << split.error().message;
  ASSERT_EQ((*split)->placement().rows.size(), 2u) << "null runs nothing here";
  EXPECT_FALSE((*split)->placement().reasons.empty());
  uint64_t before = counters().bytes_copied;
  const auto expected = logits_of(**whole);
  EXPECT_EQ(counters().bytes_copied, before);
  const auto got = logits_of(**split);
  EXPECT_GT(counters().bytes_copied, before);
  ASSERT_EQ(got.size(), expected.size());
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0);
}

TEST(Engine, takes_its_programs_from_the_cache_at_the_second_start) {
  const host::ScratchFolder scratch;
  EngineOptions options = on({"cpu"});
  options.cache_folder = scratch.path() / "cache";
  const auto first = build(options, {"cpu"});
  const auto second = build(options, {"cpu"});
  ASSERT_TRUE(first.ok()) << first.error().message;
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ((*first)->cached_programs(), 0u);
  EXPECT_GT((*first)->compiled_programs(), 0u);
  EXPECT_EQ((*second)->cached_programs(), (*first)->compiled_programs());
  EXPECT_EQ((*second)->compiled_programs(), 0u);
  EXPECT_EQ(logits_of(**second), logits_of(**first));
}

TEST(Engine, does_not_take_programs_that_were_made_for_something_else) {
  const host::ScratchFolder scratch;
  EngineOptions options = on({"cpu"});
  options.cache_folder = scratch.path() / "cache";
  ASSERT_TRUE(build(options, {"cpu"}).ok());
  auto graph = onnx::import(WEFT_TEST_DATA "/tiny/genai-fp32/llama3_rope");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  options.capacity = 32;
  options.chunk = 16;
  const auto other = Engine::build(std::move(*graph), plugins({"cpu"}), options);
  ASSERT_TRUE(other.ok()) << other.error().message;
  EXPECT_EQ((*other)->cached_programs(), 0u);
}

TEST(Engine, knows_its_memory_before_it_runs) {
  const auto engine = build(on({"cpu"}), {"cpu"});
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  const runtime::MemoryUse& memory = (*engine)->memory();
  // Two layers of keys and values: 32 positions of 2 heads of 16, in f32.
  EXPECT_EQ(memory.cache, 2 * 2 * 32 * 2 * 16 * 4);
  EXPECT_GT(memory.weights, 0);
  EXPECT_GE(memory.arena, 16 * 320 * 4);  // at least the logits of the longest run
}

}  // namespace
}  // namespace weft
