// Runs of the emulated NPU as the host makes them: many at once, profiled, with wrong arguments,
// and under Vulkan's validation layer.
#include <cstring>

#include "tests/plugins/vulkan_npu/products.h"

namespace weft::test {
namespace {

// A compiled product with its tensors, ready to be run any number of times.
class Ready {
 public:
  Ready(Device& d, Graph& graph) : device_(d), api_(d.api()) {
    const weft_graph pod = graph.pod();
    weft_compile_args compile{};
    compile.struct_size = sizeof compile;
    compile.graph = &pod;
    check(api_.compile(d.handle(), &compile, &program_, &error_));
    weft_program_info info{};
    info.struct_size = sizeof info;
    check(api_.program_info(program_, &info, &error_));
    for (uint32_t v : graph.inputs) input = place(graph.value(v));
    for (uint32_t v : graph.outputs) output = place(graph.value(v));
    const Data& data = graph.input_data(graph.inputs[0]);
    std::memcpy(bytes(input), data.bytes.data(), data.bytes.size());
    const weft_queue_desc desc{sizeof desc, 0, 0, 0};
    check(api_.queue_create(d.handle(), &desc, &queue_, &error_));
    args.struct_size = sizeof args;
    args.program = program_;
    args.inputs = &input;
    args.outputs = &output;
    args.input_count = args.output_count = 1;
    args.view_stride = sizeof(weft_view);
    args.workspace = allocate(info.scratch_bytes);
  }
  ~Ready() {
    api_.queue_destroy(queue_);
    for (weft_buffer* buffer : buffers_) api_.buffer_free(buffer);
    api_.program_destroy(program_);
  }

  weft_event* start() {
    weft_event* done = nullptr;
    check(api_.execute(queue_, &args, &done, &error_));
    return done;
  }
  // The status of a run, waited for.
  weft_status run() {
    weft_event* done = start();
    error_.message[0] = 0;
    const weft_status status = api_.event_wait(done, UINT64_MAX, &error_);
    api_.event_destroy(done);
    return status;
  }
  std::vector<char> result() {
    const char* from = bytes(output);
    return {from, from + size_of(output)};
  }
  std::string message() const { return error_.message; }
  weft_queue* queue() const { return queue_; }
  weft_view copy_target() {
    weft_view view = output;
    view.buffer = allocate(size_of(output));
    return view;
  }
  char* bytes(const weft_view& view) {
    void* out = nullptr;
    check(api_.buffer_map(view.buffer, view.byte_offset, size_of(view), 3, &out, &error_));
    return static_cast<char*>(out);
  }

  weft_view input{}, output{};
  weft_execute_args args{};

 private:
  void check(weft_status status) { device_.check(status, error_); }
  weft_buffer* allocate(uint64_t size) {
    const weft_buffer_desc desc{sizeof desc, 0, size, "test"};
    weft_buffer* buffer = nullptr;
    check(api_.buffer_alloc(device_.handle(), &desc, &buffer, &error_));
    buffers_.push_back(buffer);
    return buffer;
  }
  static uint64_t size_of(const weft_view& view) {
    return uint64_t(view.shape[0] * view.shape[1]) * (view.dtype == WEFT_I32 ? 4 : 1);
  }
  weft_view place(const weft_value& value) {
    weft_view view{};
    view.dtype = value.dtype;
    view.rank = 2;
    view.shape[0] = value.dims[0].value;
    view.shape[1] = value.dims[1].value;
    view.stride[0] = view.shape[1];
    view.stride[1] = 1;
    view.buffer = allocate(size_of(view));
    return view;
  }

