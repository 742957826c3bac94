// Claims, compiling, and rule R3 (struct sizes) on the null backend; broken plugins where the host
// must not believe what it is told.
#include <cstring>

#include "tests/core/host/null_plugin.h"

namespace weft::host {
namespace {

TEST(Device, claims_add_and_refuses_the_rest_with_a_code_and_a_reason) {
  DevicePtr device = null_device();
  TestGraph graph;
  const uint32_t x = graph.value({4}, WEFT_VALUE_INPUT), y = graph.value({4}, WEFT_VALUE_INPUT);
  const uint32_t half = graph.value({4}, WEFT_VALUE_INPUT, WEFT_F16);
  const uint32_t wide = graph.value({2, 4}, WEFT_VALUE_INPUT);
  graph.node("Add", {x, y}, graph.value({4}));
  graph.node("MatMul", {x, y}, graph.value({4}));
  graph.node("Add", {half, half}, graph.value({4}));
  graph.node("Add", {wide, x}, graph.value({2, 4}));
  auto claims = device->claim(graph.graph());
  ASSERT_TRUE(claims.ok()) << claims.error().message;
  ASSERT_EQ(claims->claims.size(), 1u);
  EXPECT_EQ(claims->claims[0].nodes, std::vector<uint32_t>{0});
  EXPECT_EQ(claims->claims[0].reason, "f32 Add");
  ASSERT_EQ(claims->refusals.size(), 3u);
  EXPECT_EQ(claims->refusals[0].code, WEFT_REFUSE_OP);
  EXPECT_EQ(claims->refusals[1].code, WEFT_REFUSE_DTYPE);
  EXPECT_EQ(claims->refusals[1].value, half);
  EXPECT_EQ(claims->refusals[1].found, int64_t(WEFT_F16));
  EXPECT_EQ(claims->refusals[2].code, WEFT_REFUSE_SHAPE);
  EXPECT_EQ(claims->refusals[2].value, x);
  EXPECT_EQ(claims->refusals[2].why, "operands are not broadcast here");
}

TEST(Device, does_not_compile_what_it_does_not_claim) {
  DevicePtr device = null_device();
  TestGraph graph;
  const uint32_t x = graph.value({4}, WEFT_VALUE_INPUT);
  graph.node("Mul", {x, x}, graph.value({4}, WEFT_VALUE_OUTPUT));
  weft_status status = WEFT_OK;
  auto program = device->compile({.graph = &graph.graph()}, &status);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(status, WEFT_E_UNSUPPORTED);
  EXPECT_EQ(program.error().message, "plugin 'null': compile: only Add is run here (node 0)");
  // Found late, when half of the program is built: the out-parameter is still the caller's.
  weft_compile_args args{};
  args.struct_size = sizeof args;
  args.graph = &graph.graph();
  auto* const before = reinterpret_cast<weft_program*>(&graph);
  weft_program* out = before;
  EXPECT_EQ(device->plugin()->api().compile(device->get(), &args, &out, nullptr),
            WEFT_E_UNSUPPORTED);
  EXPECT_EQ(out, before);
}

TEST(Device, compiles_without_a_blob_that_is_stale) {
  DevicePtr device = null_device();
  TestGraph graph = TestGraph::add(4);
  alignas(64) const std::byte blob[64] = {};
  auto program = device->compile({.graph = &graph.graph(), .blob = blob});
  ASSERT_TRUE(program.ok()) << program.error().message;
  EXPECT_FALSE((*program)->from_blob());
  EXPECT_FALSE((*program)->can_save());
  EXPECT_TRUE((*program)->deterministic());
  EXPECT_EQ(*device->check_blob(blob), WEFT_BLOB_STALE);
}

TEST(Device, keeps_what_a_program_was_compiled_from) {
  DevicePtr device = null_device();
  TestGraph graph = TestGraph::add(4);
  auto weights = std::make_shared<int>(1);
  auto first = device->compile({.graph = &graph.graph(), .keep = weights});
  auto second = device->compile({.graph = &graph.graph(), .share_constants_with = *first});
  std::weak_ptr<Program> watched = *first;
  *first = nullptr;
  EXPECT_FALSE(watched.expired()) << "its constants are in use";
  EXPECT_EQ(weights.use_count(), 2);
  *second = nullptr;
  EXPECT_EQ(weights.use_count(), 1);
}

TEST(Device, waits_until_idle_and_flushes_without_the_optional_functions) {
  DevicePtr device = null_device();
  EXPECT_TRUE(device->wait_idle().ok());
  EXPECT_TRUE(device->create_queue()->flush().ok());
}

// A struct of a newer host: ours with eight bytes behind it.
struct LongerArgs {
  weft_compile_args args{};
  uint64_t tail = 0;
};

TEST(StructSizes, a_longer_argument_is_accepted_while_its_tail_is_zero) {
  DevicePtr device = null_device();
  const weft_api& api = device->plugin()->api();
  TestGraph graph = TestGraph::add(4);
  LongerArgs longer;
  longer.args.graph = &graph.graph();
  longer.args.struct_size = sizeof longer;
  weft_program* program = nullptr;
  ASSERT_EQ(api.compile(device->get(), &longer.args, &program, nullptr), WEFT_OK);
  api.program_destroy(program);

  longer.tail = 1;
  weft_program* const untouched = program;
  weft_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ(api.compile(device->get(), &longer.args, &program, &error), WEFT_E_UNSUPPORTED);
  EXPECT_EQ(program, untouched) << "an error leaves out-parameters alone";
  EXPECT_STRNE(error.message, "");
}

TEST(StructSizes, a_shorter_argument_reads_as_zero_where_it_ends) {
  DevicePtr device = null_device();
  const weft_api& api = device->plugin()->api();
  TestGraph graph = TestGraph::add(4);
  weft_compile_args args{};
  args.graph = &graph.graph();
  args.struct_size = offsetof(weft_compile_args, blob);
  args.blob = &args;  // behind the end: not to be seen
  weft_program* program = nullptr;
  ASSERT_EQ(api.compile(device->get(), &args, &program, nullptr), WEFT_OK);
  api.program_destroy(program);
}

TEST(StructSizes, a_shorter_error_is_filled_to_its_end_and_no_further) {
  DevicePtr device = null_device();
  const weft_api& api = device->plugin()->api();
  weft_error error;
  std::memset(&error, 0x55, sizeof error);
  error.struct_size = offsetof(weft_error, message) + 8;
  weft_device_info info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(api.device_info(api.self, 7, &info, &error), WEFT_E_INVALID);
  EXPECT_EQ(std::string(error.message), "there i");
  EXPECT_EQ(error.message[8], 0x55);
}

TEST(StructSizes, a_shorter_description_is_filled_to_its_end_and_no_further) {
  DevicePtr device = null_device();
  const weft_api& api = device->plugin()->api();
  weft_device_info info;
  std::memset(&info, 0x55, sizeof info);
  info.struct_size = offsetof(weft_device_info, driver);
  ASSERT_EQ(api.device_info(api.self, 0, &info, nullptr), WEFT_OK);
  EXPECT_STREQ(info.name, "null device");
  EXPECT_EQ(info.driver[0], 0x55);
}

TEST(BrokenPlugin, success_without_an_object_is_an_error) {
  auto plugin = load(bad_path("no_object"), one_thread());
  ASSERT_TRUE(plugin.ok()) << plugin.error().message;
  auto device = (*plugin)->open(0);
  ASSERT_TRUE(device.ok());
  auto queue = (*device)->create_queue();
  ASSERT_FALSE(queue.ok());
  EXPECT_NE(queue.error().message.find("gives no object"), std::string::npos);
}

TEST(BrokenPlugin, a_claim_of_a_node_that_does_not_exist_is_an_error) {
  auto plugin = load(bad_path("no_object"), one_thread());
  ASSERT_TRUE(plugin.ok());
  TestGraph graph = TestGraph::add(4);
  auto claims = (*(*plugin)->open(0))->claim(graph.graph());
  ASSERT_FALSE(claims.ok());
  EXPECT_EQ(claims.error().message, "plugin 'noobject': claim: a claim names node 1 of 1");
}

}  // namespace
}  // namespace weft::host
