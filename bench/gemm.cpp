// Question: how much of the processor's multiply-add rate does prefill use?
//
//   bench/gemm        GFLOP/s at 512 rows per shape, for 1 and 2 threads and each arithmetic,
//   beside
//                     the rate of its instructions on operands that never leave the first-level
//                     cache.
#include <immintrin.h>

#include "bench/kernel_bench.h"

namespace {

using namespace weft;

// The rate of integer dot products on registers, with the instructions each set has for them: what
// quantized products are held against.
constexpr int kSums = 12;
__attribute__((target("avx512f,avx512vnni"))) void dots_vnni(int64_t repeats) {
  __m512i sums[kSums], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (int j = 0; j < kSums; j++) sums[j] = _mm512_set1_epi32(j);
  asm volatile("" : "+v"(a), "+v"(b));
  for (int64_t i = 0; i < repeats; i++)
#pragma GCC unroll 16
    for (int j = 0; j < kSums; j++) sums[j] = _mm512_dpbusd_epi32(sums[j], a, b);
  for (int j = 0; j < kSums; j++) asm volatile("" : : "v"(sums[j]));
}
__attribute__((target("avx512f,avx512bw"))) void dots_avx512(int64_t repeats) {
  __m512i sums[kSums], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  const __m512i ones = _mm512_set1_epi16(1);
  for (int j = 0; j < kSums; j++) sums[j] = _mm512_set1_epi32(j);
  for (int64_t i = 0; i < repeats; i++)
#pragma GCC unroll 16
    for (int j = 0; j < kSums; j++) {
      asm volatile("" : "+v"(a), "+v"(b));
      sums[j] = _mm512_add_epi32(sums[j], _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), ones));
    }
  for (int j = 0; j < kSums; j++) asm volatile("" : : "v"(sums[j]));
}
__attribute__((target("avx2"))) void dots_avx2(int64_t repeats) {
  __m256i sums[kSums], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int j = 0; j < kSums; j++) sums[j] = _mm256_set1_epi32(j);
  for (int64_t i = 0; i < repeats; i++)
