// Islands are compared on the reference's inputs and on their own chain's, over several memories,
// with caches carried from step to step.
#include "core/runtime/verify.h"

#include <cstring>

#include "core/partition/claims.h"
#include "core/runtime/part_run.h"
#include "tests/core/partition/parsed.h"

namespace weft::runtime {
namespace {

using test::open_device;
using test::parsed;
using test::plugin_file;
using test::value_named;

// A cache that grows by what is scaled, and a sum over it that `null` adds in memory of its own.
constexpr const char* kGraph = R"(graph "g" {
  symbol past in [0, 7]
  symbol seq in [1, 4]
  input %x : f32[1, seq, 4]
  state %cache : f32[1, 8, 4]
  const %w : f32[4] = {0.1, -2.5, 3.3, 0.7}
  symbolic %position : i64[1] is {past}
  %k = Mul(%x, %w) : f32[1, seq, 4] in %cache at 4*past "scale"
  %all = TensorScatter(%cache, %k, %position) {axis = 1} : f32[1, 8, 4] in %cache at 0 "write"
  %a = Exp(%all) : f32[1, 8, 4] "exp"
  %b = Add(%a, %a) : f32[1, 8, 4] "twice"
  %c = Neg(%b) : f32[1, 8, 4] "minus"
  output "c" = %c
}
)";

// The graph on some devices.
struct Setting {
  Setting(const char* text, const std::vector<std::string>& names) : graph(parsed(text)) {
    std::vector<uint32_t> preference;
    setup.shared_domains = {true};
    for (const std::string& name : names) {
      preference.push_back(uint32_t(setup.devices.size()));
      setup.devices.push_back(open_device(plugin_file(name)));
      const bool imports = imports_host_memory(*setup.devices.back());
      setup.domains.push_back(imports ? 0 : uint32_t(setup.shared_domains.size()));
      if (!imports) setup.shared_domains.push_back(false);
    }
    const Status made = make(preference);
    if (!made.ok()) ADD_FAILURE() << made.error().message;
  }

  Status make(const std::vector<uint32_t>& preference) {
    const auto assignment = TRY(partition::assign(graph, setup.devices, preference));
    plan = TRY(
        plan::Plan::make(graph, TRY(partition::schedule(graph, assignment.units)), setup.domains));
    programs = TRY(prepare(*plan, setup.devices, ProgramCache({})));
    setup.prefill = setup.decode = {plan.get(), programs.get()};
    setup.capacity = 8;
    setup.chunk = 4;
    verifier = TRY(Verifier::create(setup, {}));
    return {};
  }

  VerifyStep step(int64_t past, const std::vector<float>& values) const {
    VerifyStep out;
    out.name = "step";
    out.bindings = {{"past", past}, {"seq", int64_t(values.size() / 4)}};
    ops::Tensor x = ops::Tensor::zeros(ir::DType::f32, {1, int64_t(values.size() / 4), 4});
    std::memcpy(x.bytes.data(), values.data(), x.bytes.size());
    out.inputs[value_named(graph, "x")] = std::move(x);
    return out;
  }

  ir::Graph graph;
  Session::Setup setup;
  std::unique_ptr<plan::Plan> plan;
  std::unique_ptr<Programs> programs;
  std::unique_ptr<Verifier> verifier;
};

TEST(Verifier, finds_the_reference_equal_to_itself_over_two_memories_and_two_steps) {
  Setting setting(kGraph, {"null", "reference"});
  for (const auto& step :
       {setting.step(0, {1, 2, 3, 4, 5, 6, 7, 8}), setting.step(2, {9, 1, 1, 2})}) {
    const auto report = setting.verifier->run(step);
    ASSERT_TRUE(report.ok()) << report.error().message;
    ASSERT_EQ(report->islands.size(), 3u);
    EXPECT_EQ(report->islands[1].device, 0u);
    for (const IslandReport& island : report->islands) {
      EXPECT_EQ(island.own.difference.absolute, 0);
      EXPECT_EQ(island.inherited.difference.absolute, 0);
      EXPECT_FALSE(island.own.value.empty());
    }
  }
  // The second step wrote behind the first.
  const auto cache = setting.verifier->reference().value(value_named(setting.graph, "all"));
  ASSERT_TRUE(cache.ok());
  EXPECT_FLOAT_EQ(float(ops::load(*cache, 4)), 0.5f);
  EXPECT_FLOAT_EQ(float(ops::load(*cache, 8)), 0.9f);
  EXPECT_EQ(ops::load(*cache, 12), 0);
}

TEST(Verifier, says_of_a_right_island_that_it_is_wrong_nowhere_else) {
  Setting setting(kGraph, {"reference"});
  ASSERT_TRUE(setting.verifier->run(setting.step(0, {1, 2, 3, 4})).ok());
  const auto culprit = setting.verifier->find(0);
  ASSERT_TRUE(culprit.ok()) << culprit.error().message;
  EXPECT_EQ(culprit->extent, Extent::in_place);
  EXPECT_EQ(culprit->nodes.size(), 5u);
}

TEST(Verifier, refuses_a_step_without_its_inputs) {
  Setting setting(kGraph, {"reference"});
  VerifyStep step = setting.step(0, {1, 2, 3, 4});
  step.inputs.clear();
  const auto report = setting.verifier->run(step);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("'x'"), std::string::npos);
}

TEST(PartRun, gives_the_outputs_of_a_small_graph) {
  const ir::Graph graph = parsed(R"(graph "part" {
  input %x : f32[2]
  input %y : f32[2]
  %z = Add(%x, %y) : f32[2] "sum"
  output "z" = %z
}
)");
  ops::Tensor x = ops::Tensor::zeros(ir::DType::f32, {2}), y = x;
  ops::store_all(x.view(), std::vector<double>{1, 2});
  ops::store_all(y.view(), std::vector<double>{10, 20});
  for (const char* backend : {"null", "reference"}) {
    const auto made = run_part(graph, open_device(plugin_file(backend)), std::vector{x, y});
    ASSERT_TRUE(made.ok()) << made.error().message;
    ASSERT_EQ(made->size(), 1u);
    EXPECT_EQ(ops::load_all((*made)[0].view()), (std::vector<double>{11, 22}));
  }
}

TEST(PartRun, fails_on_a_device_that_does_not_take_the_node) {
  const ir::Graph graph = parsed(R"(graph "part" {
  input %x : f32[2]
  %z = Neg(%x) : f32[2] "minus"
  output "z" = %z
}
)");
  const auto made = run_part(graph, open_device(plugin_file("null")),
                             std::vector{ops::Tensor::zeros(ir::DType::f32, {2})});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::plugin);
}

}  // namespace
}  // namespace weft::runtime
