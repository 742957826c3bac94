// The C++ objects over the tables, exercised with the null backend: it is right, so what is found
// wrong here is the wrapper's fault, or the backend's that vendors copy.
#include "core/host/plugin.h"

#include <atomic>
#include <cstring>
#include <new>
#include <numeric>
#include <thread>

#include "tests/core/host/null_plugin.h"

// Counts what C++ allocates in this process while a test looks at it.
static std::atomic<int> allocations{0};
__attribute__((noinline)) void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace weft::host {
namespace {

std::vector<float> counting(size_t n) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

// A device with a queue and a compiled x + y over n elements.
struct AddSetup {
  explicit AddSetup(int64_t n) {
    device = null_device();
    TestGraph graph = TestGraph::add(n);
    auto compiled = device->compile({.graph = &graph.graph()});
    EXPECT_TRUE(compiled.ok()) << compiled.error().message;
    program = *compiled;
    queue = *device->create_queue();
  }
  DevicePtr device;
  ProgramPtr program;
  Queue queue;
};

TEST(Plugin, describes_itself_and_its_device) {
  auto plugin = load(null_path(), one_thread());
  ASSERT_TRUE(plugin.ok()) << plugin.error().message;
  EXPECT_EQ((*plugin)->name(), "null");
  auto devices = (*plugin)->devices();
  ASSERT_TRUE(devices.ok());
  ASSERT_EQ(devices->size(), 1u);
  EXPECT_EQ((*devices)[0].name, "null device");
  EXPECT_TRUE((*devices)[0].computes(WEFT_F32));
  EXPECT_FALSE((*devices)[0].computes(WEFT_F16));
  EXPECT_EQ((*plugin)->extension("weft.external_memory/1"), nullptr);
}

TEST(Plugin, a_device_that_does_not_exist_is_an_error_with_its_sentence) {
  auto plugin = load(null_path(), one_thread());
  ASSERT_TRUE(plugin.ok());
  auto device = (*plugin)->open(1);
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.error().message, "plugin 'null': device_info: there is one device, number 0");
  EXPECT_EQ(device.error().kind, ErrorKind::plugin);
}

TEST(Queue, adds_at_three_different_offsets) {
  AddSetup setup(5);
  for (const auto& [x, y, z] : {std::array<uint64_t, 3>{0, 20, 40}, {44, 0, 20}, {4, 8, 64}}) {
    auto buffer = setup.device->allocate(84);
    ASSERT_TRUE(buffer.ok());
    fill(*buffer, counting(21));
    const std::vector<weft_view> in = {view_of(*buffer, x, {5}), view_of(*buffer, y, {5})};
    const std::vector<weft_view> out = {view_of(*buffer, z, {5})};
    auto done = setup.queue.execute(arguments(setup.program, in, out));
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_TRUE(done->wait().ok());
    std::vector<float> expected = counting(21);
    for (size_t i = 0; i < 5; ++i) expected[z / 4 + i] = float(x / 4 + y / 4 + 2 * i);
    EXPECT_EQ(contents(*buffer), expected);
  }
}

TEST(Queue, follows_strides_of_inputs_and_outputs) {
  DevicePtr device = null_device();
  TestGraph graph;
  const uint32_t x = graph.value({2, 3}, WEFT_VALUE_INPUT),
                 y = graph.value({2, 3}, WEFT_VALUE_INPUT);
  graph.node("Add", {x, y}, graph.value({2, 3}, WEFT_VALUE_OUTPUT));
  auto program = device->compile({.graph = &graph.graph()});
  ASSERT_TRUE(program.ok());
  auto buffer = device->allocate(40 * sizeof(float));
  fill(*buffer, counting(40));
  // x is every second column, y is transposed, the result skips a column.
  const std::vector<weft_view> in = {view_of(*buffer, 0, {2, 3}, {6, 2}),
                                     view_of(*buffer, 12 * 4, {2, 3}, {1, 2})};
  const std::vector<weft_view> out = {view_of(*buffer, 20 * 4, {2, 3}, {4, 1})};
  auto queue = device->create_queue();
  auto done = queue->execute(arguments(*program, in, out));
  ASSERT_TRUE(done.ok()) << done.error().message;
  ASSERT_TRUE(done->wait().ok());
  std::vector<float> expected = counting(40);
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 3; ++j)
      expected[20 + 4 * i + j] = float(6 * i + 2 * j) + float(12 + i + 2 * j);
  EXPECT_EQ(contents(*buffer), expected);
}

