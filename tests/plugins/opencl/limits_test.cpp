// Limits and options are plain functions of what a device says of itself: tested without one.
#include "plugins/opencl/limits.h"

#include <gtest/gtest.h>

#include <cstring>

#include "plugins/opencl/options.h"
#include "tests/plugins/harness.h"

namespace weft::opencl {
namespace {

constexpr Limits kSmall = {1024, 128, 512, 64};

weft_status status_from(const std::function<void()>& call, const char* word) {
  try {
    call();
  } catch (const plugin::Failure& failure) {
    EXPECT_NE(failure.message.find(word), std::string::npos) << failure.message;
    return failure.status;
  }
  return WEFT_OK;
}

TEST(OpenclLimits, a_buffer_fits_up_to_the_very_byte) {
  EXPECT_EQ(status_from([] { check_allocation(kSmall, 1024); }, ""), WEFT_OK);
  EXPECT_EQ(status_from([] { check_allocation(kSmall, 1025); }, "1024"), WEFT_E_OUT_OF_MEMORY);
  EXPECT_EQ(status_from([] { check_allocation(kSmall, UINT64_MAX); }, ""), WEFT_E_OUT_OF_MEMORY);
}

TEST(OpenclLimits, a_host_pointer_is_used_in_place_only_when_aligned) {
  const auto at = [](uintptr_t address) { return reinterpret_cast<const void*>(address); };
  EXPECT_EQ(status_from([&] { check_import(kSmall, at(4096), 64); }, ""), WEFT_OK);
  for (const uintptr_t address : {4097u, 4096u + 64u, 127u})
    EXPECT_EQ(status_from([&] { check_import(kSmall, at(address), 64); }, "aligned to 128"),
              WEFT_E_UNSUPPORTED);
  EXPECT_EQ(status_from([&] { check_import(kSmall, at(4096), 2048); }, "at most"),
            WEFT_E_OUT_OF_MEMORY);
}

TEST(OpenclLimits, a_work_group_needs_room_for_its_items_and_its_local_memory) {
  EXPECT_EQ(status_from([] { check_work_group(kSmall, 64, 512); }, ""), WEFT_OK);
  EXPECT_EQ(status_from([] { check_work_group(kSmall, 65, 0); }, "family=cpu"), WEFT_E_UNSUPPORTED);
  EXPECT_EQ(status_from([] { check_work_group(kSmall, 1, 513); }, "local memory"),
            WEFT_E_UNSUPPORTED);
}

TEST(OpenclLimits, a_tensor_is_measured_at_the_bounds_of_its_slots) {
  test::Graph g;
  const uint32_t few = g.slot(1, 32), many = g.slot(1, 33), endless = g.slot(0, -1);
  const auto value = [&](test::D rows) { return g.activation("x", WEFT_F32, {rows, 8}); };
  const uint32_t fits = value(test::D::slot(few)), over = value(test::D::slot(many)),
                 open = value(test::D::slot(endless)), huge = value(INT64_MAX);
  for (const uint32_t v : {fits, over, open, huge}) g.node("Neg", {v}, {v});
  const weft_graph pod = g.pod();
  const plugin::GraphView graph(pod);
  EXPECT_EQ(most_bytes(graph, graph.value(fits)), 1024u);
  EXPECT_EQ(most_bytes(graph, graph.value(over)), 1056u);
  EXPECT_EQ(most_bytes(graph, graph.value(open)), UINT64_MAX);
  EXPECT_EQ(most_bytes(graph, graph.value(huge)), UINT64_MAX);
  EXPECT_NO_THROW(check_tensors(kSmall, graph.node(0)));
  for (const uint32_t n : {1u, 2u, 3u}) {
    try {
      check_tensors(kSmall, graph.node(n));
      ADD_FAILURE() << "node " << n << " was accepted";
    } catch (const common::Refusal& refusal) {
      EXPECT_EQ(refusal.code, WEFT_REFUSE_LIMIT);
      EXPECT_EQ(refusal.limit, 1024);
      EXPECT_GT(refusal.found, 1024);
    }
  }
}

DeviceFacts device(bool processor, bool unified) {
  DeviceFacts facts;
  facts.name = "a device";
  facts.is_processor = processor;
  facts.unified_memory = unified;
  return facts;
}

Options chosen(const DeviceFacts& facts, const char* environment,
               const std::vector<weft_kv>& given = {}) {
  std::string ignored;
  return choose_options(facts, environment, given.data(), uint32_t(given.size()), ignored);
}

TEST(OpenclOptions, follow_from_the_device_where_nothing_is_said) {
  EXPECT_FALSE(chosen(device(true, true), nullptr).tiled);
  EXPECT_TRUE(chosen(device(true, true), "").share_memory);
  EXPECT_TRUE(chosen(device(false, false), nullptr).tiled);
  EXPECT_FALSE(chosen(device(false, false), nullptr).share_memory);
}

TEST(OpenclOptions, of_the_host_win_over_the_environment) {
  const Options options = chosen(device(true, true), "memory=own,family=gpu", {{"family", "cpu"}});
  EXPECT_FALSE(options.share_memory);
  EXPECT_FALSE(options.tiled);
}

TEST(OpenclOptions, that_cannot_be_had_are_refused_in_words) {
  const auto refused = [](const DeviceFacts& facts, const char* environment, const char* word) {
    return status_from([&] { chosen(facts, environment); }, word);
  };
  EXPECT_EQ(refused(device(true, true), "family=npu", "cpu or gpu"), WEFT_E_INVALID);
  EXPECT_EQ(refused(device(true, true), "memory", "memory=own|shared"), WEFT_E_INVALID);
  EXPECT_EQ(refused(device(true, true), "speed=high", "family=cpu|gpu"), WEFT_E_INVALID);
  EXPECT_EQ(refused(device(false, false), "memory=shared", "memory of its own"),
            WEFT_E_UNSUPPORTED);
  std::string ignored;
  const weft_kv foreign = {"isa", "avx2"};
  choose_options(device(true, true), nullptr, &foreign, 1, ignored);
  EXPECT_EQ(ignored, "isa");
}

}  // namespace
}  // namespace weft::opencl