#pragma GCC unroll 16
    for (int j = 0; j < kSums; j++) {
      asm volatile("" : "+x"(a), "+x"(b));
      sums[j] = _mm256_add_epi32(sums[j], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  for (int j = 0; j < kSums; j++) asm volatile("" : : "x"(sums[j]));
}

void dots_base(int64_t repeats) {
  __m128i sums[kSums], a = _mm_set1_epi16(3), b = _mm_set1_epi16(5);
  for (int j = 0; j < kSums; j++) sums[j] = _mm_set1_epi32(j);
  for (int64_t i = 0; i < repeats; i++)
#pragma GCC unroll 16
    for (int j = 0; j < kSums; j++) {
      asm volatile("" : "+x"(a), "+x"(b));
      sums[j] = _mm_add_epi32(sums[j], _mm_madd_epi16(a, b));
    }
  for (int j = 0; j < kSums; j++) asm volatile("" : : "x"(sums[j]));
}

// Operations per second.
double integer_peak(const std::string& isa, uint32_t threads) {
  constexpr int64_t kRepeats = 20000;
  struct Rate {
    void (*dots)(int64_t);
    int operations;  // of one step
  };
  const Rate rate = isa == "base"     ? Rate{dots_base, 16}
                    : isa == "avx2"   ? Rate{dots_avx2, 64}
                    : isa == "avx512" ? Rate{dots_avx512, 128}
                                      : Rate{dots_vnni, 128};
  const auto dots = rate.dots;
  const double t = bench::seconds(threads, [&](uint32_t, uint32_t) { dots(kRepeats); });
  return threads * double(kRepeats) * kSums * rate.operations / t * 1e-9;
}

void report(const char* isa, const char* arithmetic, const char* name, uint32_t threads,
            double seconds, double operations, double peak) {
  std::printf("%-6s %-5s %-18s threads %u  %8.2f ms  %7.1f GOP/s   peak %7.1f  %3.0f %%\n", isa,
              arithmetic, name, threads, seconds * 1e3, operations / seconds * 1e-9, peak,
              operations / seconds * 1e-7 / peak);
}

void shape(const char* name, uint32_t kind, int64_t k, int64_t n, int64_t block) {
  const cpu::Kernels kernels = bench::best_kernels();
  constexpr int64_t kRows = 512;
  const bench::Packed p = bench::packed(kind, k, n, block);
  const auto x = bench::aligned<float>(size_t(kRows * k)),
             y = bench::aligned<float>(size_t(kRows * n));
  const auto panels = bench::aligned<float>(size_t(2 * cpu::kGemmPanelFloats));
  const auto codes = bench::records(kernels, kRows, k, block);
  const auto rounded = bench::aligned<char>(size_t(cpu::rounded_bytes(k, kRows)));
  const auto pairs = bench::aligned<char>(size_t(2 * cpu::rounded_panel_bytes(k)));
  const double operations = 2.0 * kRows * double(k * n);
  for (uint32_t threads : {1u, 2u}) {
    const auto share = [&](uint32_t id, uint32_t count) {
      const common::Range mine = common::share((p.matrix.tiles + 1) / 2, id, count);
      return common::Range{mine.begin * 2, std::min(mine.end * 2, p.matrix.tiles)};
    };
    const double t = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
      const common::Range tiles = share(id, count);
      kernels.gemm(p.matrix, x.get(), k, y.get(), n, kRows, tiles.begin, tiles.end,
                   panels.get() + id * cpu::kGemmPanelFloats);
    });
    report(kernels.isa, "f32", name, threads, t, operations, bench::peak_rate(threads));
    cpu::Product product{};
    product.w = &p.matrix;
    product.rows = kRows;
    product.terms = 1;
    product.y = y.get();
    product.y_row = n;
    if (kernels.rounded_product) {
      product.x = rounded.get();
      const double r = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
        const common::Range tiles = share(id, count);
        kernels.rounded_product(product, tiles.begin, tiles.end,
                                pairs.get() + id * cpu::rounded_panel_bytes(k));
      });
      // Twice the rate of floats: of AVX512-BF16 where it is fast. Tiles of AMX do more.
      report(kernels.isa, "bf16", name, threads, r, operations, 2 * bench::peak_rate(threads));
    }
    if (kind != cpu::kPackedU4 && kind != cpu::kPackedU8) continue;
    product.x = codes.get();
    const double q = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
      const common::Range tiles = share(id, count);
      kernels.quantized_product(product, tiles.begin, tiles.end);
    });
    report(kernels.isa, "int8", name, threads, q, operations, integer_peak(kernels.isa, threads));
  }
}

// Products of bytes in 32 bits, as int8 linears have them.
void bytes(const char* name, int64_t k, int64_t n) {
  const cpu::Kernels kernels = bench::best_kernels();
  constexpr int64_t kRows = 256;
  const int64_t tiles = (n + 15) / 16, tile_bytes = cpu::byte_tile_bytes(k);
  const auto w = bench::aligned<char>(size_t(tiles * tile_bytes));
  const auto x = bench::aligned<int8_t>(size_t(kRows * k));
  const auto y = bench::aligned<int32_t>(size_t(kRows * n));
  const cpu::PackedBytes packed{w.get(), k, n, tiles, tile_bytes};
  for (uint32_t threads : {1u, 2u}) {
    const double t = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
      const common::Range mine = common::share((tiles + 1) / 2, id, count);
      kernels.byte_product(packed, x.get(), k, kRows, y.get(), n, mine.begin * 2,
                           std::min(mine.end * 2, tiles));
    });
    report(kernels.isa, "i32", name, threads, t, 2.0 * kRows * double(k * n),
           integer_peak(kernels.isa, threads));
  }
}

}  // namespace

int main() {
  bytes("i8 576x1536", 576, 1536);
  bytes("i8 1536x576", 1536, 576);
  bytes("i8 2048x8192", 2048, 8192);
  shape("u4/32 576x960", cpu::kPackedU4, 576, 960, 32);
  shape("u4/32 576x1536", cpu::kPackedU4, 576, 1536, 32);
  shape("u4/32 1536x576", cpu::kPackedU4, 1536, 576, 32);
  shape("u8/32 576x1536", cpu::kPackedU8, 576, 1536, 32);
  shape("u4/32 2048x8192", cpu::kPackedU4, 2048, 8192, 32);
  shape("f32 576x1536", cpu::kPackedF32, 576, 1536, 1);
  shape("bf16 576x1536", cpu::kPackedBF16, 576, 1536, 1);
  shape("f16 576x1536", cpu::kPackedF16, 576, 1536, 1);
}
