// What this machine can do at best: reading memory, by the size of what is read, and arithmetic in
// registers. Prints one JSON object:
//
//   {"cpu": "...", "limits": [{"name": "read_16MiB", "threads": 1, "unit": "GB/s",
//                              "median": 28.1, "max": 28.6}, ...]}
//
//   limits [REPEATS]     40 when not given
//
// Each loop is compiled for its instructions and runs only where the processor has them, so the
// binary may be built anywhere; a limit that the processor lacks is not in the list. With t
// threads, t pinned threads share the set that is read, and each computes as much as one does
// alone. A repeat takes some milliseconds, so that max finds the machine's own speed between other
// processes' turns.
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kLargestSet = 2048 * kMiB;
constexpr int kAccumulators = 16;  // enough to hide the latency of any of the instructions

// Results end here, so that no loop is dropped as unused.
volatile float sink;

// --- reading: every byte of [begin, begin + size) once; size is a multiple of 512 ---

using ReadFn = void (*)(const char* begin, size_t size);

void read_base(const char* begin, size_t size) {
  __m128i sum[8] = {};
  for (const char* p = begin; p < begin + size; p += 128) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
      sum[i] = _mm_or_si128(sum[i], _mm_load_si128(reinterpret_cast<const __m128i*>(p) + i));
  }
  for (int i = 1; i < 8; i++) sum[0] = _mm_or_si128(sum[0], sum[i]);
  sink = float(_mm_cvtsi128_si32(sum[0]));
}

__attribute__((target("avx2"))) void read_avx2(const char* begin, size_t size) {
  __m256i sum[8] = {};
  for (const char* p = begin; p < begin + size; p += 256) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
      sum[i] = _mm256_or_si256(sum[i], _mm256_load_si256(reinterpret_cast<const __m256i*>(p) + i));
  }
  for (int i = 1; i < 8; i++) sum[0] = _mm256_or_si256(sum[0], sum[i]);
  sink = float(_mm_cvtsi128_si32(_mm256_castsi256_si128(sum[0])));
}

__attribute__((target("avx512f"))) void read_avx512(const char* begin, size_t size) {
  __m512i sum[8] = {};
  for (const char* p = begin; p < begin + size; p += 512) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) sum[i] = _mm512_or_si512(sum[i], _mm512_load_si512(p + 64 * i));
  }
  for (int i = 1; i < 8; i++) sum[0] = _mm512_or_si512(sum[0], sum[i]);
  sink = float(_mm512_reduce_or_epi32(sum[0]));
}

ReadFn best_read() {
  if (__builtin_cpu_supports("avx512f")) return read_avx512;
  return __builtin_cpu_supports("avx2") ? read_avx2 : read_base;
}

// --- arithmetic: `rounds` times one instruction on each of kAccumulators registers ---

using ComputeFn = void (*)(int64_t rounds);

struct Compute {
  const char* name;
  ComputeFn run = nullptr;  // null: the processor has no such instruction
  double operations = 0;    // of one instruction
  const char* unit = "GFLOP/s";
};

void f32_base(int64_t rounds) {
  __m128 a[kAccumulators], b = _mm_set1_ps(0.9999f), c = _mm_set1_ps(1e-6f);
  for (auto& x : a) x = b;
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 16
    for (auto& x : a) x = _mm_add_ps(_mm_mul_ps(x, b), c);
  }
  for (int i = 1; i < kAccumulators; i++) a[0] = _mm_add_ps(a[0], a[i]);
  sink = _mm_cvtss_f32(a[0]);
}

__attribute__((target("avx2,fma"))) void f32_avx2(int64_t rounds) {
  constexpr int kRegisters = 12;  // of 16, beside the two operands
  __m256 a[kRegisters], b = _mm256_set1_ps(0.9999f), c = _mm256_set1_ps(1e-6f);
  for (auto& x : a) x = b;
  for (int64_t r = 0; r < rounds * kAccumulators / kRegisters; r++) {
#pragma GCC unroll 16
    for (auto& x : a) x = _mm256_fmadd_ps(x, b, c);
  }
  for (int i = 1; i < kRegisters; i++) a[0] = _mm256_add_ps(a[0], a[i]);
  sink = _mm256_cvtss_f32(a[0]);
}