TEST(Queue, finds_values_in_the_workspace_in_views_and_in_constants) {
  DevicePtr device = null_device();
  // t = x + c in the workspace; u, a view of t, is added to itself.
  TestGraph graph;
  std::vector<float> bytes = {10, 20, 30, 40};
  const uint32_t x = graph.value({4}, WEFT_VALUE_INPUT);
  const uint32_t c = graph.value({4}, WEFT_VALUE_CONSTANT);
  graph.values[c].data = bytes.data();
  graph.values[c].data_size = 16;
  const uint32_t t = graph.value({4});
  graph.values[t].offset.value = 8;
  const uint32_t u = graph.value({2}, WEFT_VALUE_VIEW);
  graph.values[u].parent = t;
  graph.values[u].offset.value = 4;
  const uint32_t z = graph.value({2}, WEFT_VALUE_OUTPUT);
  graph.node("Add", {x, c}, t);
  graph.node("Add", {u, u}, z);
  auto program = device->compile({.graph = &graph.graph()});
  ASSERT_TRUE(program.ok()) << program.error().message;
  EXPECT_EQ((*program)->info().constant_bytes, 16u);
  bytes.assign(4, -1);  // the program has its own copy

  auto buffer = device->allocate(24), workspace = device->allocate(40);
  fill(*buffer, {1, 2, 3, 4, 0, 0});
  const std::vector<weft_view> in = {view_of(*buffer, 0, {4})}, out = {view_of(*buffer, 16, {2})};
  auto queue = device->create_queue();
  weft_execute_args args = arguments(*program, in, out);
  args.workspace = workspace->get();
  args.workspace_offset = 16;
  auto done = queue->execute(args);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(contents(*buffer), (std::vector<float>{1, 2, 3, 4, 44, 66}));

  args.workspace_offset = 20;  // now the last element of t is outside
  auto outside = queue->execute(args);
  ASSERT_FALSE(outside.ok());
  EXPECT_NE(outside.error().message.find("ends outside its buffer of 40 bytes"), std::string::npos)
      << outside.error().message;
}

TEST(Queue, reads_dims_from_slots_at_each_run) {
  DevicePtr device = null_device();
  TestGraph graph = TestGraph::add(0);
  for (uint32_t value = 0; value < 3; ++value) graph.use_slot(value, 0, 0);
  auto program = device->compile({.graph = &graph.graph()});
  ASSERT_TRUE(program.ok()) << program.error().message;
  auto queue = device->create_queue();
  for (const int64_t n : {0, 1, 3}) {
    auto buffer = device->allocate(36);
    fill(*buffer, {1, 2, 3, 10, 20, 30, 0, 0, 0});
    const std::vector<weft_view> in = {view_of(*buffer, 0, {n}), view_of(*buffer, 12, {n})};
    const std::vector<weft_view> out = {view_of(*buffer, 24, {n})};
    weft_execute_args args = arguments(*program, in, out);
    args.slots = &n;
    ASSERT_TRUE(queue->execute(args).ok());
    std::vector<float> expected = {1, 2, 3, 10, 20, 30, 0, 0, 0};
    for (int64_t i = 0; i < n; ++i) expected[size_t(6 + i)] = 11.0f * float(i + 1);
    EXPECT_EQ(contents(*buffer), expected) << "n = " << n;
  }
}

