// Question: how much of the processor's multiply-add rate does prefill use?
//
//   bench/gemm        GFLOP/s at 512 rows per shape, for 1 and 2 threads, beside the same register
//   tile
//                     run over 4 KiB of operands that never leave the first-level cache.
#include "bench/kernel_bench.h"

namespace {

using namespace weft;

void shape(const char* name, uint32_t kind, int64_t k, int64_t n, int64_t block) {
  const cpu::Kernels kernels = bench::best_kernels();
  constexpr int64_t kRows = 512;
  const bench::Packed p = bench::packed(kind, k, n, block);
  const auto x = bench::aligned<float>(size_t(kRows * k)),
             y = bench::aligned<float>(size_t(kRows * n));
  const auto panels = bench::aligned<float>(size_t(2 * cpu::kGemmPanelFloats));
  for (uint32_t threads : {1u, 2u}) {
    const double t = bench::seconds(threads, [&](uint32_t id, uint32_t count) {
      const common::Range pairs = common::share((p.matrix.tiles + 1) / 2, id, count);
      kernels.gemm(p.matrix, x.get(), k, y.get(), n, kRows, pairs.begin * 2,
                   std::min(pairs.end * 2, p.matrix.tiles),
                   panels.get() + id * cpu::kGemmPanelFloats);
    });
    std::printf("%-6s %-18s threads %u  %8.2f ms  %7.1f GFLOP/s   peak %7.1f\n", kernels.isa, name,
                threads, t * 1e3, 2.0 * kRows * double(k * n) / t * 1e-9,
                bench::peak_rate(threads));
  }
}

}  // namespace

int main() {
  shape("u4/32 576x960", cpu::kPackedU4, 576, 960, 32);
  shape("u4/32 576x1536", cpu::kPackedU4, 576, 1536, 32);
  shape("u4/32 1536x576", cpu::kPackedU4, 1536, 576, 32);
  shape("u8/32 576x1536", cpu::kPackedU8, 576, 1536, 32);
  shape("f32 576x1536", cpu::kPackedF32, 576, 1536, 1);
}