__attribute__((target("avx512f"))) void f32_avx512(int64_t rounds) {
  __m512 a[kAccumulators], b = _mm512_set1_ps(0.9999f), c = _mm512_set1_ps(1e-6f);
  for (auto& x : a) x = b;
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 16
    for (auto& x : a) x = _mm512_fmadd_ps(x, b, c);
  }
  for (int i = 1; i < kAccumulators; i++) a[0] = _mm512_add_ps(a[0], a[i]);
  sink = _mm512_reduce_add_ps(a[0]);
}

__attribute__((target("avx512f,avx512vnni"))) void int8_vnni(int64_t rounds) {
  __m512i a[kAccumulators], b = _mm512_set1_epi8(3), c = _mm512_set1_epi8(5);
  asm volatile("" : "+v"(b), "+v"(c));  // their values are not known to the compiler
  for (auto& x : a) x = b;
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 16
    for (auto& x : a) x = _mm512_dpbusd_epi32(x, b, c);
  }
  for (int i = 1; i < kAccumulators; i++) a[0] = _mm512_add_epi32(a[0], a[i]);
  sink = float(_mm512_reduce_add_epi32(a[0]));
}

__attribute__((target("avx512f,avx512bf16"))) void bf16_dot(int64_t rounds) {
  __m512 a[kAccumulators];
  __m512i b = _mm512_set1_epi16(0x3c00), c = b;
  asm volatile("" : "+v"(b), "+v"(c));
  for (auto& x : a) x = _mm512_setzero_ps();
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 16
    for (auto& x : a) x = _mm512_dpbf16_ps(x, __m512bh(b), __m512bh(c));
  }
  for (int i = 1; i < kAccumulators; i++) a[0] = _mm512_add_ps(a[0], a[i]);
  sink = _mm512_reduce_add_ps(a[0]);
}

// --- AMX: four products on four accumulator tiles, a quarter of `rounds` registers' worth ---

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t column_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

// Palette 1 without asking CPUID for it: some virtual machines have AMX and report no palettes. The
// barrier is for GCC 12, which believes that the load reads eight bytes of the struct.
__attribute__((target("amx-tile"))) void configure_tiles() {
  TileConfig config;
  for (int i = 0; i < 8; i++) config.column_bytes[i] = 64, config.rows[i] = 16;
  asm volatile("" : : "m"(config) : "memory");
  _tile_loadconfig(&config);
}

__attribute__((target("amx-tile,amx-int8"))) void int8_amx(int64_t rounds) {
  configure_tiles();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t r = 0; r < rounds; r++) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
}

