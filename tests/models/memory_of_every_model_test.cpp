// Memory plans of every model at random sizes: what is live together shares no byte, everything
// lies inside the arena, and the arena is within a tenth of what a plan for just these sizes takes.
//
// The plan to compare with is made here, from numbers: the largest value first, each at the lowest
// offset where it meets nothing that is live with it.
#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "core/engine_plan.h"
#include "core/host/loader.h"
#include "core/sym/slots.h"
#include "importers/onnx/model.h"
#include "tests/models/every_model.h"

namespace weft {
namespace {

using plan::MemoryPlan;
using plan::Plan;

constexpr int64_t kAlignment = 64;
// In an arena of a few KiB, sizes that are rounded up to whole lines are more than a tenth.
constexpr double kLines = 4 * kAlignment;

struct Place {
  int64_t offset = 0, size = 0, first = 0, last = 0;
  std::string name;
};

bool live_together(const Place& a, const Place& b) {
  return a.first <= b.last && b.first <= a.last;
}

int64_t aligned(int64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// Bytes of an arena made for exactly these sizes; the offsets of `places` are ignored.
int64_t greedy_arena(std::vector<Place> places) {
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.size > b.size; });
  int64_t arena = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const int64_t size = aligned(places[i].size);
    std::vector<int64_t> candidates{0};
    for (size_t k = 0; k < i; ++k) {
      if (live_together(places[k], places[i]))
        candidates.push_back(places[k].offset + aligned(places[k].size));
    }
    std::sort(candidates.begin(), candidates.end());
    for (const int64_t at : candidates) {
      bool free = true;
      for (size_t k = 0; k < i && free; ++k) {
        const int64_t end = places[k].offset + aligned(places[k].size);
        free = !live_together(places[k], places[i]) || end <= at || places[k].offset >= at + size;
      }
      if (!free) continue;
      places[i].offset = at;
      break;
    }
    arena = std::max(arena, places[i].offset + size);
  }
  return arena;
}

// A plan at one binding after the other, through its slot program.
class AtBinding {
 public:
  explicit AtBinding(const Plan& plan) : plan_(plan), program_(plan.slots()) {}

  void bind(const test::Sizes& sizes) {
    bindings_.clear();
    for (const std::string& symbol : program_.symbols())
      program_.set(symbol, test::value_of_symbol(symbol, sizes));
    program_.evaluate();
    for (const auto& [symbol, range] : plan_.graph().bounds.all())
      bindings_[symbol] = test::value_of_symbol(symbol, sizes);
  }
  // Values that have bytes in the arena of `domain`, at the offsets that readers use.
  std::vector<Place> places(uint32_t domain) const {
    std::vector<Place> out;
    for (const plan::Stay& stay : plan_.stays()) {
      if (stay.domain != domain) continue;
      const plan::Location& location = plan_.location(stay.value, domain);
      Place place;
      place.offset = location.offset_slot == WEFT_NONE ? location.offset_bytes
                                                       : program_.values()[location.offset_slot];
      const ir::Value& value = plan_.graph()[stay.value];
      int64_t count = 1;
      for (const ir::Dim& dim : value.type.shape) count *= dim.eval(bindings_).value();
      place.size = ir::size_bytes(value.type.dtype, count);
      place.first = stay.block.first;
      place.last = stay.block.last;
      place.name = value.name;
      out.push_back(std::move(place));
    }
    return out;
  }
  int64_t arena(uint32_t domain) const {
    return plan_.arena_dims()[domain].eval(bindings_).value();
  }

 private:
  const Plan& plan_;
  sym::SlotProgram program_;
  sym::Bindings bindings_;
};

void expect_no_overlap(std::vector<Place> places, int64_t arena) {
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.first < b.first; });
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& a = places[i];
    ASSERT_GE(a.offset, 0) << a.name;
    ASSERT_EQ(a.offset % kAlignment, 0) << a.name;
    ASSERT_LE(a.offset + a.size, arena) << a.name;
    for (size_t k = i + 1; k < places.size() && places[k].first <= a.last; ++k) {
      const Place& b = places[k];
      if (a.size == 0 || b.size == 0) continue;
      ASSERT_TRUE(a.offset + a.size <= b.offset || b.offset + b.size <= a.offset)
          << a.name << " and " << b.name << " share bytes while both live";
    }
  }
}

