// The allocation counter moves for every way to the heap, from any code of the process: only then
// does a count of zero mean something.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "core/base/counters.h"

namespace weft {
namespace {

uint64_t allocations() { return counters().heap_allocations; }

// How many allocations `work` makes. What it returns is freed outside the count.
template <typename Work>
uint64_t allocations_of(Work work) {
  const uint64_t before = allocations();
  void* volatile block = work();
  const uint64_t after = allocations();
  std::free(block);
  return after - before;
}

TEST(CountAllocations, says_that_it_counts) { EXPECT_TRUE(counters().counts_allocations); }

TEST(CountAllocations, stays_where_it_is_when_nothing_is_allocated) {
  std::vector<int> kept(1000);
  const uint64_t before = allocations();
  for (int& x : kept) x = int(&x - kept.data());
  EXPECT_EQ(allocations(), before);
}

TEST(CountAllocations, counts_each_function_of_the_c_heap) {
  EXPECT_EQ(allocations_of([] { return std::malloc(10); }), 1u);
  EXPECT_EQ(allocations_of([] { return std::calloc(10, 3); }), 1u);
  EXPECT_EQ(allocations_of([] { return std::realloc(nullptr, 10); }), 1u);
  EXPECT_EQ(allocations_of([] { return std::aligned_alloc(64, 128); }), 1u);
  EXPECT_EQ(allocations_of([] { return ::memalign(64, 128); }), 1u);
  EXPECT_EQ(allocations_of([] {
              void* block = nullptr;
              return ::posix_memalign(&block, 64, 100) == 0 ? block : nullptr;
            }),
            1u);
  void* volatile block = std::malloc(10);
  EXPECT_EQ(allocations_of([&] { return std::realloc(block, 100'000); }), 1u);
}

TEST(CountAllocations, gives_memory_that_is_aligned_and_zeroed_as_asked) {
  for (const size_t alignment : {16, 64, 4096}) {
    void* block = nullptr;
    ASSERT_EQ(::posix_memalign(&block, alignment, 3), 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
    std::free(block);
    block = std::aligned_alloc(alignment, alignment);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
    std::free(block);
  }
  auto* zeros = static_cast<unsigned char*>(std::calloc(100, 3));
  for (int i = 0; i < 300; ++i) ASSERT_EQ(zeros[i], 0);
  std::free(zeros);
}

TEST(CountAllocations, counts_new_and_what_containers_do) {
  const uint64_t before = allocations();
  const auto one = std::make_unique<int>(1);
  EXPECT_EQ(allocations(), before + 1);
  struct alignas(128) Wide {
    char bytes[128];
  };
  const auto wide = std::make_unique<Wide>();
  EXPECT_EQ(allocations(), before + 2);
  std::vector<int> grows;
  grows.reserve(10);
  EXPECT_EQ(allocations(), before + 3);
}

TEST(CountAllocations, counts_what_libraries_allocate) {
  EXPECT_EQ(allocations_of([] { return ::strdup("copied by the C library"); }), 1u);
  void* library = ::dlopen(WEFT_ALLOCATING_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library) << ::dlerror();
  const auto allocate = reinterpret_cast<void* (*)(size_t)>(::dlsym(library, "allocate"));
  ASSERT_TRUE(allocate);
  EXPECT_EQ(allocations_of([&] { return allocate(100); }), 1u);
  EXPECT_EQ(allocations_of([&] { return allocate(0); }), 0u);
}

TEST(CountAllocations, counts_on_every_thread) {
  constexpr int kThreads = 4, kEach = 1000;
  const uint64_t before = allocations();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < kEach; ++i) {
        void* volatile block = std::malloc(8);
        std::free(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(allocations() - before, uint64_t(kThreads * kEach));
}

}  // namespace
}  // namespace weft
