// The parts of the ABI that every backend has in common: events, queues, copies, blobs, external
// memory, range checks. Compiled into each test binary, for the backends that it names.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "tests/plugins/compare.h"
#include "tests/plugins/targets.h"

namespace weft::test {
namespace {

struct Buffer {
  const Device& device;
  const weft_api& api;
  uint64_t size;
  weft_buffer* handle = nullptr;
  Buffer(const Device& d, std::vector<float> values)
      : device(d), api(d.api()), size(values.size() * sizeof(float)) {
    weft_buffer_desc desc{sizeof desc, 0, size, "test"};
    weft_error error = fresh_error();
    d.check(api.buffer_alloc(d.handle(), &desc, &handle, &error), error);
    std::memcpy(map(2), values.data(), size);
    unmap();
  }
  ~Buffer() { api.buffer_free(handle); }
  void* map(uint32_t mode) { return map(mode, 0, size); }
  void* map(uint32_t mode, uint64_t offset, uint64_t bytes) {
    EXPECT_EQ(api.buffer_map(handle, offset, bytes, mode, &mapped, nullptr), WEFT_OK);
    return mapped;
  }
  void unmap() { EXPECT_EQ(api.buffer_unmap(handle, mapped, nullptr), WEFT_OK); }
  std::vector<float> floats() {
    const float* from = static_cast<const float*>(map(1));
    std::vector<float> out(from, from + size / sizeof(float));
    unmap();
    return out;
  }
  void* mapped = nullptr;
};

std::vector<float> counting(size_t n) {
  std::vector<float> out(n);
  for (size_t i = 0; i < n; i++) out[i] = float(i);
  return out;
}

weft_view view_of(weft_buffer* buffer, std::vector<int64_t> shape, std::vector<int64_t> stride,
                  uint64_t offset = 0) {
  weft_view view{};
  view.buffer = buffer;
  view.byte_offset = offset;
  view.dtype = WEFT_F32;
  view.rank = uint32_t(shape.size());
  std::copy(shape.begin(), shape.end(), view.shape);
  std::copy(stride.begin(), stride.end(), view.stride);
  return view;
}

struct Queue {
  const weft_api& api;
  weft_queue* handle = nullptr;
  explicit Queue(const Device& d) : api(d.api()) {
    weft_queue_desc desc{sizeof desc, 0, 0, 0};
    EXPECT_EQ(api.queue_create(d.handle(), &desc, &handle, nullptr), WEFT_OK);
  }
  ~Queue() { api.queue_destroy(handle); }
};

// A device of each target; what is asked of a plugin holds for all.
class Protocol : public TargetTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Protocol, testing::ValuesIn(targets()), name_of_target);

TEST_P(Protocol, a_strided_copy_moves_exactly_its_elements) {
  Device d = open();
  Buffer a(d, counting(16)), b(d, std::vector<float>(16, -1));
  Queue q(d);
  const weft_view src = view_of(a.handle, {2, 3}, {8, 2}, 4),
                  dst = view_of(b.handle, {2, 3}, {1, 4});
  weft_event* done = nullptr;
  ASSERT_EQ(d.api().copy(q.handle, &src, &dst, nullptr, 0, &done, nullptr), WEFT_OK);
  EXPECT_EQ(d.api().event_wait(done, UINT64_MAX, nullptr), WEFT_OK);
  EXPECT_EQ(d.api().event_wait(done, 0, nullptr), WEFT_OK);
  d.api().event_destroy(done);
  const std::vector<float> want = {1, 9, -1, -1, 3, 11, -1, -1, 5, 13, -1, -1, -1, -1, -1, -1};
  EXPECT_EQ(b.floats(), want);
}

TEST_P(Protocol, a_mapping_that_only_writes_changes_its_whole_range_and_nothing_else) {
  Device d = open();
  Buffer a(d, counting(16));
  float* part = static_cast<float*>(a.map(2, 4 * sizeof(float), 3 * sizeof(float)));
  for (const float value : {-1.0f, -2.0f, -3.0f}) *part++ = value;
  a.unmap();
  std::vector<float> want = counting(16);
  want[4] = -1, want[5] = -2, want[6] = -3;
  EXPECT_EQ(a.floats(), want);
}

TEST_P(Protocol, a_mapping_that_reads_and_writes_keeps_what_the_host_leaves_alone) {
  Device d = open();
  Buffer a(d, counting(16));
  float* part = static_cast<float*>(a.map(3, 4 * sizeof(float), 3 * sizeof(float)));
  EXPECT_EQ(part[2], 6);
  part[1] = -2;
  a.unmap();
  std::vector<float> want = counting(16);
  want[5] = -2;
  EXPECT_EQ(a.floats(), want);
}

TEST_P(Protocol, a_view_that_leaves_its_buffer_is_refused) {
  Device d = open();
  Buffer a(d, counting(16)), b(d, counting(16));
  Queue q(d);
  const weft_view good = view_of(b.handle, {4}, {1});
  for (const weft_view& bad :
       {view_of(a.handle, {4}, {1}, 52), view_of(a.handle, {4}, {6}), view_of(a.handle, {4}, {-1}),
        view_of(a.handle, {4}, {1}, 2), view_of(a.handle, {4}, {INT64_MAX / 2})}) {
    weft_event* done = nullptr;
    weft_error error = fresh_error();
    ASSERT_EQ(d.api().copy(q.handle, &bad, &good, nullptr, 0, &done, &error), WEFT_OK);
    EXPECT_EQ(d.api().event_wait(done, UINT64_MAX, &error), WEFT_E_INVALID);
    EXPECT_NE(std::strlen(error.message), 0u);
    d.api().event_destroy(done);
  }
}

TEST_P(Protocol, work_that_waits_for_a_pending_event_runs_when_it_is_signalled) {
  Device d = open();
  const weft_api& api = d.api();
  Buffer a(d, counting(4)), b(d, std::vector<float>(4, -1));
  Queue q(d);
  weft_event* gate = nullptr;
  ASSERT_EQ(api.event_create(d.handle(), &gate, nullptr), WEFT_OK);
  const weft_view src = view_of(a.handle, {4}, {1}), dst = view_of(b.handle, {4}, {1});
  weft_event *first = nullptr, *second = nullptr;
  ASSERT_EQ(api.copy(q.handle, &src, &dst, &gate, 1, &first, nullptr), WEFT_OK);
  // In order: the second has no wait of its own, but must not overtake the first.
  ASSERT_EQ(api.copy(q.handle, &dst, &src, nullptr, 0, &second, nullptr), WEFT_OK);
  EXPECT_EQ(api.event_wait(first, 0, nullptr), WEFT_PENDING);
  EXPECT_EQ(api.event_wait(second, 1000, nullptr), WEFT_PENDING);
  EXPECT_EQ(b.floats()[1], -1);
  std::thread other([&] { EXPECT_EQ(api.event_signal(gate, WEFT_OK, nullptr), WEFT_OK); });
  EXPECT_EQ(api.event_wait(second, UINT64_MAX, nullptr), WEFT_OK);
  other.join();
  EXPECT_EQ(b.floats()[1], 1);
  weft_error error = fresh_error();
  EXPECT_EQ(api.event_signal(gate, WEFT_OK, &error), WEFT_E_INVALID);
  for (weft_event* event : {gate, first, second}) api.event_destroy(event);
}

TEST_P(Protocol, a_poisoned_event_poisons_what_waits_for_it) {
  Device d = open();
  const weft_api& api = d.api();
  Buffer a(d, counting(4)), b(d, {7, 7, 7, 7});
  Queue q(d);
  const weft_view src = view_of(a.handle, {4}, {1}), dst = view_of(b.handle, {4}, {1});
  for (bool before : {true, false}) {
    weft_event *gate = nullptr, *done = nullptr;
    ASSERT_EQ(api.event_create(d.handle(), &gate, nullptr), WEFT_OK);
    if (before) api.event_signal(gate, WEFT_E_CANCELLED, nullptr);
    ASSERT_EQ(api.copy(q.handle, &src, &dst, &gate, 1, &done, nullptr), WEFT_OK);
    std::atomic<weft_status> seen = 1;
    api.event_on_done(
        done, [](void* arg, weft_status s) { *static_cast<std::atomic<weft_status>*>(arg) = s; },
        &seen, nullptr);
    if (!before) api.event_signal(gate, WEFT_E_CANCELLED, nullptr);
    EXPECT_EQ(api.event_wait(done, UINT64_MAX, nullptr), WEFT_E_CANCELLED);
    while (seen == 1) std::this_thread::yield();  // it may come from a thread of the plugin
    EXPECT_EQ(seen, WEFT_E_CANCELLED);
    // What comes later on the queue and waits for the poisoned event is poisoned as well.
    weft_event* next = nullptr;
    ASSERT_EQ(api.copy(q.handle, &src, &dst, &done, 1, &next, nullptr), WEFT_OK);
    EXPECT_EQ(api.event_wait(next, UINT64_MAX, nullptr), WEFT_E_CANCELLED);
    api.event_destroy(next);
    EXPECT_EQ(b.floats()[0], 7);
    api.event_destroy(gate);
    api.event_destroy(done);
  }
}

TEST_P(Protocol, imported_host_memory_is_used_in_place) {
  Device d = open();
  const auto* external = static_cast<const weft_ext_external_memory_1*>(
      d.api().get_extension(d.api().self, WEFT_EXT_EXTERNAL_MEMORY));
  ASSERT_NE(external, nullptr);
  EXPECT_EQ(d.api().get_extension(d.api().self, "weft.external_memory/10"), nullptr);
  alignas(4096) float memory[16] = {1, 2, 3};
  weft_external handle{sizeof handle, WEFT_HANDLE_HOST_PTR, -1, memory, sizeof memory - 4, 4};
  weft_buffer* buffer = nullptr;
  ASSERT_EQ((external->kinds(d.handle(), 0) & 1u << WEFT_HANDLE_HOST_PTR) != 0,
            GetParam().shares_memory);
  if (!GetParam().shares_memory) {
    weft_error error = fresh_error();
    EXPECT_EQ(external->import_buffer(d.handle(), &handle, &buffer, &error), WEFT_E_UNSUPPORTED);
    EXPECT_NE(std::strlen(error.message), 0u);
    return;
  }
  ASSERT_EQ(external->import_buffer(d.handle(), &handle, &buffer, nullptr), WEFT_OK);
  void* mapped = nullptr;
  EXPECT_EQ(d.api().buffer_map(buffer, 0, 4, 1, &mapped, nullptr), WEFT_OK);
  EXPECT_EQ(mapped, memory + 1);
  EXPECT_EQ(d.api().buffer_unmap(buffer, mapped, nullptr), WEFT_OK);
  weft_error error = fresh_error();
  EXPECT_EQ(d.api().buffer_map(buffer, 1, sizeof memory, 1, &mapped, &error), WEFT_E_INVALID);
  d.api().buffer_free(buffer);
}

void tied_graph(Graph& g, float first) {
  std::vector<float> w(40 * 33, 0.5f);
  w[0] = first;
  const uint32_t x = g.input("x", Data::floats({2, 40}, Random(1).reals(80)));
  const uint32_t weight = g.constant("w", Data::floats({40, 33}, w));
  const uint32_t bias = g.constant("bias", Data::floats({33}, Random(2).reals(33)));
  const uint32_t h = g.activation("h", WEFT_F32, {2, 33});
  const uint32_t y = g.activation("y", WEFT_F32, {2, 33});
  g.node("MatMul", {x, weight}, {h});
  g.node("Add", {h, bias}, {y});
  g.outputs = {y};
}

// A blob where compile() wants it: aligned, and not longer than it says.
struct AlignedBlob {
  explicit AlignedBlob(const std::vector<char>& bytes)
      : memory(static_cast<char*>(std::aligned_alloc(64, bytes.size() / 64 * 64 + 64)), std::free) {
    if (!bytes.empty()) std::memcpy(memory.get(), bytes.data(), bytes.size());
    options.blob = memory.get();
    options.blob_size = bytes.size();
  }
  std::unique_ptr<char, decltype(&std::free)> memory;
  RunOptions options;
};

TEST_P(Protocol, a_program_compiled_from_its_blob_computes_the_same) {
  if (!GetParam().runs_floats) GTEST_SKIP() << "no floats";
  Device d = open();
  if (!d.api().program_save) GTEST_SKIP() << "nothing is saved";
  Graph g;
  tied_graph(g, 1);
  std::vector<char> blob, second;
  RunOptions options;
  options.save_to = &blob;
  const std::vector<float> want = d.run(g, options)[0].floats();
  options.save_to = &second;
  d.run(g, options);
  uint32_t verdict = 99;
  EXPECT_EQ(d.api().blob_check(d.handle(), blob.data(), 64, &verdict, nullptr), WEFT_OK);
  EXPECT_EQ(verdict, WEFT_BLOB_OPTIMAL);
  // Each blob is enough by itself, whatever else was saved.
  for (const std::vector<char>& bytes : {blob, second})
    EXPECT_EQ(open().run(g, AlignedBlob(bytes).options)[0].floats(), want);
  // And whatever else the device holds.
  EXPECT_EQ(d.run(g, AlignedBlob(blob).options)[0].floats(), want);
}

TEST_P(Protocol, a_wrong_blob_is_stale_and_never_used) {
  if (!GetParam().runs_floats) GTEST_SKIP() << "no floats";
  Device d = open();
  if (!d.api().program_save) GTEST_SKIP() << "nothing is saved";
  Graph g, other;
  tied_graph(g, 1);
  tied_graph(other, 2);
  std::vector<char> blob;
  RunOptions options;
  options.save_to = &blob;
  d.run(g, options);
  const auto expect_stale = [&](Graph& graph, const std::vector<char>& bytes, const char* what) {
    for (const bool is_fresh : {false, true}) {
      try {
        const AlignedBlob from(bytes);
        if (is_fresh) {
          open().run(graph, from.options);
        } else {
          d.run(graph, from.options);
        }
        ADD_FAILURE() << what << " was accepted";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()).substr(0, 3), "-6:") << what << error.what();
      }
    }
  };
  if (GetParam().blob_holds_constants) expect_stale(other, blob, "the blob of other weights");
  for (size_t cut : {size_t(0), size_t(10), size_t(40), size_t(63), size_t(200), blob.size() - 64})
    expect_stale(g, {blob.begin(), blob.begin() + long(std::min(cut, blob.size() - 1))},
                 "a truncated blob");
  // Of its directory; where the bytes after that are a driver's, of those as well.
  std::vector<size_t> places = {0, 8, 16, 104, 112};
  if (!GetParam().blob_holds_constants) places = {0, 8, 16, 24, 32, 64, blob.size() - 1};
  for (size_t at : places) {
    std::vector<char> flipped = blob;
    flipped.at(at) = char(flipped.at(at) ^ 0x41);
    expect_stale(g, flipped, "a blob with a flipped bit");
  }
  uint32_t verdict = 99;
  EXPECT_EQ(d.api().blob_check(d.handle(),
                               "something else, 64 bytes or more of another program's "
                               "file, which is none of ours",
                               64, &verdict, nullptr),
            WEFT_OK);
  EXPECT_EQ(verdict, WEFT_BLOB_FOREIGN);
}

