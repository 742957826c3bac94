// The emulated NPU's address space, stored programs, and what a run records: everything of the
// plugin but the numbers.
#include <cstring>

#include "tests/plugins/vulkan_npu/products.h"

namespace weft::test {
namespace {

weft_status allocate(Device& device, uint64_t size, weft_buffer** out, weft_error* error) {
  weft_buffer_desc desc{sizeof desc, 0, size, "test"};
  return device.api().buffer_alloc(device.handle(), &desc, out, error);
}

TEST(VulkanNpuMemory, ends_at_the_cap_and_says_how_much_is_left) {
  NEEDS_NPU();
  Npu npu({{"cap", "1M"}});
  weft_error error = fresh_error();
  weft_buffer *first = nullptr, *second = nullptr;
  ASSERT_EQ(allocate(npu, 700 << 10, &first, &error), WEFT_OK);
  EXPECT_EQ(allocate(npu, 400 << 10, &second, &error), WEFT_E_OUT_OF_MEMORY);
  EXPECT_EQ(second, nullptr);
  EXPECT_NE(std::string(error.message).find("331776 are free"), std::string::npos) << error.message;
  EXPECT_EQ(allocate(npu, UINT64_MAX, &second, &error), WEFT_E_OUT_OF_MEMORY);
  npu.api().buffer_free(first);
  EXPECT_EQ(allocate(npu, 400 << 10, &second, &error), WEFT_OK);
  npu.api().buffer_free(second);
}

TEST(VulkanNpuMemory, a_weight_beyond_the_cap_is_refused_with_both_numbers) {
  NEEDS_NPU();
  Npu npu({{"cap", "64K"}});
  Graph g;
  matmul_integer(g, {1, 1024, 100});
  const auto refused = npu.claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, WEFT_REFUSE_LIMIT);
  EXPECT_NE(refused[0].why.find("does not fit the NPU's memory"), std::string::npos);
}

TEST(VulkanNpuMemory, options_that_cannot_be_meant_are_errors_in_words) {
  NEEDS_NPU();
  const std::pair<const char*, const char*> wrong[] = {{"cap", "much"}, {"cap", "0"},
                                                       {"cap", "4T"},   {"memory", "yours"},
                                                       {"device", "x"}, {"device", "999"}};
  for (const auto& [key, value] : wrong) {
    try {
      Npu npu({{key, value}});
      ADD_FAILURE() << key << "=" << value << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, 3), "-1:") << error.what();
    }
  }
  const Npu npu({{"colour", "blue"}});
  ASSERT_EQ(npu.warnings().size(), 1u);
  EXPECT_NE(npu.warnings()[0].find("colour"), std::string::npos);
}

