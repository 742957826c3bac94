// A plan runs on devices that share memory and on devices that do not, with equal results; what
// crosses between memories is counted, which is what makes a count of zero worth something.
#include "core/runtime/runner.h"

#include <algorithm>
#include <cstring>

#include "core/base/counters.h"
#include "core/partition/claims.h"
#include "tests/core/partition/parsed.h"

namespace weft::runtime {
namespace {

using ir::Graph;
using test::open_device;
using test::parsed;
using test::plugin_file;
using test::value_named;

constexpr const char* kChain = R"(graph "chain" {
  symbol n in [1, 64]
  input %x : f32[n, 8]
  input %y : f32[n, 8]
  %a = Mul(%x, %y) : f32[n, 8]
  %b = Add(%a, %x) : f32[n, 8]
  %c = Mul(%b, %y) : f32[n, 8]
  output "c" = %c
}
)";

// A graph on some devices, ready to run.
class Setting {
 public:
  Setting(Graph g, std::vector<std::string> names) : graph(std::move(g)) {
    std::vector<uint32_t> preference;
    for (const std::string& name : names) {
      preference.push_back(uint32_t(devices.size()));
      devices.push_back(open_device(plugin_file(name)));
      const bool imports = imports_host_memory(*devices.back());
      domains.push_back(imports ? 0 : uint32_t(shared.size()));
      if (!imports) shared.push_back(false);
    }
    const Status made = make(preference);
    if (!made.ok()) ADD_FAILURE() << made.error().message;
  }

  Status make(const std::vector<uint32_t>& preference) {
    const auto assignment = TRY(partition::assign(graph, devices, preference));
    plan = TRY(plan::Plan::make(graph, TRY(partition::schedule(graph, assignment.units)), domains));
    programs = TRY(prepare(*plan, devices, ProgramCache({})));
    for (uint32_t domain = 0; domain < plan->arena_bytes().size(); ++domain) {
      std::map<uint32_t, host::DevicePtr> sharing;
      for (uint32_t i = 0; i < devices.size(); ++i) {
        if (domains[i] == domain) sharing.emplace(i, devices[i]);
      }
      memory.arenas.push_back(TRY(Arena::create(
          plan->arena_bytes()[domain], programs->scratch_bytes[domain], shared[domain], sharing)));
    }
    std::map<uint32_t, host::DevicePtr> hosts;
    for (uint32_t i = 0; i < devices.size(); ++i) {
      if (domains[i] == 0) hosts.emplace(i, devices[i]);
    }
    int64_t bytes = 0;
    for (const ir::ValueId input : graph.inputs) {
      if (graph[input].kind != ir::ValueKind::state) continue;
      memory.state_offset[input] = bytes;
      bytes +=
          ir::size_bytes(graph[input].type.dtype, sym::product(graph[input].type.shape).constant());
    }
    memory.states = TRY(Region::create(bytes, true, hosts, "states"));
    runner = TRY(Runner::create(*plan, *programs, devices, memory));
    return {};
  }

  // `output` for inputs of `rows` rows, after one run.
  std::vector<float> run(const std::vector<std::pair<const char*, std::vector<float>>>& inputs,
                         const char* output, int64_t rows) {
    runner->bind("n", rows);
    EXPECT_TRUE(runner->refresh().ok());
    for (const auto& [name, numbers] : inputs) {
      const Status written =
          runner->write_input(value_named(graph, name), std::as_bytes(std::span(numbers)));
      EXPECT_TRUE(written.ok()) << (written.ok() ? "" : written.error().message);
    }
    const Status ran = runner->run(nullptr);
    EXPECT_TRUE(ran.ok()) << (ran.ok() ? "" : ran.error().message);
    std::vector<std::byte> scratch;
    const auto bytes = runner->read_output(value_named(graph, output), scratch);
    if (!bytes.ok()) {
      ADD_FAILURE() << bytes.error().message;
      return {};
    }
    std::vector<float> numbers(bytes->size() / sizeof(float));
    std::memcpy(numbers.data(), bytes->data(), bytes->size());
    return numbers;
  }

  size_t copies() const {
    return size_t(std::count_if(plan->tasks().begin(), plan->tasks().end(), [](const auto& task) {
      return task.kind == plan::Task::Kind::copy;
    }));
  }

  Graph graph;
  std::vector<host::DevicePtr> devices;
  std::vector<uint32_t> domains;
  std::vector<bool> shared = {true};
  std::unique_ptr<plan::Plan> plan;
  std::unique_ptr<Programs> programs;
  SessionMemory memory;
  std::unique_ptr<Runner> runner;
};

std::vector<float> numbers(int64_t rows, float first) {
  std::vector<float> out(size_t(rows) * 8);
  for (size_t i = 0; i < out.size(); ++i) out[i] = first + 0.37f * float(i);
  return out;
}

uint64_t bytes_copied() { return counters().bytes_copied; }

TEST(Runner, copies_nothing_on_one_device) {
  Setting one(parsed(kChain), {"reference"});
  const auto x = numbers(5, 1), y = numbers(5, -3);
  const uint64_t before = bytes_copied();
  const auto c = one.run({{"x", x}, {"y", y}}, "c", 5);
  EXPECT_EQ(bytes_copied(), before);
  ASSERT_EQ(c.size(), 40u);
  for (size_t i = 0; i < c.size(); ++i) EXPECT_EQ(c[i], float(float(x[i] * y[i]) + x[i]) * y[i]);
}

