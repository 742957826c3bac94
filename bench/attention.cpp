// Question: does attention stream the cache as fast as a plain loop reads it, and how much of the
// processor's multiply-add rate does it use for a prompt?
//
//   bench/attention [heads, key heads, size: 9 3 64]
//
//   decode    one row after 64, 1024 and 4096 keys: GB/s of keys and values, of f32, f16 and codes
//             (i8), beside a loop that reads as many bytes; layers are rotated through as a decoder
//             does
//   prefill   512 and 1024 rows, causal: GFLOP/s of the products that the mask leaves, beside the
//             register tile over operands that never leave the first-level cache; with dot products
//             of bfloat16, where there are some, beside twice that
//
// Times are medians; a thread that is alone is timed by its own processor time.
#include <array>

#include "bench/kernel_bench.h"
#include "plugins/common/constant_store.h"
#include "plugins/common/row.h"
#include "plugins/cpu/ops/cpu_op.h"
#include "quant/code_rows.h"
#include "tests/plugins/harness.h"

namespace weft::cpu {
extern const common::OpRow attention_row;
}  // namespace weft::cpu

namespace {

using namespace weft;
using common::Operand;
using common::Step;
using common::Team;

int64_t q_heads = 9, kv_heads = 3, size = 64;

const char* name_of(uint32_t dtype) {
  return dtype == WEFT_F32 ? "f32" : dtype == WEFT_F16 ? "f16" : "i8";
}

// Elements of a position's keys or values, and their bytes.
int64_t width_of(uint32_t dtype) {
  return kv_heads * (dtype == WEFT_I8 ? quant::code_row_bytes(size) : size);
}
int64_t row_bytes(uint32_t dtype) { return width_of(dtype) * common::element_size(dtype); }

// An Attention step over caches of `capacity` rows, `layers` of them.
class Attention {
 public:
  Attention(int64_t rows, int64_t past, uint32_t dtype, int64_t layers,
            cpu::Compute compute = cpu::Compute::f32)
      : device_{bench::best_kernels(), compute}, valid_(past + rows), layers_(layers) {
    const int64_t keys = past + rows;
    const auto tensor = [&](test::Graph& g, uint32_t type, int64_t n, int64_t width) {
      return g.activation("x", weft_dtype(type), {1, n, width});
    };
    const uint32_t q = tensor(graph_, WEFT_F32, rows, q_heads * size);
    const uint32_t k = tensor(graph_, dtype, keys, width_of(dtype));
    const uint32_t v = tensor(graph_, dtype, keys, width_of(dtype));
    const uint32_t valid = graph_.contents("valid", {test::D(keys)});
    const uint32_t y = tensor(graph_, WEFT_F32, rows, q_heads * size);
    graph_.node("Attention", {q, k, v, WEFT_NONE, WEFT_NONE, WEFT_NONE, valid}, {y},
                {{"q_num_heads", q_heads}, {"kv_num_heads", kv_heads}, {"is_causal", int64_t(1)}});
    q_ = bench::aligned<char>(size_t(rows * q_heads * size * 4));
    y_ = bench::aligned<char>(size_t(rows * q_heads * size * 4));
    layer_bytes_ = 2 * keys * row_bytes(dtype);
    cache_ = bench::aligned<char>(size_t(layers * layer_bytes_));
    operands_[0] = operand(q_.get(), WEFT_F32, rows, q_heads * size);
    operands_[1] = operand(nullptr, dtype, keys, width_of(dtype));
    operands_[2] = operand(nullptr, dtype, keys, width_of(dtype));
    operands_[3] = operand(reinterpret_cast<char*>(&valid_), WEFT_I64, 1, 0);
    operands_[4] = operand(y_.get(), WEFT_F32, rows, q_heads * size);
    prepare();
    for (int i = 0; i < 3; i++) in_[size_t(i)] = &operands_[size_t(i)];
    in_[6] = &operands_[3];
    out_[0] = &operands_[4];
    step_ = {in_.data(), out_.data(), 7, 1, state_.get(), nullptr, &fault_, 0};
    set_layer(0);
    scratch_ = bench::aligned<char>(size_t(cpu::attention_row.scratch(step_, 2)));
    step_.scratch = scratch_.get();
  }