TEST(VulkanNpuDevice, is_not_there_without_a_driver_and_says_what_to_install) {
  NEEDS_NPU();
  // The loader's name for the list of drivers, now and before.
  const char* names[] = {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"};
  for (const char* name : names) ::setenv(name, "/nonexistent/driver.json", 1);
  const std::string why = why_no_npu();
  for (const char* name : names) ::unsetenv(name);
  EXPECT_NE(why.find("no Vulkan driver is installed"), std::string::npos) << why;
  EXPECT_NE(why.find("mesa-vulkan-drivers"), std::string::npos) << why;
}

const weft_ext_external_memory_1& external_of(Device& device) {
  return *static_cast<const weft_ext_external_memory_1*>(
      device.api().get_extension(device.api().self, WEFT_EXT_EXTERNAL_MEMORY));
}

TEST(VulkanNpuMemory, is_its_own_unless_the_host_shares) {
  NEEDS_NPU();
  Npu npu;
  EXPECT_EQ(external_of(npu).kinds(npu.handle(), 0), 0u);
  alignas(4096) static char page[4096];
  const weft_external handle{sizeof handle, WEFT_HANDLE_HOST_PTR, -1, page, sizeof page, 0};
  weft_buffer* buffer = nullptr;
  weft_error error = fresh_error();
  EXPECT_EQ(external_of(npu).import_buffer(npu.handle(), &handle, &buffer, &error),
            WEFT_E_UNSUPPORTED);
  EXPECT_NE(std::string(error.message).find("memory=host"), std::string::npos);
}

// Drivers in software take any pointer; those of hardware do not.
TEST(VulkanNpuMemory, of_the_host_is_taken_in_whole_pages_only) {
  NEEDS_NPU();
  Npu npu({{"memory", "host"}});
  if (!external_of(npu).kinds(npu.handle(), 0)) GTEST_SKIP() << "no VK_EXT_external_memory_host";
  constexpr uint64_t kPage = 65536;
  alignas(kPage) static char pages[2 * kPage];
  const auto import = [&](char* at, uint64_t size) {
    const weft_external handle{sizeof handle, WEFT_HANDLE_HOST_PTR, -1, at, size, 0};
    weft_buffer* buffer = nullptr;
    weft_error error = fresh_error();
    const weft_status status =
        external_of(npu).import_buffer(npu.handle(), &handle, &buffer, &error);
    void* mapped = nullptr;
    if (status == WEFT_OK) {
      EXPECT_EQ(npu.api().buffer_map(buffer, 64, 1, 3, &mapped, nullptr), WEFT_OK);
      EXPECT_EQ(mapped, at + 64) << "used in place";
      npu.api().buffer_free(buffer);
    }
    return status;
  };
  EXPECT_EQ(import(pages, kPage), WEFT_OK);
  EXPECT_EQ(import(pages + kPage, kPage), WEFT_OK);
  EXPECT_EQ(import(pages + 64, kPage), WEFT_E_INVALID);
  EXPECT_EQ(import(pages, kPage + 100), WEFT_E_INVALID);
  EXPECT_EQ(import(pages, 0), WEFT_E_INVALID);
}

// ------------------------------------------------------------------ stored programs
struct Aligned {
  std::unique_ptr<char, decltype(&std::free)> bytes;
  size_t size;
  explicit Aligned(const std::vector<char>& from)
      : bytes(static_cast<char*>(std::aligned_alloc(64, (from.size() + 64) / 64 * 64)), std::free),
        size(from.size()) {
    if (size) std::memcpy(bytes.get(), from.data(), size);
  }
};

std::vector<char> stored(Graph& g, Data* result = nullptr) {
  std::vector<char> blob;
  RunOptions options;
  options.save_to = &blob;
  const Data out = Npu().run(g, options)[0];
  if (result) *result = out;
  return blob;
}

TEST(VulkanNpuBlob, gives_the_same_codes_without_packing_anew) {
  NEEDS_NPU();
  Graph g;
  qlinear_matmul(g, {3, 70, 600}, 0.05f, true);
  Data want;
  const Aligned blob(stored(g, &want));
  ASSERT_EQ(blob.size % 64, 0u);
  Npu npu;
  uint32_t verdict = 99;
  EXPECT_EQ(npu.api().blob_check(npu.handle(), blob.bytes.get(), 64, &verdict, nullptr), WEFT_OK);
  EXPECT_EQ(verdict, WEFT_BLOB_OPTIMAL);
  RunOptions from;
  from.blob = blob.bytes.get();
  from.blob_size = blob.size;
  EXPECT_EQ(npu.run(g, from)[0].bytes, want.bytes);
  // The codes come from the blob: other codes there are other sums.
  const_cast<char*>(blob.bytes.get())[blob.size - 64 * 60] ^= 0x55;
  EXPECT_NE(Npu().run(g, from)[0].bytes, want.bytes);
}

TEST(VulkanNpuBlob, is_stale_when_it_is_another_or_broken) {
  NEEDS_NPU();
  Graph g, other;
  qlinear_matmul(g, {3, 70, 50}, 0.05f, true);
  qlinear_matmul(other, {3, 70, 50}, 0.06f, true);
  const std::vector<char> blob = stored(g);
  Npu npu;
  const auto expect_stale = [&](Graph& graph, const std::vector<char>& bytes, const char* what) {
    const Aligned mapped(bytes);
    RunOptions from;
    from.blob = mapped.bytes.get();
    from.blob_size = mapped.size;
    try {
      npu.run(graph, from);
      ADD_FAILURE() << what << " was accepted";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, 3), "-6:") << what << error.what();
    }
  };
  expect_stale(other, blob, "a blob of other scales");
  for (const size_t cut : {size_t(0), size_t(10), size_t(64), size_t(100), blob.size() - 64})
    expect_stale(g, {blob.begin(), blob.begin() + long(cut)}, "a truncated blob");
  for (const size_t at : {0, 8, 16, 64, 72, 80, 100, 160, 168}) {
    std::vector<char> flipped = blob;
    flipped[at] = char(flipped[at] ^ 0x41);
    expect_stale(g, flipped, "a blob with a flipped bit in its directory");
  }
}

// Programs of one device share equal weights: the second takes none of the cap.
TEST(VulkanNpuMemory, holds_equal_weights_once) {
  NEEDS_NPU();
  Npu npu({{"cap", "600K"}});
  Graph g;
  matmul_integer(g, {1, 1024, 400});
  const weft_graph pod = g.pod();
  weft_compile_args args{};
  args.struct_size = sizeof args;
  args.graph = &pod;
  std::vector<weft_program*> programs(3);
  for (weft_program*& program : programs) {
    weft_error error = fresh_error();
    EXPECT_EQ(npu.api().compile(npu.handle(), &args, &program, &error), WEFT_OK) << error.message;
  }
  for (weft_program* program : programs) npu.api().program_destroy(program);
}

}  // namespace
}  // namespace weft::test