__attribute__((target("amx-tile,amx-bf16"))) void bf16_amx(int64_t rounds) {
  configure_tiles();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t r = 0; r < rounds; r++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

bool may_use_tiles() {
#ifdef SYS_arch_prctl
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

std::vector<Compute> computes() {
  std::vector<Compute> all;
  // Two operations (multiply, add) per lane; int8 and bf16 do several products per lane.
  if (__builtin_cpu_supports("avx512f")) {
    all.push_back({"f32_fma", f32_avx512, 2 * 16 * kAccumulators});
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    all.push_back({"f32_fma", f32_avx2, 2 * 8 * kAccumulators});
  } else {
    all.push_back({"f32_fma", f32_base, 2 * 4 * kAccumulators});
  }
  if (__builtin_cpu_supports("avx512vnni"))
    all.push_back({"int8_vnni", int8_vnni, 2 * 64 * kAccumulators, "GOP/s"});
  if (__builtin_cpu_supports("avx512bf16"))
    all.push_back({"bf16_dot", bf16_dot, 2 * 32 * kAccumulators});
  if (may_use_tiles()) {
    all.push_back({"int8_amx", int8_amx, 4 * 2 * 16 * 16 * 64, "GOP/s"});
    all.push_back({"bf16_amx", bf16_amx, 4 * 2 * 16 * 16 * 32});
  }
  return all;
}

// --- threads and figures ---

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The processors this process may run on.
std::vector<int> processors() {
  cpu_set_t set;
  std::vector<int> out;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int i = 0; i < CPU_SETSIZE; i++) {
    if (CPU_ISSET(i, &set)) out.push_back(i);
  }
  return out;
}

// Seconds from the first start to the last end of `work(i)` on `threads` pinned threads.
double seconds(const std::vector<int>& cpus, int threads, const std::function<void(int)>& work) {
  std::atomic<int> waiting{threads};
  std::vector<double> start(size_t(threads), 0.0), end(size_t(threads), 0.0);
  std::vector<std::thread> team;
  for (int i = 0; i < threads; i++) {
    team.emplace_back([&, i] {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(cpus[size_t(i)], &set);
      pthread_setaffinity_np(pthread_self(), sizeof set, &set);
      waiting--;
      while (waiting > 0) _mm_pause();
      start[size_t(i)] = now();
      work(i);
      end[size_t(i)] = now();
    });
  }
  for (std::thread& thread : team) thread.join();
  return *std::max_element(end.begin(), end.end()) - *std::min_element(start.begin(), start.end());
}

class Report {
 public:
  explicit Report(int repeats) : repeats_(repeats) {}

  // `work_done`: 1e9 units of one call of `work` by all threads.
  void add(const std::string& name, const char* unit, const std::vector<int>& cpus, int threads,
           double work_done, const std::function<void(int)>& work) {
    seconds(cpus, threads, work);  // unmeasured: caches, clock
    std::vector<double> rates;
    for (int i = 0; i < repeats_; i++) rates.push_back(work_done / seconds(cpus, threads, work));
    std::sort(rates.begin(), rates.end());
    char line[200];
    std::snprintf(line, sizeof line,
                  "  {\"name\": \"%s\", \"threads\": %d, \"unit\": \"%s\", \"median\": %.1f, "
                  "\"max\": %.1f}",
                  name.c_str(), threads, unit, rates[rates.size() / 2], rates.back());
    text_ += (text_.empty() ? "" : ",\n") + std::string(line);
  }
  const std::string& text() const { return text_; }

 private:
  int repeats_;
  std::string text_;
};

void measure_reads(Report& report, const std::vector<int>& cpus, int threads, const char* memory) {
  const ReadFn read = best_read();
  for (const size_t mebibytes : {16, 77, 98, 145, 2048}) {
    const size_t share = mebibytes * kMiB / size_t(threads) / 4096 * 4096;
    const size_t passes = std::max<size_t>(1, 100 / mebibytes);
    report.add("read_" + std::to_string(mebibytes) + "MiB", "GB/s", cpus, threads,
               double(share) * double(threads) * double(passes) / 1e9, [&](int i) {
                 for (size_t p = 0; p < passes; p++) read(memory + size_t(i) * share, share);
               });
  }
}

void measure_computes(Report& report, const std::vector<int>& cpus, int threads) {
  constexpr int64_t kRounds = 400'000;  // 2 to 10 ms
  for (const Compute& compute : computes()) {
    report.add(compute.name, compute.unit, cpus, threads,
               double(kRounds) * compute.operations * threads / 1e9,
               [&](int) { compute.run(kRounds); });
  }
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    std::string name = line.substr(std::min(line.size(), line.find(':') + 2));
    std::erase_if(name, [](char c) { return c == '"' || c == '\\' || c < ' '; });
    return name;
  }
  return "unknown";
}

}  // namespace

int main(int count, char** arguments) {
  const int repeats = count > 1 ? std::atoi(arguments[1]) : 40;
  if (repeats < 1) {
    std::fprintf(stderr, "limits: '%s' is no number of repeats\n", arguments[1]);
    return 2;
  }
  void* mapped =
      mmap(nullptr, kLargestSet, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    std::fprintf(stderr, "limits: there are no 2 GiB of memory to read\n");
    return 1;
  }
  madvise(mapped, kLargestSet, MADV_HUGEPAGE);
  std::memset(mapped, 1, kLargestSet);
  const std::vector<int> cpus = processors();
  Report report(repeats);
  for (int threads = 1; threads <= int(cpus.size()); threads *= 2) {
    measure_reads(report, cpus, threads, static_cast<const char*>(mapped));
    measure_computes(report, cpus, threads);
  }
  std::printf("{\"cpu\": \"%s\", \"limits\": [\n%s\n]}\n", processor_name().c_str(),
              report.text().c_str());
  return 0;
}