  // All layers, one after the other, the threads meeting after each as they do in a program.
  double seconds(uint32_t threads) {
    common::Barrier barrier;
    return bench::seconds(threads,
                          [&](uint32_t id, uint32_t count) {
                            for (int64_t layer = 0; layer < layers_; layer++) {
                              if (id == 0) set_layer(layer);
                              if (count > 1) barrier.wait(count);
                              cpu::attention_row.run(step_, Team{id, count});
                              if (count > 1) barrier.wait(count);
                            }
                          }) /
           double(layers_);
  }
  // The same bytes, summed.
  double read_seconds(uint32_t threads) {
    std::atomic<uint64_t> sink{0};
    return bench::seconds(threads,
                          [&](uint32_t id, uint32_t count) {
                            const common::Range part =
                                common::share(layers_ * layer_bytes_ / 64, id, count);
                            const auto* words = reinterpret_cast<const uint64_t*>(cache_.get());
                            uint64_t sum[8] = {};
                            for (int64_t i = part.begin; i < part.end; i++)
                              for (int j = 0; j < 8; j++) sum[j] += words[i * 8 + j];
                            for (uint64_t s : sum) sink += s;
                          }) /
           double(layers_);
  }
  double layer_bytes() const { return double(layer_bytes_); }
  const char* isa() const { return kernels_.isa; }

 private:
  static Operand operand(char* data, uint32_t dtype, int64_t rows, int64_t width) {
    if (width == 0) return {data, dtype, 1, {rows}, {1}, rows, 1, 0};
    return {data, dtype, 3, {1, rows, width}, {rows * width, width, 1}, rows * width, 1, 0};
  }
  void prepare() {
    common::ConstantPool pool;
    common::ConstantStore store(pool, nullptr, 0);
    const weft_graph pod = graph_.pod();
    const plugin::GraphView view(pod);
    const std::vector<plugin::NodeView> nodes = {view.node(0)};
    common::Prepare context{nodes[0], nodes, store, &device_};
    state_ = cpu::attention_row.prepare(context);
  }
  void set_layer(int64_t layer) {
    operands_[1].data = cache_.get() + layer * layer_bytes_;
    operands_[2].data = operands_[1].data + layer_bytes_ / 2;
  }

  cpu::CpuDevice device_;
  const cpu::Kernels& kernels_ = device_.kernels;
  test::Graph graph_;
  int64_t valid_, layers_, layer_bytes_;
  bench::Aligned<char> q_, y_, cache_, scratch_;
  std::array<Operand, 5> operands_{};
  std::array<const Operand*, 7> in_{};
  std::array<Operand*, 1> out_{};
  std::shared_ptr<const void> state_;
  common::Fault fault_{};
  Step step_{};
};

void decode(int64_t past, uint32_t dtype) {
  const int64_t bytes = 2 * (past + 1) * row_bytes(dtype);
  Attention step(1, past, dtype, std::max<int64_t>(1, (48 << 20) / bytes));
  for (uint32_t threads : {1u, 2u}) {
    const double t = step.seconds(threads), read = step.read_seconds(threads);
    std::printf(
        "%-6s decode %5lld keys %-3s  threads %u  %8.1f us  %6.2f GB/s   read loop %6.2f GB/s\n",
        step.isa(), static_cast<long long>(past), name_of(dtype), threads, t * 1e6,
        step.layer_bytes() / t * 1e-9, step.layer_bytes() / read * 1e-9);
  }
}

void prefill(int64_t rows, uint32_t dtype, bool bf16) {
  Attention step(rows, 0, dtype, 1, bf16 ? cpu::Compute::automatic : cpu::Compute::f32);
  const double work = 4.0 * double(q_heads * size) * double(rows) * double(rows + 1) / 2;
  for (uint32_t threads : {1u, 2u}) {
    const double t = step.seconds(threads), peak = bench::peak_rate(threads) * (bf16 ? 2 : 1);
    std::printf(
        "%-6s prefill %4lld rows %-3s %s  threads %u  %8.2f ms  %7.1f GFLOP/s   peak %7.1f  %3.0f "
        "%%\n",
        step.isa(), static_cast<long long>(rows), name_of(dtype), bf16 ? "bf16" : "f32 ", threads,
        t * 1e3, work / t * 1e-9, peak, work / t * 1e-7 / peak);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3) {
    q_heads = std::atoll(argv[1]);
    kv_heads = std::atoll(argv[2]);
    size = std::atoll(argv[3]);
  }
  for (uint32_t dtype : {uint32_t(WEFT_F32), uint32_t(WEFT_F16), uint32_t(WEFT_I8)}) {
    for (int64_t past : {64, 1024, 4096}) decode(past, dtype);
    for (int64_t rows : {512, 1024}) {
      prefill(rows, dtype, false);
      if (bench::best_kernels().attend_prompt) prefill(rows, dtype, true);
    }
  }
}
