// What the kernel benchmarks share: the chosen kernels, packed matrices of random codes, and timing
// of a team of threads. Times are medians of many runs, so that a busy neighbour shows up little.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "plugins/common/team.h"
#include "plugins/cpu/kernels/kernels.h"

namespace weft::bench {

inline cpu::Kernels best_kernels() {
  cpu::Kernels table{};
  cpu::base::install(table);
  const char* forced = std::getenv("WEFT_CPU_ISA");
  const std::string isa = forced ? forced : "";
  if (isa == "base") return table;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) cpu::avx2::install(table);
  if (isa == "avx2") return table;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    cpu::avx512::install(table);
  if (isa == "avx512") return table;
  if (__builtin_cpu_supports("avx512vnni")) cpu::vnni::install(table);
  if (isa == "vnni") return table;
  if (__builtin_cpu_supports("avx512bf16")) cpu::bf16::install(table);
  return table;
}

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};
template <typename T>
using Aligned = std::unique_ptr<T[], FreeDeleter>;
template <typename T>
Aligned<T> aligned(size_t count) {
  const size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
  Aligned<T> p(static_cast<T*>(std::aligned_alloc(64, bytes)));
  for (size_t i = 0; i < bytes; i++) reinterpret_cast<unsigned char*>(p.get())[i] = 0;
  return p;
}

// A packed matrix of random codes, with halves of 1 and -8 as scales and offsets.
struct Packed {
  cpu::PackedMatrix matrix;
  Aligned<char> bytes;
  int64_t size;
};
inline Packed packed(uint32_t kind, int64_t k, int64_t n, int64_t block) {
  Packed p;
  const int64_t header = kind == cpu::kPackedF32 ? 0 : 64;
  const int64_t codes = kind == cpu::kPackedF32  ? 64
                        : kind == cpu::kPackedU4 ? block * 8
                                                 : block * 16;
  const int64_t blocks = kind == cpu::kPackedF32 ? k : (k + block - 1) / block;
  const int64_t block_bytes = header + codes, tiles = (n + 15) / 16;
  p.matrix = {
      nullptr,         k, n,     tiles, blocks * block_bytes, kind, uint32_t(block), block_bytes, 1,
      cpu::kOffsetF16, 0, header};
  p.size = tiles * p.matrix.tile_bytes;
  p.bytes = aligned<char>(size_t(p.size));
  p.matrix.data = p.bytes.get();
  for (int64_t at = 0; header && at < p.size; at += block_bytes) {
    uint16_t* halves = reinterpret_cast<uint16_t*>(p.bytes.get() + at);
    for (int i = 0; i < 16; i++) halves[i] = 0x3c00, halves[16 + i] = 0xc800;
    for (int64_t i = header; i < block_bytes; i++) p.bytes[size_t(at + i)] = char(i * 37 + at);
  }
  return p;
}

// Random activations as records of int8 codes.
inline Aligned<char> records(const cpu::Kernels& kernels, int64_t rows, int64_t k, int64_t block) {
  const int64_t chunks = cpu::chunks_of(k, block);
  auto out = aligned<char>(size_t(rows * chunks * cpu::kRecordBytes));
  auto x = aligned<float>(size_t(k));
  for (int64_t i = 0; i < k; i++) x[size_t(i)] = float(i * 7919 % 101) - 50;
  for (int64_t r = 0; r < rows; r++) {
    const int64_t first = r / cpu::kGroupRows * cpu::kGroupRows;
    const int64_t group = std::min(cpu::kGroupRows, rows - first);
    char* to = out.get() + (first * chunks + (r - first)) * cpu::kRecordBytes;
    kernels.quantize(x.get(), k, block, 0, to, group * cpu::kRecordBytes, nullptr);
  }
  return out;
}

inline double now(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

// Median seconds of body(thread, threads) run by all threads at once; repeated for about 0.3 s. A
// thread that is alone is timed by its own processor time, so that neighbours are not counted.
inline double seconds(uint32_t threads, const std::function<void(uint32_t, uint32_t)>& body) {
  common::Barrier barrier;
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (uint32_t id = 1; id < threads; id++)
    workers.emplace_back([&, id] {
      while (true) {
        barrier.wait(threads);
        if (stop) return;
        body(id, threads);
        barrier.wait(threads);
      }
    });
  const auto meet = [&] {
    if (threads > 1) barrier.wait(threads);
  };
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < 5 || Clock::now() - start < std::chrono::milliseconds(300)) {
    const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const double begin = now(clock);
    meet();
    body(0, threads);
    meet();
    times.push_back(now(clock) - begin);
  }
  stop = true;
  meet();
  for (std::thread& worker : workers) worker.join();
  std::nth_element(times.begin(), times.begin() + long(times.size() / 2), times.end());
  return times[times.size() / 2];
}

// GFLOP/s of the register tile over 4 KiB of operands that never leave the first-level cache: what
// the processor's multiply-adds give at best.
inline double peak_rate(uint32_t threads) {
  const cpu::Kernels kernels = best_kernels();
  std::vector<Aligned<float>> a, b, c, panel;
  for (uint32_t i = 0; i < threads; i++) {
    a.push_back(aligned<float>(12 * 64));
    b.push_back(aligned<float>(64 * 32));
    c.push_back(aligned<float>(12 * 32));
    panel.push_back(aligned<float>(size_t(cpu::kGemmPanelFloats)));
  }
  constexpr int kRepeats = 2000;
  const double t = seconds(threads, [&](uint32_t id, uint32_t) {
    for (int i = 0; i < kRepeats; i++)
      kernels.matmul(a[id].get(), 64, b[id].get(), 32, c[id].get(), 32, 12, 64, 32,
                     panel[id].get());
  });
  return threads * double(kRepeats) * 2 * 12 * 64 * 32 / t * 1e-9;
}

}  // namespace weft::bench