  Device& device_;
  const weft_api& api_;
  weft_error error_ = fresh_error();
  weft_program* program_ = nullptr;
  weft_queue* queue_ = nullptr;
  std::vector<weft_buffer*> buffers_;
};

TEST(VulkanNpuRun, many_runs_fly_at_once_and_end_in_order) {
  NEEDS_NPU();
  Npu npu;
  Graph g;
  matmul_integer(g, {5, 100, 130});
  const Data want = Device("reference").run(g)[0];
  Ready ready(npu, g);
  std::vector<weft_event*> events;
  for (int i = 0; i < 50; i++) {
    // Each waits for the one before, as a host that lets the device run ahead.
    weft_event* previous = events.empty() ? nullptr : events.back();
    ready.args.waits = &previous;
    ready.args.wait_count = previous ? 1 : 0;
    events.push_back(ready.start());
  }
  EXPECT_EQ(npu.api().event_wait(events.back(), UINT64_MAX, nullptr), WEFT_OK);
  for (weft_event* event : events) {
    EXPECT_EQ(npu.api().event_wait(event, 0, nullptr), WEFT_OK);
    npu.api().event_destroy(event);
  }
  EXPECT_EQ(ready.result(), want.bytes);
}

TEST(VulkanNpuRun, a_copy_after_a_run_sees_its_result) {
  NEEDS_NPU();
  Npu npu;
  Graph g;
  matmul_integer(g, {5, 100, 130});
  Ready ready(npu, g);
  const weft_view there = ready.copy_target();
  weft_event* ran = ready.start();
  weft_event* copied = nullptr;
  ASSERT_EQ(npu.api().copy(ready.queue(), &ready.output, &there, &ran, 1, &copied, nullptr),
            WEFT_OK);
  EXPECT_EQ(npu.api().event_wait(copied, UINT64_MAX, nullptr), WEFT_OK);
  const std::vector<char> want = ready.result();
  EXPECT_EQ(std::memcmp(ready.bytes(there), want.data(), want.size()), 0);
  npu.api().event_destroy(ran);
  npu.api().event_destroy(copied);
}

// Each run waits for the last one of the other queue, with no wait of the host between.
TEST(VulkanNpuRun, queues_of_one_device_wait_for_each_other_without_the_host) {
  NEEDS_NPU();
  Npu npu;
  Graph g;
  matmul_integer(g, {5, 100, 130});
  const Data want = Device("reference").run(g)[0];
  Ready one(npu, g), other(npu, g);
  other.input = one.output;  // an i8 view of the sums: what is read there is written before
  other.input.dtype = WEFT_I8;
  other.input.shape[1] = other.input.stride[0] = 100;
  std::vector<weft_event*> events;
  for (int i = 0; i < 30; i++) {
    Ready& ready = i % 2 == 0 ? one : other;
    weft_event* previous = events.empty() ? nullptr : events.back();
    ready.args.waits = &previous;
    ready.args.wait_count = previous ? 1 : 0;
    events.push_back(ready.start());
  }
  EXPECT_EQ(npu.api().event_wait(events.back(), UINT64_MAX, nullptr), WEFT_OK);
  for (weft_event* event : events) {
    EXPECT_EQ(npu.api().event_wait(event, 0, nullptr), WEFT_OK);
    npu.api().event_destroy(event);
  }
  EXPECT_EQ(one.result(), want.bytes);
  // The second queue read the first one's sums, as bytes.
  Graph again;
  Data bytes = Data::zeros(WEFT_I8, {5, 100});
  std::memcpy(bytes.bytes.data(), want.bytes.data(), bytes.bytes.size());
  matmul_integer(again, {5, 100, 130});
  again.input_data(again.inputs[0]) = bytes;
  EXPECT_EQ(other.result(), Device("reference").run(again)[0].bytes);
}

TEST(VulkanNpuRun, wrong_arguments_poison_the_event_and_run_nothing) {
  NEEDS_NPU();
  Npu npu;
  Graph g;
  matmul_integer(g, {5, 100, 130});
  Ready ready(npu, g);
  const auto expect_refused = [&](auto change, auto& field, const char* words) {
    const auto before = field;
    change();
    EXPECT_LT(ready.run(), 0);
    EXPECT_NE(ready.message().find(words), std::string::npos) << ready.message();
    field = before;
  };
  expect_refused([&] { ready.input.shape[0] = 4; }, ready.input, "shape or type");
  expect_refused([&] { ready.input.stride[0] = 104; }, ready.input, "buffer");
  expect_refused([&] { ready.output.byte_offset = 8; }, ready.output, "outside its buffer");
  expect_refused([&] { ready.output.buffer = nullptr; }, ready.output, "no buffer");
  expect_refused([&] { ready.args.input_count = 0; }, ready.args, "inputs");
  expect_refused([&] { ready.args.workspace = nullptr; }, ready.args, "workspace is too small");
  EXPECT_EQ(ready.run(), WEFT_OK);
}

TEST(VulkanNpuRun, a_profile_has_a_record_per_node) {
  NEEDS_NPU();
  Npu npu;
  Graph g;
  matmul_integer(g, {5, 100, 130});
  Ready ready(npu, g);
  std::vector<std::pair<std::string, uint64_t>> records;
  weft_prof_sink sink{};
  sink.struct_size = sizeof sink;
  sink.ctx = &records;
  sink.record = [](void* ctx, const weft_prof_record* record) {
    EXPECT_LE(record->begin_ns, record->end_ns);
    static_cast<decltype(records)*>(ctx)->emplace_back(record->label, record->end_ns);
  };
  ready.args.profile = &sink;
  for (const uint32_t level : {0u, 1u, 2u}) {
    sink.level = level;
    EXPECT_EQ(ready.run(), WEFT_OK);
  }
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].first, "program");
  EXPECT_EQ(records[1].first, "MatMulInteger");
  EXPECT_LE(records[0].second, records[1].second);
}

