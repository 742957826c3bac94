// Question: does decoding stream weights as fast as a plain loop can read them?
//
//   bench/gemv        GB/s of packed weights per shape, for 1 and 2 threads, beside a read loop
//   over as
//                     many bytes. Matrices are rotated through so that 256 MiB are touched.
#include "bench/kernel_bench.h"

namespace {

using namespace weft;
using bench::Packed;

typedef uint64_t Line __attribute__((vector_size(64)));

// Sums cache lines with four accumulators: what memory gives at best.
__attribute__((target_clones("avx512f", "avx2", "default"))) void sum_lines(const char* from,
                                                                            int64_t count,
                                                                            Line* out) {
  const Line* lines = reinterpret_cast<const Line*>(from);
  Line sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (int64_t j = 0; j < 4; j++) sums[j] += lines[i + j];
  for (; i < count; i++) sums[0] += lines[i];
  *out = sums[0] + sums[1] + sums[2] + sums[3];
}
double read_rate(const std::vector<Packed>& sets, uint32_t threads) {
  std::atomic<size_t> at{0};
  const double t = bench::seconds(threads, [&](uint32_t id, uint32_t n) {
    const Packed& p = sets[at.load(std::memory_order_relaxed) % sets.size()];
    const common::Range part = common::share(p.size / 64, id, n);
    Line sums;
    sum_lines(p.bytes.get() + part.begin * 64, part.end - part.begin, &sums);
    asm volatile("" : : "m"(sums));
    if (id == 0) at.fetch_add(1, std::memory_order_relaxed);
  });
  return double(sets[0].size) / t * 1e-9;
}

void shape(const char* name, uint32_t kind, int64_t k, int64_t n, int64_t block) {
  const cpu::Kernels kernels = bench::best_kernels();
  std::vector<Packed> sets;
  int64_t total = 0;
  while (total < (256 << 20)) {
    sets.push_back(bench::packed(kind, k, n, block));
    total += sets.back().size;
  }
  const auto x = bench::aligned<float>(size_t(k)), y = bench::aligned<float>(size_t(n));
  for (uint32_t threads : {1u, 2u}) {
    std::atomic<size_t> at{0};
    const double t = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
      const Packed& p = sets[at.load(std::memory_order_relaxed) % sets.size()];
      const common::Range pairs = common::share((p.matrix.tiles + 1) / 2, id, count);
      kernels.gemv(p.matrix, x.get(), y.get(), pairs.begin * 2,
                   std::min(pairs.end * 2, p.matrix.tiles));
      if (id == 0) at.fetch_add(1, std::memory_order_relaxed);
    });
    std::printf("%-6s f32  %-18s threads %u  %8.1f us  %6.2f GB/s   read loop %6.2f GB/s\n",
                kernels.isa, name, threads, t * 1e6, double(sets[0].size) / t * 1e-9,
                read_rate(sets, threads));
    if (kind != cpu::kPackedU4 && kind != cpu::kPackedU8) continue;
    for (const int64_t terms : {1, 2}) {
      const auto codes = bench::records(kernels, terms, k, block);
      const double q = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
        const Packed& p = sets[at.load(std::memory_order_relaxed) % sets.size()];
        cpu::Product product{};
        product.w = &p.matrix;
        product.x = codes.get();
        product.rows = product.terms = terms;
        product.y = y.get();
        product.y_row = n;
        const common::Range pairs = common::share((p.matrix.tiles + 1) / 2, id, count);
        kernels.quantized_product(product, pairs.begin * 2,
                                  std::min(pairs.end * 2, p.matrix.tiles));
        if (id == 0) at.fetch_add(1, std::memory_order_relaxed);
      });
      std::printf("%-6s int8 %-18s threads %u  %8.1f us  %6.2f GB/s   read loop %6.2f GB/s, %s\n",
                  kernels.isa, name, threads, q * 1e6, double(sets[0].size) / q * 1e-9,
                  read_rate(sets, threads), terms == 2 ? "two terms" : "one term");
    }
  }
}

}  // namespace

int main() {
  shape("u4/32 576x960", cpu::kPackedU4, 576, 960, 32);
  shape("u4/32 576x1536", cpu::kPackedU4, 576, 1536, 32);
  shape("u4/32 1536x576", cpu::kPackedU4, 1536, 576, 32);
  shape("u8/32 576x49152", cpu::kPackedU8, 576, 49152, 32);
  shape("f32 576x1536", cpu::kPackedF32, 576, 1536, 1);
  shape("bf16 576x1536", cpu::kPackedBF16, 576, 1536, 1);
  shape("f16 576x1536", cpu::kPackedF16, 576, 1536, 1);
}
