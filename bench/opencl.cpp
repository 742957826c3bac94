// Question: how much of an OpenCL device's multiply-add rate and memory bandwidth do products with
// packed weights use, and what does a kernel cost to enqueue?
//
//   bench/opencl [OPTIONS [FORM]]   OPTIONS as in WEFT_OPENCL, such as family=gpu,half=1, or "";
//                                   FORM is part of the name of those to measure
//
// Each line is one MatMul of the plugin on the first device, beside the device's own limits of the
// same minute: fused multiply-adds on registers, and reading 256 MiB. Times are of batches on an
// in-order queue, medians of several, so the cost of enqueueing is hidden where the device works
// longer than the host.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "plugins/opencl/op.h"
#include "tests/plugins/harness.h"

namespace {

using namespace weft;
using opencl::check;
using opencl::ClKernel;
using opencl::ClMemory;
using opencl::ClProgram;
using opencl::ClQueue;
using opencl::Context;

const char* const kLimitKernels = R"(
kernel void multiply_adds(global float* out, float b, int repeats) {
  float16 s[12];
  for (int j = 0; j < 12; j++) s[j] = get_global_id(0) + j;
  for (int i = 0; i < repeats; i++) {
#define STEP(j) s[j] = fma(s[j], (float16)b, (float16)b);
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5)
    STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)
  }
  float16 sum = 0;
  for (int j = 0; j < 12; j++) sum += s[j];
  vstore16(sum, get_global_id(0), out);
}
kernel void read_all(global const uint* from, global uint* out, int count, long item, long step) {
  uint16 a = 0, b = 0, c = 0, d = 0;
  const long first = get_global_id(0) * item;
  for (int i = 0; i < count; i += 4) {
    a |= vload16(first + i * step, from);
    b |= vload16(first + (i + 1) * step, from);
    c |= vload16(first + (i + 2) * step, from);
    d |= vload16(first + (i + 3) * step, from);
  }
  vstore16(a | b | c | d, get_global_id(0), out);
}
kernel void nothing(global float* out) {}
)";

