// Question: how much of the processor's multiply-add rate do the emulated NPU's products use, and
// what does a run cost that computes next to nothing?
//
//   bench/npu [ROWS [TILE]]     ROWS of a chunk, 256; TILE as option `tile` of the plugin numbers
//                               ways to cut a product, default: what its tuner finds
//
// Products have the shapes of SmolLM2-135M. Rates are of processor time, all threads of the process
// counted, so a busy neighbour shows up little; the best of several batches. The limit is float
// multiply-adds on registers in 256-bit vectors, which is what lavapipe makes of its kernels, timed
// between the products. On a device that is no processor the rate is by the clock, and there is no
// limit to set it beside.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/plugins/harness.h"

namespace {

using namespace weft;
using namespace weft::test;

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

double clock_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// GOP/s of one thread; a multiply-add is two.
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) double multiply_adds() {
  typedef float Eight __attribute__((vector_size(32)));
  constexpr int kRepeats = 4000000, kChains = 10;
  Eight sums[kChains] = {}, factor = {};
  for (int i = 0; i < 8; i++) factor[i] = 0.5f;
  double best = 0;
  for (int round = 0; round < 3; round++) {
    const double begin = cpu_seconds();
    for (int i = 0; i < kRepeats; i++)
      for (int j = 0; j < kChains; j++) {
        sums[j] = sums[j] * factor + factor;
        asm volatile("" : "+x"(sums[j]));
      }
    best = std::max(best, kRepeats * kChains * 16.0 / (cpu_seconds() - begin) * 1e-9);
  }
  return best;
}
#else
double multiply_adds() { return 0; }
#endif

// A compiled product with its tensors.
class Product {
 public:
  Product(Device& device, int64_t m, int64_t k, int64_t n) : device_(device), api_(device.api()) {
    Data a = Data::zeros(WEFT_I8, {m, k}), w = Data::zeros(WEFT_I8, {k, n});
    for (size_t i = 0; i < a.bytes.size(); i++) a.bytes[i] = char(i * 7919 % 251);
    for (size_t i = 0; i < w.bytes.size(); i++) w.bytes[i] = char(i * 104729 % 253);
    const uint32_t x = graph_.input("a", a);
    const uint32_t y = graph_.activation("y", WEFT_I32, {m, n});
    graph_.node("MatMulInteger", {x, graph_.constant("w", w)}, {y});
    graph_.outputs = {y};
    const weft_graph pod = graph_.pod();
    weft_compile_args compile{};
    compile.struct_size = sizeof compile;
    compile.graph = &pod;
    check(api_.compile(device.handle(), &compile, &program_, &error_));
    weft_program_info info{};
    info.struct_size = sizeof info;
    check(api_.program_info(program_, &info, &error_));
    input_ = place(WEFT_I8, m, k, 1);
    output_ = place(WEFT_I32, m, n, 4);
    const weft_queue_desc desc{sizeof desc, 0, 0, 0};
    check(api_.queue_create(device.handle(), &desc, &queue_, &error_));
    args_.struct_size = sizeof args_;
    args_.program = program_;
    args_.inputs = &input_;
    args_.outputs = &output_;
    args_.input_count = args_.output_count = 1;
    args_.view_stride = sizeof(weft_view);
    args_.workspace = allocate(info.scratch_bytes);
  }
  ~Product() {
    api_.queue_destroy(queue_);
    for (weft_buffer* buffer : buffers_) api_.buffer_free(buffer);
    api_.program_destroy(program_);
  }
  Product(const Product&) = delete;

  void run() {
    weft_event* done = nullptr;
    check(api_.execute(queue_, &args_, &done, &error_));
    check(api_.event_wait(done, UINT64_MAX, &error_));
    api_.event_destroy(done);
  }

 private:
  void check(weft_status status) { device_.check(status, error_); }
  weft_buffer* allocate(uint64_t size) {
    const weft_buffer_desc desc{sizeof desc, 0, size, "bench"};
    weft_buffer* buffer = nullptr;
    check(api_.buffer_alloc(device_.handle(), &desc, &buffer, &error_));
    buffers_.push_back(buffer);
    return buffer;
  }
  weft_view place(weft_dtype dtype, int64_t rows, int64_t columns, uint64_t item) {
    weft_view view{};
    view.dtype = dtype;
    view.rank = 2;
    view.shape[0] = rows;
    view.shape[1] = view.stride[0] = columns;
    view.stride[1] = 1;
    view.buffer = allocate(uint64_t(rows * columns) * item);
    return view;
  }

  Device& device_;
  const weft_api& api_;
  Graph graph_;
  weft_error error_ = fresh_error();
  weft_program* program_ = nullptr;
  weft_queue* queue_ = nullptr;
  std::vector<weft_buffer*> buffers_;
  weft_view input_{}, output_{};
  weft_execute_args args_{};
};

struct Rate {
  double per_clock = 0, per_cpu = 0;  // runs a second
};

Rate best_rate(Product& product, int runs) {
  Rate best;
  product.run();
  for (int round = 0; round < 5; round++) {
    const double clock = clock_seconds(), cpu = cpu_seconds();
    for (int i = 0; i < runs; i++) product.run();
    best.per_clock = std::max(best.per_clock, runs / (clock_seconds() - clock));
    best.per_cpu = std::max(best.per_cpu, runs / (cpu_seconds() - cpu));
  }
  return best;
}

int measure(int64_t rows, const std::string& tile) {
  std::map<std::string, std::string> options;
  if (!tile.empty()) options["tile"] = tile;
  Device device("vulkan_npu", 1, options);
  weft_device_info info{};
  info.struct_size = sizeof info;
  device.api().device_info(device.api().self, 0, &info, nullptr);
  const bool on_cpu = std::strstr(info.name, "llvmpipe") != nullptr;
  std::printf("%s, %lld rows\n", info.name, static_cast<long long>(rows));
  std::printf("%-22s %10s %14s %12s\n", "product", "GOP/s", "per processor", "of its limit");
  const int64_t shapes[][2] = {{576, 576}, {576, 192}, {576, 960}, {576, 1536}, {1536, 576}};
  for (const auto& [k, n] : shapes) {
    Product product(device, rows, k, n);
    const double work = double(rows) * double(k) * double(n) * 2e-9;
    const Rate rate = best_rate(product, std::max(1, int(2.0 / work)));
    const double limit = on_cpu ? multiply_adds() : 0;
    std::printf("%6lld x %-13lld %10.1f", static_cast<long long>(k), static_cast<long long>(n),
                work * rate.per_clock);
    if (limit > 0)
      std::printf(" %14.1f %8.0f %%", work * rate.per_cpu, 100 * work * rate.per_cpu / limit);
    std::printf("\n");
  }
  Product nothing(device, 8, 8, 8);
  const Rate rate = best_rate(nothing, 500);
  std::printf("a run of 8 x 8 x 8 and the wait for it: %.0f us, %.0f us of a processor\n",
              1e6 / rate.per_clock, 1e6 / rate.per_cpu);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure(argc > 1 ? std::max(1, std::atoi(argv[1])) : 256, argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "npu: %s\n", error.what());
    return 1;
  }
}
