// A model with integer products on a device that takes fixed shapes only and has memory of its own,
// beside devices of other kinds: the same bits as the reference alone, at every length.
#include "core/base/counters.h"
#include "tests/core/device_engines.h"
#include "tests/core/host/scratch_folder.h"

namespace weft {
namespace {

// Logits of all of `count` tokens.
std::vector<float> logits_of(runtime::Session& session, int64_t count) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(i * 37 % 96);
  (void)session.truncate(0);
  const auto logits = session.feed(ids, count);
  if (!logits.ok()) {
    ADD_FAILURE() << logits.error().message;
    return {};
  }
  return {logits->begin(), logits->end()};
}

size_t nodes_on(const Engine& engine, const std::string& backend) {
  for (const auto& row : engine.placement().rows) {
    if (row.backend == backend) return row.nodes;
  }
  return 0;
}

bool has_reason(const Engine& engine, const std::string& words) {
  for (const std::string& reason : engine.placement().reasons) {
    if (reason.find(words) != std::string::npos) return true;
  }
  return false;
}

void expect_same_bits(const std::vector<float>& got, const std::vector<float>& want, int64_t seq) {
  ASSERT_EQ(got.size(), want.size());
  ASSERT_FALSE(want.empty());
  EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)), 0)
      << "at " << seq << " tokens";
}

TEST(FixedShapes, give_the_references_bits_at_every_length) {
  const Available with = available({"vulkan_npu", "reference"});
  NEEDS(with, "vulkan");
  const auto whole = engine_on(with, {"reference"}),
             split = engine_on(with, {"vulkan_npu", "reference"});
  ASSERT_TRUE(whole && split);
  EXPECT_EQ(nodes_on(*split, "vulkan_npu"), 6u);  // up, across, down, and codes around them
  EXPECT_TRUE(has_reason(*split, "MatMulInteger: vulkan_npu: 'u_codes' is u8"));
  EXPECT_TRUE(has_reason(*split, "float ops do not run on an NPU"));
  auto expected = whole->open_session(), session = split->open_session();
  ASSERT_TRUE(expected.ok() && session.ok());
  for (const int64_t seq : {5, 16, 1, 2, 15, 8}) {
    expect_same_bits(logits_of(**session, seq), logits_of(**expected, seq), seq);
  }
}

TEST(FixedShapes, keep_their_memory_while_the_hosts_is_elastic) {
  const Available with = available({"vulkan_npu", "reference"});
  NEEDS(with, "vulkan");
  EngineOptions options;
  options.backends = {"vulkan_npu", "reference"};
  options.memory = plan::MemoryPlan::elastic;
  const auto whole = engine_on(with, {"reference"}), split = engine_on(with, options);
  ASSERT_TRUE(whole && split);
  auto expected = whole->open_session(), session = split->open_session();
  ASSERT_TRUE(expected.ok() && session.ok());
  for (const int64_t seq : {5, 16, 1, 2, 15, 8}) {
    expect_same_bits(logits_of(**session, seq), logits_of(**expected, seq), seq);
  }
  EXPECT_GT((*session)->arena_growths(), 0u);
}

// Of padded rows nothing is copied: x and h go there, the sums and d come back.
TEST(FixedShapes, copy_the_real_rows_between_memories_and_no_others) {
  const Available with = available({"vulkan_npu", "reference"});
  NEEDS(with, "vulkan");
  const auto split = engine_on(with, {"vulkan_npu", "reference"});
  ASSERT_TRUE(split);
  auto session = split->open_session();
  ASSERT_TRUE(session.ok());
  for (const int64_t seq : {16, 3, 1}) {
    const uint64_t before = counters().bytes_copied;
    logits_of(**session, seq);
    EXPECT_EQ(counters().bytes_copied - before, uint64_t(seq) * 4 * (24 + 40 + 40 + 24));
  }
}

