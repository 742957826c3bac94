// A device that fails, at any moment: the same graph goes on elsewhere, with the same bits, and the
// user is told.
#include "tests/core/device_engines.h"

namespace weft {
namespace {

struct Answer {
  std::vector<int64_t> ids;
  std::vector<std::vector<float>> logits;  // of the prompt and after every id
  std::vector<int64_t> progress;
};

// A prompt of three runs, then the most likely id a few times.
Answer answer(runtime::Session& session) {
  Answer out;
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 2 * kChunk + 5; ++i) ids.push_back(i * 37 % 96);
  auto logits = session.feed(ids, 3, [&](int64_t done) {
    out.progress.push_back(done);
    return true;
  });
  for (int i = 0; i < 6; ++i) {
    if (!logits.ok()) {
      ADD_FAILURE() << logits.error().message;
      return out;
    }
    out.logits.emplace_back(logits->begin(), logits->end());
    const auto last = logits->last(size_t(session.vocabulary()));
    out.ids.push_back(std::max_element(last.begin(), last.end()) - last.begin());
    logits = session.feed(std::span(&out.ids.back(), 1), 1);
  }
  return out;
}

// The plugins with an NPU that fails as `fault` says.
Available failing(const std::string& fault) {
  ::setenv("WEFT_VULKAN_NPU", ("fail=" + fault).c_str(), 1);
  Available with = available({"vulkan_npu", "reference"});
  ::unsetenv("WEFT_VULKAN_NPU");
  return with;
}

void expect_same(const Answer& got, const Answer& want, const std::string& fault) {
  EXPECT_EQ(got.ids, want.ids) << fault;
  ASSERT_EQ(got.logits.size(), want.logits.size()) << fault;
  for (size_t i = 0; i < want.logits.size(); ++i)
    EXPECT_TRUE(same_bits(got.logits[i], want.logits[i])) << fault << ", logits " << i;
  ASSERT_FALSE(got.progress.empty()) << fault;
  EXPECT_EQ(got.progress.back(), want.progress.back()) << fault;
  EXPECT_TRUE(std::is_sorted(got.progress.begin(), got.progress.end())) << fault;
}

TEST(Failover, a_device_that_fails_in_a_prompt_is_replaced_where_it_failed) {
  NEEDS(available({"vulkan_npu", "reference"}), "vulkan");
  const Available healthy = available({"reference"});
  const auto whole = engine_on(healthy, {"reference"});
  ASSERT_TRUE(whole);
  const Answer want = answer(**whole->open_session());
  // Two islands a run: the first of the prompt, one in its middle, one while decoding.
  for (const char* fault : {"execute:0", "lost:0", "lost:1", "execute:3", "lost:5", "lost:9"}) {
    const Available with = failing(fault);
    const auto split = engine_on(with, {"vulkan_npu", "reference"});
    ASSERT_TRUE(split);
    auto session = split->open_session();
    ASSERT_TRUE(session.ok());
    EXPECT_TRUE(split->failures().empty());
    expect_same(answer(**session), want, fault);
    ASSERT_EQ(split->failures().size(), 1u) << fault;
    EXPECT_NE(split->failures()[0].find("'vulkan_npu' has failed"), std::string::npos)
        << split->failures()[0];
    // What comes later never sees the device.
    auto second = split->open_session();
    ASSERT_TRUE(second.ok());
    expect_same(answer(**second), want, fault);
    EXPECT_EQ(split->failures().size(), 1u) << fault;
  }
}

TEST(Failover, a_session_on_a_replacement_is_a_session) {
  const Available with = failing("lost:3");
  NEEDS(with, "vulkan");
  const auto split = engine_on(with, {"vulkan_npu", "reference"});
  ASSERT_TRUE(split);
  auto session = split->open_session();
  ASSERT_TRUE(session.ok());
  const Answer first = answer(**session);
  const int64_t fed = 2 * kChunk + 5 + 6;
  EXPECT_EQ((*session)->past(), fed);
  ASSERT_TRUE((*session)->truncate(0).ok());
  EXPECT_EQ((*session)->past(), 0);
  expect_same(answer(**session), first, "again");
  ASSERT_TRUE((*session)->resume(7).ok());
  EXPECT_EQ((*session)->past(), 7);
}

TEST(Failover, a_device_that_cannot_compile_or_has_no_memory_is_left_out) {
  NEEDS(available({"vulkan_npu", "reference"}), "vulkan");
  const auto whole = engine_on(available({"reference"}), {"reference"});
  ASSERT_TRUE(whole);
  const Answer want = answer(**whole->open_session());
  for (const char* fault : {"compile", "memory:0", "memory:4"}) {
    const Available with = failing(fault);
    const auto split = engine_on(with, {"vulkan_npu", "reference"});
    ASSERT_TRUE(split) << fault;
    auto session = split->open_session();
    ASSERT_TRUE(session.ok()) << fault;
    expect_same(answer(**session), want, fault);
    ASSERT_EQ(split->placement().missing.size(), 1u) << fault;
    EXPECT_NE(split->placement().missing[0].find("as option fail asks"), std::string::npos);
    EXPECT_NE(split->placement().missing[0].find("is given up: "), std::string::npos);
  }
}

// Weights fit, activations do not: the session is the first to see it.
TEST(Failover, a_device_without_memory_for_activations_is_replaced) {
  NEEDS(available({"vulkan_npu", "reference"}), "vulkan");
  const auto whole = engine_on(available({"reference"}), {"reference"});
  ASSERT_TRUE(whole);
  const Answer want = answer(**whole->open_session());
  bool seen = false;
  // How many allocations compiling takes is the plugin's matter; some count lies in between.
  for (int count = 5; count < 40 && !seen; ++count) {
    const Available with = failing("memory:" + std::to_string(count));
    const auto split = engine_on(with, {"vulkan_npu", "reference"});
    ASSERT_TRUE(split) << count;
    auto session = split->open_session();
    ASSERT_TRUE(session.ok()) << count;
    seen = split->failures().size() == 1;
    if (seen) expect_same(answer(**session), want, "memory");
  }
  EXPECT_TRUE(seen);
}

TEST(Failover, a_failure_stands_where_nothing_else_may_run_the_nodes) {
  const Available with = failing("lost:0");
  NEEDS(with, "vulkan");
  EngineOptions options;
  options.prefill = {"vulkan_npu", "reference"};
  options.decode = {"reference"};
  const auto split = engine_on(with, options);
  ASSERT_TRUE(split);
  // A backend that computes on the processor has no replacement.
  const auto plan =
      split->plan().without(Error{"plugin 'reference': execute: it stopped", ErrorKind::plugin});
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("computes on the processor"), std::string::npos);
  const auto other = split->plan().without(Error{"a model's fault"});
  ASSERT_FALSE(other.ok());
}

}  // namespace
}  // namespace weft