// ------------------------------------------------------------------ tensors beyond one binding
// The codes of a cheap sequence.
Data sequence(std::vector<int64_t> shape, uint32_t seed) {
  Data data = Data::zeros(WEFT_I8, std::move(shape));
  for (char& byte : data.bytes) {
    seed = seed * 1664525u + 1013904223u;
    byte = char(seed >> 24);
  }
  return data;
}

TEST(VulkanNpuRun, a_result_larger_than_a_binding_is_computed_in_groups_of_rows) {
  NEEDS_NPU();
  const int64_t m = 64, n = 600000;  // 154 MB of sums; the least that a driver must bind is 128
  Graph g;
  const Data a = sequence({m, 1}, 1), w = sequence({1, n}, 2);
  const uint32_t y = g.activation("y", WEFT_I32, {m, n});
  g.node("MatMulInteger", {g.input("a", a), g.constant("w", w)}, {y});
  g.outputs = {y};
  const Data got = Npu().run(g)[0];
  const auto* sums = reinterpret_cast<const int32_t*>(got.bytes.data());
  int64_t wrong = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      wrong += sums[i * n + j] != a.bytes[size_t(i)] * w.bytes[size_t(j)];
  EXPECT_EQ(wrong, 0);
}

TEST(VulkanNpuRun, a_weight_larger_than_a_binding_is_read_in_groups_of_panels) {
  NEEDS_NPU();
  const int64_t k = 131064, n = 1030;  // 135 MB
  Graph g;
  const Data a = sequence({1, k}, 1), w = sequence({k, n}, 2);
  const uint32_t y = g.activation("y", WEFT_I32, {1, n});
  g.node("MatMulInteger", {g.input("a", a), g.constant("w", w)}, {y});
  g.outputs = {y};
  const Data got = Npu().run(g)[0];
  std::vector<int32_t> want(size_t(n), 0);
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < n; j++)
      want[size_t(j)] += a.bytes[size_t(i)] * w.bytes[size_t(i * n + j)];
  EXPECT_EQ(std::memcmp(got.bytes.data(), want.data(), got.bytes.size()), 0);
}

// ------------------------------------------------------------------ the validation layer
bool validates() {
  const char* layers = std::getenv("VK_INSTANCE_LAYERS");
  return layers && std::string(layers).find("validation") != std::string::npos;
}

weft_device* open_again(Device& device) {
  weft_device* out = nullptr;
  EXPECT_EQ(device.api().device_open(device.api().self, 0, nullptr, 0, &out, nullptr), WEFT_OK);
  return out;
}

TEST(VulkanNpuValidation, has_nothing_to_say_about_runs_and_copies) {
  NEEDS_NPU();
  if (!validates()) GTEST_SKIP() << "VK_INSTANCE_LAYERS names no validation layer";
  Npu npu;
  for (const int64_t rows : {5, 16}) {
    Graph g;
    qlinear_matmul(g, {rows, 96, 530}, 0.05f, true);
    Ready ready(npu, g);
    const weft_view there = ready.copy_target();
    for (int i = 0; i < 3; i++) {
      weft_event *ran = ready.start(), *copied = nullptr;
      ASSERT_EQ(npu.api().copy(ready.queue(), &ready.output, &there, &ran, 1, &copied, nullptr),
                WEFT_OK);
      EXPECT_EQ(npu.api().event_wait(copied, UINT64_MAX, nullptr), WEFT_OK);
      npu.api().event_destroy(ran);
      npu.api().event_destroy(copied);
    }
  }
  npu.api().device_close(open_again(npu));
  for (const std::string& line : npu.warnings()) ADD_FAILURE() << line;
}

// What shows that the layer is there: a buffer that outlives its device is reported.
TEST(VulkanNpuValidation, reports_a_buffer_that_is_left_behind) {
  NEEDS_NPU();
  if (!validates()) GTEST_SKIP() << "VK_INSTANCE_LAYERS names no validation layer";
  Npu npu;
  weft_device* second = open_again(npu);
  static weft_buffer* left_behind = nullptr;  // never freed: its device is gone
  const weft_buffer_desc desc{sizeof desc, 0, 64, "left behind"};
  ASSERT_EQ(npu.api().buffer_alloc(second, &desc, &left_behind, nullptr), WEFT_OK);
  EXPECT_TRUE(npu.warnings().empty());
  npu.api().device_close(second);
  EXPECT_FALSE(npu.warnings().empty());
  npu.expects_messages = true;
}

}  // namespace
}  // namespace weft::test