// The same on pages of the host, which the device uses in place when asked to.
TEST(FixedShapes, copy_nothing_on_memory_of_the_host) {
  ::setenv("WEFT_VULKAN_NPU", "memory=host", 1);
  const Available with = available({"vulkan_npu", "reference"});
  ::unsetenv("WEFT_VULKAN_NPU");
  NEEDS(with, "vulkan");
  const auto whole = engine_on(with, {"reference"}),
             split = engine_on(with, {"vulkan_npu", "reference"});
  ASSERT_TRUE(whole && split);
  auto expected = whole->open_session(), session = split->open_session();
  ASSERT_TRUE(expected.ok() && session.ok());
  for (const int64_t seq : {16, 5, 1}) {
    const uint64_t before = counters().bytes_copied;
    expect_same_bits(logits_of(**session, seq), logits_of(**expected, seq), seq);
    EXPECT_EQ(counters().bytes_copied, before);
  }
}

TEST(FixedShapes, serve_prompts_while_another_device_decodes) {
  const Available with = available({"vulkan_npu", "cpu", "reference"});
  NEEDS(with, "vulkan");
  EngineOptions options;
  options.prefill = {"vulkan_npu", "cpu", "reference"};
  options.decode = {"cpu", "reference"};
  const auto split = engine_on(with, options), whole = engine_on(with, {"cpu", "reference"});
  ASSERT_TRUE(split && whole);
  EXPECT_EQ(nodes_on(*split, "vulkan_npu"), 6u);
  auto expected = whole->open_session(), session = split->open_session();
  ASSERT_TRUE(expected.ok() && session.ok());
  for (const int64_t seq : {9, 16, 2}) {
    expect_same_bits(logits_of(**session, seq), logits_of(**expected, seq), seq);
  }
  const uint64_t before = counters().bytes_copied;
  expect_same_bits(logits_of(**session, 1), logits_of(**expected, 1), 1);
  EXPECT_EQ(counters().bytes_copied, before) << "decoding uses host memory alone";
}

TEST(FixedShapes, are_part_of_what_a_stored_program_is_found_by) {
  const Available with = available({"vulkan_npu", "reference"});
  NEEDS(with, "vulkan");
  const host::ScratchFolder folder;
  EngineOptions options;
  options.backends = {"vulkan_npu", "reference"};
  options.cache_folder = folder.path();
  const auto first = engine_on(with, options), second = engine_on(with, options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->cached_programs(), 0u);
  // The reference has nothing to store.
  EXPECT_GE(second->cached_programs(), 1u);
  EXPECT_EQ(second->cached_programs() + second->compiled_programs(), first->compiled_programs());
  auto a = first->open_session(), b = second->open_session();
  ASSERT_TRUE(a.ok() && b.ok());
  expect_same_bits(logits_of(**b, 7), logits_of(**a, 7), 7);
}

// Drivers of both kinds live in one process and work on one graph.
TEST(FixedShapes, work_beside_a_gpu_in_one_process) {
  const Available with = available({"vulkan_npu", "opencl", "cpu", "reference"});
  NEEDS(with, "opencl");
  const auto whole = engine_on(with, {"reference"});
  const auto split = engine_on(with, {"vulkan_npu", "opencl", "cpu", "reference"});
  ASSERT_TRUE(whole && split);
  EXPECT_EQ(nodes_on(*split, "vulkan_npu"), 6u);
  EXPECT_GE(nodes_on(*split, "opencl"), 1u) << "the float MatMul at least";
  auto expected = whole->open_session(), session = split->open_session();
  ASSERT_TRUE(expected.ok() && session.ok());
  for (const int64_t seq : {5, 16, 1}) {
    const auto want = logits_of(**expected, seq), got = logits_of(**session, seq);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], 1e-4 * std::max(1.0f, std::abs(want[i]))) << seq << ", " << i;
    }
  }
}

}  // namespace
}  // namespace weft