TEST(Runner, copies_nothing_between_devices_that_share_memory) {
  Setting two(parsed(kChain), {"cpu", "reference"});
  const uint64_t before = bytes_copied();
  two.run({{"x", numbers(5, 1)}, {"y", numbers(5, -3)}}, "c", 5);
  EXPECT_EQ(bytes_copied(), before);
  EXPECT_EQ(two.copies(), 0u);
}

TEST(Runner, copies_between_memories_and_counts_every_byte) {
  Setting whole(parsed(kChain), {"reference"}), split(parsed(kChain), {"null", "reference"});
  ASSERT_EQ(split.plan->islands().size(), 3u);
  EXPECT_EQ(split.plan->islands()[0].device, 1u);
  EXPECT_EQ(split.plan->islands()[1].device, 0u);
  EXPECT_EQ(split.plan->islands()[2].device, 1u);
  EXPECT_EQ(split.plan->tasks().size(), 6u);
  EXPECT_EQ(split.copies(), 3u);  // a and x there, b back
  for (const int64_t rows : {5, 64, 1, 17}) {
    const auto x = numbers(rows, 1), y = numbers(rows, -3);
    const auto expected = whole.run({{"x", x}, {"y", y}}, "c", rows);
    const uint64_t before = bytes_copied();
    EXPECT_EQ(split.run({{"x", x}, {"y", y}}, "c", rows), expected);
    EXPECT_EQ(bytes_copied() - before, 3 * uint64_t(rows) * 8 * sizeof(float));
  }
}

TEST(Runner, counts_what_is_written_to_and_read_from_a_devices_own_memory) {
  Setting own(parsed(R"(graph "sum" {
  symbol n in [1, 64]
  input %x : f32[n, 8]
  input %y : f32[n, 8]
  %c = Add(%x, %y) : f32[n, 8]
  output "c" = %c
}
)"),
              {"null"});
  const auto x = numbers(9, 1), y = numbers(9, 2);
  const uint64_t before = bytes_copied();
  const auto c = own.run({{"x", x}, {"y", y}}, "c", 9);
  // Two inputs and an output.
  EXPECT_EQ(bytes_copied() - before, 3u * 9u * 8 * sizeof(float));
  EXPECT_EQ(own.copies(), 0u);
  for (size_t i = 0; i < c.size(); ++i) EXPECT_EQ(c[i], x[i] + y[i]);
}

TEST(Runner, copies_an_update_into_a_cache_that_its_producer_cannot_see) {
  constexpr const char* kCache = R"(graph "cache" {
  symbol n in [1, 4]
  symbol past in [0, 6]
  input %x : f32[1, n, 8]
  state %cache : f32[1, 6, 8]
  symbolic %position : i64[1] is {past}
  %k = Add(%x, %x) : f32[1, n, 8] in %cache at 8*past
  %c = TensorScatter(%cache, %k, %position) {axis = 1} : f32[1, 6, 8] in %cache at 0
  %y = Neg(%c) : f32[1, 6, 8]
  output "y" = %y
}
)";
  for (const char* scatters : {"reference", "cpu"}) {
    Setting together(parsed(kCache), {scatters}), apart(parsed(kCache), {"null", scatters});
    EXPECT_TRUE(together.plan->copied_updates().empty());
    ASSERT_EQ(apart.plan->copied_updates().size(), 1u);
    std::vector<float> expected(48, -0.0f);
    int64_t past = 0;
    for (const int64_t rows : {2, 1, 3}) {
      const auto x = numbers(rows, float(past + 1));
      for (size_t i = 0; i < x.size(); ++i) expected[size_t(past) * 8 + i] = -(x[i] + x[i]);
      for (Setting* setting : {&together, &apart}) {
        setting->runner->bind("past", past);
        EXPECT_EQ(setting->run({{"x", x}}, "y", rows), expected) << scatters;
      }
      past += rows;
    }
  }
}

TEST(Runner, ends_a_run_at_the_first_error_and_runs_again_after_it) {
  constexpr const char* kQuotients = R"(graph "quotients" {
  symbol n in [1, 64]
  input %x : i64[n]
  input %y : i64[n]
  %a = Div(%x, %y) : i64[n]
  %b = Size(%x) : i64[] is {n}
  %c = Add(%a, %b) : i64[n]
  output "c" = %c
}
)";
  // Div and Add on cpu, which has no Size: two of its islands follow each other.
  Setting two(parsed(kQuotients), {"cpu", "reference"});
  ASSERT_GE(two.plan->islands().size(), 2u);
  two.runner->bind("n", 2);
  ASSERT_TRUE(two.runner->refresh().ok());
  const auto quotients = [&](std::vector<int64_t> x, std::vector<int64_t> y) {
    for (const auto& [name, list] : {std::pair("x", x), std::pair("y", y)}) {
      EXPECT_TRUE(
          two.runner->write_input(value_named(two.graph, name), std::as_bytes(std::span(list)))
              .ok());
    }
    return two.runner->run(nullptr);
  };
  EXPECT_TRUE(quotients({6, 8}, {2, 4}).ok());
  const Status failed = quotients({6, 8}, {2, 0});
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("division by zero"), std::string::npos);
  EXPECT_TRUE(quotients({6, 8}, {3, 4}).ok());
}

TEST(Runner, writes_an_input_that_nobody_reads) {
  Setting one(parsed(test::with(kChain, "  input %y", "  input %unread : f32[n]\n  input %y")),
              {"reference"});
  const auto x = numbers(2, 1), y = numbers(2, 2);
  const auto c = one.run({{"unread", {1, 2}}, {"x", x}, {"y", y}}, "c", 2);
  EXPECT_EQ(c.size(), 16u);
}

}  // namespace
}  // namespace weft::runtime