// Median seconds of one `enqueue`, from batches that take some 20 ms.
double seconds(cl_command_queue queue, const std::function<void()>& enqueue) {
  using Clock = std::chrono::steady_clock;
  const auto time = [&](int64_t count) {
    const auto begin = Clock::now();
    for (int64_t i = 0; i < count; i++) enqueue();
    check(clFinish(queue), "clFinish");
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  time(1);
  const auto batch = int64_t(std::clamp(0.02 / std::max(time(1), 1e-6), 1.0, 2000.0));
  std::vector<double> times;
  for (int i = 0; i < 5; i++) times.push_back(time(batch) / double(batch));
  std::nth_element(times.begin(), times.begin() + 2, times.end());
  return times[2];
}

struct DeviceLimits {
  double rate, bandwidth, enqueue;  // GFLOP/s, GB/s, seconds
};

ClProgram build(Context& context) {
  cl_int code = CL_SUCCESS;
  const char* source = kLimitKernels;
  ClProgram program(clCreateProgramWithSource(context.handle(), 1, &source, nullptr, &code));
  check(code, "clCreateProgramWithSource");
  check(clBuildProgram(program.get(), 1, &context.facts.id, "-cl-std=CL1.2", nullptr, nullptr),
        "clBuildProgram");
  return program;
}

template <typename... Arguments>
double time_kernel(Context& context, cl_command_queue queue, cl_program program, const char* name,
                   size_t items, size_t group, const Arguments&... arguments) {
  cl_int code = CL_SUCCESS;
  opencl::Kernel kernel(ClKernel(clCreateKernel(program, name, &code)), name, context.facts.id,
                        context.counters);
  kernel.arguments(arguments...);
  return seconds(queue, [&] {
    check(clEnqueueNDRangeKernel(queue, kernel.handle(), 1, nullptr, &items, &group, 0, nullptr,
                                 nullptr),
          "clEnqueueNDRangeKernel");
  });
}

DeviceLimits limits_of(Context& context, cl_command_queue queue) {
  constexpr size_t kBytes = 256 << 20;
  const ClProgram program = build(context);
  const ClMemory from = context.allocate(kBytes), out = context.allocate(16 << 20);
  // Pages that nobody wrote may all be one page of zeros.
  const cl_uint pattern = 0x01020304;
  check(clEnqueueFillBuffer(queue, from.get(), &pattern, sizeof pattern, 0, kBytes, 0, nullptr,
                            nullptr),
        "clEnqueueFillBuffer");
  cl_uint units = 1;
  check(
      clGetDeviceInfo(context.facts.id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, nullptr),
      "clGetDeviceInfo");
  const bool few = context.facts.is_processor;
  // Many items: a driver in software hands them out by the dozen, and few would stay on one core.
  const size_t group = few ? 1 : 64, items = size_t(units) * (few ? 512 : 1024);
  constexpr cl_int kRepeats = 1000;
  const double t = time_kernel(context, queue, program.get(), "multiply_adds", items, group,
                               out.get(), cl_float(0.5f), kRepeats);
  // Each item of a processor reads a run of its own; those of a GPU read side by side.
  const size_t readers = few ? 64 : 1 << 16, count = kBytes / 64 / readers;
  const double r =
      time_kernel(context, queue, program.get(), "read_all", readers, group, from.get(), out.get(),
                  cl_int(count), cl_long(few ? count : 1), cl_long(few ? 1 : readers));
  return {double(items) * kRepeats * 12 * 32 / t * 1e-9, double(kBytes) / r * 1e-9,
          time_kernel(context, queue, program.get(), "nothing", 1, 1, out.get())};
}

// A form of constants, by what decides how it is packed.
struct Form {
  const char* name;
  weft_dtype storage = 0;  // 0: floats
  uint32_t block = 0;
  bool float_zeros = false;
  uint32_t kept_bits = 0;  // of floats: what remains of each
};
constexpr Form kForms[] = {
    {"f32", 0, 0, false, 0xFFFFFFFF},
    {"bf16", 0, 0, false, 0xFFFF0000},
    {"f16", 0, 0, false, 0xFFFFE000},
    {"i8/32", WEFT_I8, 32},
    {"u4/16", WEFT_U4, 16},
    {"u4/32", WEFT_U4, 32},
    {"u4/32, float zeros", WEFT_U4, 32, true},
    {"e0m4/64", WEFT_F4_E0M4, 64},
};

// Numbers of no pattern; floats of [0.5, 1).
class Numbers {
 public:
  uint32_t next() { return state_ = state_ * 1664525u + 1013904223u; }
  std::vector<float> reals(int64_t count, uint32_t kept_bits) {
    std::vector<float> out(static_cast<size_t>(count));
    for (float& x : out) {
      const float fresh = 0.5f + float(next() >> 8) * 0x1p-25f;
      uint32_t bits;
      std::memcpy(&bits, &fresh, sizeof bits);
      bits &= kept_bits;
      std::memcpy(&x, &bits, sizeof x);
    }
    return out;
  }

 private:
  uint32_t state_ = 1;
};

uint32_t weight(test::Graph& g, const Form& form, int64_t k, int64_t n, Numbers& numbers) {
  if (!form.storage)
    return g.constant("w", test::Data::floats({k, n}, numbers.reals(k * n, form.kept_bits)));
  test::Graph::Quantized q;
  q.storage = form.storage;
  q.rows = k;
  q.cols = n;
  q.block = form.block;
  const int64_t blocks = (k + form.block - 1) / form.block;
  const bool nibble = form.storage != WEFT_I8;
  for (int64_t i = 0; i < n * blocks * form.block; i++)
    q.codes.push_back(nibble ? int(numbers.next() >> 28) : int(numbers.next() >> 24) - 128);
  q.scales = numbers.reals(n * blocks, 0xFFFFE000);
  if (form.float_zeros) q.zeros = numbers.reals(n * blocks, 0xFFFFFFFF);
  for (int64_t i = 0; nibble && !form.float_zeros && i < n * blocks; i++)
    q.zeros.push_back(float(numbers.next() >> 28));
  return g.quantized("w", q);
}

// y = x by a weight of this form, prepared as the plugin prepares it.
void product(Context& context, cl_command_queue queue, const DeviceLimits& device, const Form& form,
             int64_t m, int64_t k, int64_t n) {
  Numbers numbers;
  test::Graph g;
  const uint32_t x = g.input("x", test::Data::floats({m, k}, numbers.reals(m * k, 0xFFFFFFFF)));
  const uint32_t w = weight(g, form, k, n, numbers);
  const uint32_t y = g.activation("y", WEFT_F32, {m, n});
  g.node("MatMul", {x, w}, {y});
  g.outputs = {y};
  const weft_graph pod = g.pod();
  const plugin::GraphView graph(pod);
  const plugin::NodeView node = graph.node(0);
  const ClMemory from = context.allocate(uint64_t(m * k) * 4),
                 to = context.allocate(uint64_t(m * n) * 4);
  const opencl::Tensor in = {from.get(), 0, WEFT_F32, 2, {m, k}, m * k};
  const opencl::Tensor out = {to.get(), 0, WEFT_F32, 2, {m, n}, m * n};
  const opencl::Tensor none;
  const std::vector<const opencl::Tensor*> inputs = {&in, &none}, outputs = {&out};
  std::vector<opencl::ConstantRef> constants;
  opencl::Tensor scratch;
  uint64_t scratch_bytes = 0;
  opencl::Prepare prepare{node, context, inputs, outputs, constants, scratch, scratch_bytes};
  const opencl::Run run = opencl::find_op("", "MatMul")->prepare(prepare);
  const ClMemory aside = context.allocate(scratch_bytes);
  scratch.memory = aside.get();
  opencl::Submission commands(queue, context.facts.limits, context.counters, {}, nullptr, nullptr);
  const double t = seconds(queue, [&] { run(commands); });
  uint64_t bytes = 0;
  for (const opencl::ConstantRef& constant : constants) bytes += constant->size;
  const double rate = 2.0 * double(m * k) * double(n) / t * 1e-9, read = double(bytes) / t * 1e-9;
  std::printf(
      "%-6s %-18s rows %4lld  %5lld x %-6lld %9.3f ms  %7.1f GFLOP/s %3.0f %%  %6.1f GB/s "
      "%3.0f %%\n",
      context.options.tiled ? "tiled" : "vector", form.name, static_cast<long long>(m),
      static_cast<long long>(k), static_cast<long long>(n), t * 1e3, rate, rate / device.rate * 100,
      read, read / device.bandwidth * 100);
}

int run(const char* options, const char* only) {
  std::string why, ignored;
  const std::vector<opencl::DeviceFacts> devices = opencl::list_devices(why);
  if (devices.empty()) {
    std::printf("%s\n", why.c_str());
    return 1;
  }
  Context context(devices[0], opencl::choose_options(devices[0], options, nullptr, 0, ignored));
  const auto begin = std::chrono::steady_clock::now();
  context.kernels().ensure(nullptr, 0);
  const double built =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const ClQueue queue = context.create_queue(0, false);
  const DeviceLimits device = limits_of(context, queue.get());
  std::printf("%s: %.1f GFLOP/s, reads %.1f GB/s, %.1f us per kernel; kernels built in %.2f s\n",
              context.facts.name.c_str(), device.rate, device.bandwidth, device.enqueue * 1e6,
              built);
  for (const Form& form : kForms) {
    if (only && !std::strstr(form.name, only)) continue;
    product(context, queue.get(), device, form, 1, 576, 1536);
    product(context, queue.get(), device, form, 1, 576, 49152);
    for (const int64_t rows : {2, 8}) product(context, queue.get(), device, form, rows, 576, 1536);
    product(context, queue.get(), device, form, 256, 576, 1536);
    product(context, queue.get(), device, form, 256, 1536, 576);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : nullptr);
  } catch (const plugin::Failure& failure) {
    std::printf("%s\n", failure.message.c_str());
    return 1;
  }
}