TEST(Queue, a_poisoned_wait_poisons_the_result_and_nothing_runs) {
  AddSetup setup(2);
  auto buffer = setup.device->allocate(24);
  fill(*buffer, {1, 2, 3, 4, 5, 6});
  const std::vector<weft_view> in = {view_of(*buffer, 0, {2}), view_of(*buffer, 8, {2})};
  const std::vector<weft_view> out = {view_of(*buffer, 16, {2})};
  auto lost = setup.device->create_event();
  ASSERT_TRUE(lost->signal(WEFT_E_DEVICE_LOST).ok());
  EXPECT_FALSE(lost->signal(WEFT_OK).ok()) << "an event is signalled once";
  weft_event* waits[] = {lost->get()};
  weft_execute_args args = arguments(setup.program, in, out);
  args.waits = waits;
  args.wait_count = 1;
  auto done = setup.queue.execute(args);
  ASSERT_TRUE(done.ok());
  weft_status status = WEFT_OK;
  auto waited = done->wait(UINT64_MAX, &status);
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(status, WEFT_E_DEVICE_LOST);
  EXPECT_EQ(contents(*buffer), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  // The poison travels on, through a copy as well.
  weft_event* next[] = {done->get()};
  auto copied = setup.queue.copy(in[0], out[0], next);
  ASSERT_TRUE(copied.ok());
  EXPECT_FALSE(copied->wait().ok());
  EXPECT_EQ(contents(*buffer), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(Queue, waits_for_an_event_that_another_thread_signals) {
  AddSetup setup(1);
  auto buffer = setup.device->allocate(12);
  const std::vector<weft_view> in = {view_of(*buffer, 0, {1}), view_of(*buffer, 4, {1})};
  const std::vector<weft_view> out = {view_of(*buffer, 8, {1})};
  auto ready = setup.device->create_event();
  EXPECT_FALSE(*ready->wait(0));
  EXPECT_FALSE(*ready->wait(1000));
  weft_event* waits[] = {ready->get()};
  weft_execute_args args = arguments(setup.program, in, out);
  args.waits = waits;
  args.wait_count = 1;
  std::thread other([&] {
    fill(*buffer, {3, 4, 0});
    EXPECT_TRUE(ready->signal(WEFT_OK).ok());
  });
  auto done = setup.queue.execute(args);
  other.join();
  ASSERT_TRUE(done.ok());
  EXPECT_TRUE(*done->wait());
  EXPECT_EQ(contents(*buffer)[2], 7.0f);
}

TEST(Queue, refuses_views_outside_their_buffer_or_of_another_type) {
  AddSetup setup(4);
  auto buffer = setup.device->allocate(48);
  const weft_view good = view_of(*buffer, 0, {4});
  weft_view cases[] = {view_of(*buffer, 36, {4}),
                       view_of(*buffer, UINT64_MAX - 3, {4}),
                       view_of(*buffer, 2, {4}),
                       view_of(*buffer, 0, {4}, {INT64_MAX}),
                       view_of(*buffer, 0, {4}, {-1}),
                       view_of(*buffer, 0, {3}),
                       view_of(*buffer, 0, {4}, {}, WEFT_I32)};
  for (const weft_view& bad : cases) {
    const std::vector<weft_view> in = {good, bad}, out = {good};
    EXPECT_FALSE(setup.queue.execute(arguments(setup.program, in, out)).ok());
    const std::vector<weft_view> in2 = {good, good}, out2 = {bad};
    EXPECT_FALSE(setup.queue.execute(arguments(setup.program, in2, out2)).ok());
  }
  const std::vector<weft_view> one = {good};
  EXPECT_FALSE(setup.queue.execute(arguments(setup.program, one, one)).ok()) << "one input of two";
}

TEST(Queue, copies_between_strided_views) {
  DevicePtr device = null_device();
  auto queue = device->create_queue();
  auto buffer = device->allocate(32 * sizeof(float));
  fill(*buffer, counting(32));
  auto done =
      queue->copy(view_of(*buffer, 4, {2, 3}, {4, 1}), view_of(*buffer, 64, {2, 3}, {1, 4}));
  ASSERT_TRUE(done.ok()) << done.error().message;
  std::vector<float> expected = counting(32);
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 3; ++j) expected[16 + i + 4 * j] = float(1 + 4 * i + j);
  EXPECT_EQ(contents(*buffer), expected);
  EXPECT_FALSE(queue->copy(view_of(*buffer, 0, {2}), view_of(*buffer, 64, {3})).ok());
}

TEST(Queue, executing_and_waiting_allocate_nothing_in_the_host) {
  AddSetup setup(2);
  auto buffer = setup.device->allocate(24);
  const std::vector<weft_view> in = {view_of(*buffer, 0, {2}), view_of(*buffer, 8, {2})};
  const std::vector<weft_view> out = {view_of(*buffer, 16, {2})};
  const weft_execute_args args = arguments(setup.program, in, out);
  const int before = allocations.load();
  for (int i = 0; i < 10; ++i) {
    auto done = setup.queue.execute(args);
    ASSERT_TRUE(done.ok() && done->wait().ok());
  }
  EXPECT_EQ(allocations.load(), before);
  ::operator delete(::operator new(1));  // the counter counts
  EXPECT_EQ(allocations.load(), before + 1);
}

TEST(Buffer, maps_ranges_inside_and_refuses_those_outside) {
  DevicePtr device = null_device();
  auto buffer = device->allocate(100);
  ASSERT_TRUE(buffer.ok());
  EXPECT_EQ(buffer->size_bytes(), 100u);
  EXPECT_TRUE(buffer->map(0, 100, Access::both).ok());
  EXPECT_TRUE(buffer->map(100, 0, Access::read).ok());
  for (const auto& [offset, size] :
       {std::pair<uint64_t, uint64_t>{90, 11}, {101, 0}, {UINT64_MAX, 2}, {1, UINT64_MAX}})
    EXPECT_FALSE(buffer->map(offset, size, Access::read).ok()) << offset << " " << size;
}

TEST(Buffer, too_large_is_an_error_of_memory) {
  DevicePtr device = null_device();
  weft_status status = WEFT_OK;
  auto buffer = device->allocate(uint64_t(1) << 63, 0, "huge", &status);
  ASSERT_FALSE(buffer.ok());
  EXPECT_EQ(status, WEFT_E_OUT_OF_MEMORY);
  EXPECT_EQ(buffer.error().kind, ErrorKind::out_of_memory);
}

static void WEFT_CALL remember(void* arg, weft_status status) {
  *static_cast<std::vector<weft_status>*>(arg) = {
      static_cast<std::vector<weft_status>*>(arg)->empty() ? status : -99};
}

TEST(Event, calls_back_once_whether_done_before_or_after) {
  DevicePtr device = null_device();
  std::vector<weft_status> early, late;
  auto event = device->create_event();
  ASSERT_TRUE(event->on_done(remember, &early).ok());
  EXPECT_TRUE(early.empty());
  ASSERT_TRUE(event->signal(WEFT_E_CANCELLED).ok());
  ASSERT_TRUE(event->on_done(remember, &late).ok());
  EXPECT_EQ(early, std::vector<weft_status>{WEFT_E_CANCELLED});
  EXPECT_EQ(late, std::vector<weft_status>{WEFT_E_CANCELLED});
}

TEST(Event, may_be_destroyed_before_it_is_done) {
  DevicePtr device = null_device();
  std::vector<weft_status> called;
  {
    auto event = device->create_event();
    ASSERT_TRUE(event->on_done(remember, &called).ok());
  }
  EXPECT_TRUE(called.empty());
}

TEST(Handles, keep_their_parents_alive_in_any_order_of_destruction) {
  auto setup = std::make_unique<AddSetup>(1);
  auto buffer = setup->device->allocate(4);
  auto event = setup->device->create_event();
  ProgramPtr program = setup->program;
  std::weak_ptr<Plugin> plugin = setup->device->plugin();
  setup.reset();
  EXPECT_FALSE(plugin.expired());
  program.reset();
  Event moved = *std::move(event);
  Buffer taken = *std::move(buffer);
  taken.reset();
  EXPECT_FALSE(plugin.expired());
  moved = Event();
  EXPECT_TRUE(plugin.expired());
}

}  // namespace
}  // namespace weft::host
