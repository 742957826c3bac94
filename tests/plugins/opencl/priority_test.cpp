// Which properties a queue and a context get is a plain function of what a device lists.
#include "plugins/opencl/priority.h"

#include <gtest/gtest.h>

namespace weft::opencl {
namespace {

DeviceFacts device(const char* extensions, uint32_t version = 30) {
  DeviceFacts facts;
  facts.extensions = extensions;
  facts.version = version;
  return facts;
}

using Queue = std::vector<cl_ulong>;
using ContextList = std::vector<cl_context_properties>;

ContextList context_of(const DeviceFacts& facts, int32_t priority) {
  ContextList list;
  add_context_hints(priority_hints(facts), priority, list);
  return list;
}

TEST(OpenclPriority, a_driver_without_hints_is_given_none) {
  const PriorityHints none = priority_hints(device("cl_khr_fp16 cl_khr_priority_hints_x"));
  EXPECT_EQ(queue_properties(none, -1, false), Queue{0});
  EXPECT_EQ(queue_properties(none, -1, true),
            (Queue{CL_QUEUE_PROPERTIES, CL_QUEUE_PROFILING_ENABLE, 0}));
  EXPECT_TRUE(context_of(device(""), -1).empty());
}

TEST(OpenclPriority, queues_before_2_0_take_no_properties) {
  EXPECT_FALSE(priority_hints(device("cl_khr_priority_hints", 12)).queue_priority);
  EXPECT_TRUE(priority_hints(device("cl_khr_priority_hints", 20)).queue_priority);
}

// The values are those of cl_ext.h: high 1, medium 2, low 4.
TEST(OpenclPriority, levels_are_those_of_the_extension) {
  const PriorityHints hints = priority_hints(device("cl_khr_priority_hints cl_khr_throttle_hints"));
  EXPECT_EQ(queue_properties(hints, 0, false), Queue{0});
  EXPECT_EQ(queue_properties(hints, 1, false), (Queue{0x1096, 1, 0}));
  EXPECT_EQ(queue_properties(hints, -1, false), (Queue{0x1096, 4, 0x1097, 4, 0}));
}

TEST(OpenclPriority, a_context_asks_for_full_clocks_and_a_late_turn) {
  const DeviceFacts adreno = device("cl_qcom_perf_hint cl_qcom_priority_hint");
  EXPECT_TRUE(context_of(adreno, 0).empty());
  EXPECT_EQ(context_of(adreno, -1), (ContextList{0x40C2, 0x40C3, 0x40C9, 0x40CC}));
  EXPECT_EQ(context_of(adreno, 1), (ContextList{0x40C2, 0x40C3, 0x40C9, 0x40CA}));
  EXPECT_TRUE(context_of(device("cl_qcom_priority_hint"), -1).empty());
}

}  // namespace
}  // namespace weft::opencl