class MemoryOfEveryModel : public testing::TestWithParam<test::EveryModel> {
 protected:
  std::unique_ptr<EnginePlan> plan(MemoryPlan memory, int64_t chunk, int64_t capacity) {
    static const auto services = host::HostServices::create({});
    std::vector<host::PluginPtr> plugins;
    for (const char* name : {"cpu", "reference"}) {
      auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_" + std::string(name) + ".so", services);
      EXPECT_TRUE(plugin.ok()) << (plugin.ok() ? "" : plugin.error().message);
      if (plugin.ok()) plugins.push_back(*plugin);
    }
    EngineOptions options;
    options.backends = {"cpu", "reference"};
    options.memory = memory;
    options.chunk = chunk;
    options.capacity = capacity;
    auto graph = onnx::import(GetParam().folder);
    EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
    if (!graph.ok()) return nullptr;
    // Lengths have an end also where no pass finds out which they are.
    const sym::Bounds known = graph->bounds;
    for (const auto& [symbol, range] : known.all()) {
      const int64_t most = test::value_of_symbol(symbol, {4, chunk, capacity, chunk});
      graph->bounds.set(symbol, {range.lo, std::min(range.hi, most)});
    }
    auto made = EnginePlan::make(std::move(*graph), plugins, std::move(options));
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return made.ok() ? std::move(*made) : nullptr;
  }

  void expect_every_run_fits(MemoryPlan memory, int64_t chunk, int64_t capacity) {
    const auto made = plan(memory, chunk, capacity);
    ASSERT_TRUE(made);
    const Plan& plan = made->prefill();
    chunk = std::min(chunk, made->graph().bounds.of("seq").hi);
    constexpr double most = 1.1;  // times what a greedy plan for the same sizes takes
    AtBinding at(plan);
    for (int i = 0; i < test::binding_count(GetParam()); ++i) {
      const test::Sizes sizes = test::random_sizes(random, chunk, capacity);
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << ", seq " << sizes.seq << ", past "
                                      << sizes.past << ", rows " << sizes.rows);
      at.bind(sizes);
      for (uint32_t domain = 0; domain < plan.arena_bytes().size(); ++domain) {
        ASSERT_EQ(plan.memory_plan(domain), memory);
        const std::vector<Place> places = at.places(domain);
        expect_no_overlap(places, at.arena(domain));
        if (HasFatalFailure()) return;
        ASSERT_LE(at.arena(domain), plan.arena_bytes()[domain]);
        if (memory == MemoryPlan::elastic) {
          ASSERT_LE(double(at.arena(domain)), most * double(greedy_arena(places)) + kLines);
        }
      }
    }
    for (uint32_t domain = 0; domain < plan.arena_bytes().size(); ++domain) {
      std::vector<Place> longest;
      for (const plan::Stay& stay : plan.stays()) {
        if (stay.domain != domain) continue;
        longest.push_back({-1, stay.block.size_bytes, stay.block.first, stay.block.last, {}});
      }
      EXPECT_GT(longest.size(), 5u);
      EXPECT_LE(double(plan.arena_bytes()[domain]), most * double(greedy_arena(longest)));
    }
  }
  std::mt19937_64 random{2};
};

TEST_P(MemoryOfEveryModel, planned_for_the_longest_run_holds_every_run) {
  expect_every_run_fits(MemoryPlan::max, 16, 64);
  expect_every_run_fits(MemoryPlan::max, 512, 2048);
}

TEST_P(MemoryOfEveryModel, planned_as_expressions_holds_every_run_and_no_more) {
  expect_every_run_fits(MemoryPlan::elastic, 16, 64);
  expect_every_run_fits(MemoryPlan::elastic, 512, 2048);
}

INSTANTIATE_TEST_SUITE_P(Tiny, MemoryOfEveryModel, testing::ValuesIn(test::every_model()),
                         test::model_name);

}  // namespace
}  // namespace weft