TEST_P(Protocol, a_value_placed_outside_its_parent_is_refused_before_anything_runs) {
  if (!GetParam().runs_floats) GTEST_SKIP() << "no floats";
  for (int64_t rows : {2, 3}) {
    Graph g;
    const uint32_t past = g.slot(0, 8);
    const uint32_t cache =
        g.input("cache", Data::floats({1, 4, 2}, std::vector<float>(8)), {}, WEFT_VALUE_STATE);
    const uint32_t x = g.input("x", Data::floats({1, 2, 2}, {1, 2, 3, 4}));
    const uint32_t row = g.view("row", WEFT_F32, {1, 2, 2}, cache, D::slot(past));
    const uint32_t y = g.activation("y", WEFT_F32, {1, 2, 2});
    g.node("Neg", {x}, {row});
    g.node("Neg", {row}, {y});
    g.outputs = {y};
    RunOptions options;
    options.slots = {rows * 2 * 4};
    Device d = open();
    if (rows == 2) {
      EXPECT_EQ(d.run(g, options)[0].floats(), (std::vector<float>{1, 2, 3, 4}));
      EXPECT_EQ(g.input_data(cache).floats(), (std::vector<float>{0, 0, 0, 0, -1, -2, -3, -4}));
    } else {
      EXPECT_THROW(d.run(g, options), std::runtime_error);
      EXPECT_EQ(g.input_data(cache).floats(), std::vector<float>(8));
    }
  }
}

}  // namespace
}  // namespace weft::test
