// Question: how long does something else wait for the device while a long prompt runs on it?
//
//   bench/foreground MODEL [SECONDS]    wait of a small kernel that a foreground would enqueue
//   every
//                                       5 ms on a queue of its own, on an idle device and beside
//                                       prompts on `opencl`: as they come, with low priority, with
//                                       a throttle of 8 ms, with both; and what each does to the
//                                       prompts. SECONDS for each row, 5 when not given.
//
// The foreground shares the process, since drivers in software take turns within a process only; on
// a GPU the device takes turns whoever asks. Waits are from enqueueing to the end of the kernel,
// which alone takes the first row's.
#include <CL/cl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "core/engine.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"

namespace {

using namespace weft;
using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "foreground: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T need(Result<T> result) {
  if (!result.ok()) give_up(result.error().message);
  return std::move(*result);
}

void need(cl_int code, const char* call) {
  if (code != CL_SUCCESS) give_up(std::string(call) + ": error " + std::to_string(code));
}

// What a screen might want: a kernel of a fraction of a millisecond.
class Foreground {
 public:
  Foreground() {
    cl_platform_id platform = nullptr;
    need(clGetPlatformIDs(1, &platform, nullptr), "clGetPlatformIDs");
    cl_device_id device = nullptr;
    need(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr), "clGetDeviceIDs");
    cl_int code = CL_SUCCESS;
    context_ = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &code);
    need(code, "clCreateContext");
    queue_ = clCreateCommandQueue(context_, device, 0, &code);
    need(code, "clCreateCommandQueue");
    const char* source =
        "kernel void blend(global float* x) { const int i = get_global_id(0); float v = x[i];"
        " for (int j = 0; j < 16; j++) v = v * 0.999f + 0.001f; x[i] = v; }";
    cl_program program = clCreateProgramWithSource(context_, 1, &source, nullptr, &code);
    need(code, "clCreateProgramWithSource");
    need(clBuildProgram(program, 1, &device, "", nullptr, nullptr), "clBuildProgram");
    kernel_ = clCreateKernel(program, "blend", &code);
    need(code, "clCreateKernel");
    memory_ = clCreateBuffer(context_, CL_MEM_READ_WRITE, kItems * sizeof(float), nullptr, &code);
    need(code, "clCreateBuffer");
    need(clSetKernelArg(kernel_, 0, sizeof memory_, &memory_), "clSetKernelArg");
    wait();  // what a driver does at the first time
  }

  // Milliseconds from enqueueing to the end.
  double wait() {
    const auto start = Clock::now();
    cl_event event = nullptr;
    need(clEnqueueNDRangeKernel(queue_, kernel_, 1, nullptr, &kItems, &kGroup, 0, nullptr, &event),
         "clEnqueueNDRangeKernel");
    need(clFlush(queue_), "clFlush");
    need(clWaitForEvents(1, &event), "clWaitForEvents");
    clReleaseEvent(event);
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

 private:
  static constexpr size_t kItems = 1 << 18, kGroup = 64;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
  cl_kernel kernel_ = nullptr;
  cl_mem memory_ = nullptr;
};

std::vector<double> waits_for(Foreground& foreground, double seconds) {
  std::vector<double> waits;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    waits.push_back(foreground.wait());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::sort(waits.begin(), waits.end());
  return waits;
}

void row(const char* name, const std::vector<double>& waits, double tokens_per_s) {
  const auto at = [&](double share) { return waits[size_t(share * double(waits.size() - 1))]; };
  std::printf("| %-26s | %7.2f | %7.2f | %7.2f | %7.0f |\n", name, at(0.5), at(0.95), at(1),
              tokens_per_s);
}

// Prompts of 256 tokens, one after the other, until it is told to stop.
class Prompts {
 public:
  Prompts(const char* model, const std::vector<host::PluginPtr>& plugins,
          const host::Courtesy& courtesy) {
    EngineOptions options;
    options.backends = {"opencl"};
    options.compute = "auto";
    options.capacity = kTokens;
    options.chunk = kTokens;
    options.courtesy = courtesy;
    engine_ = need(Engine::build(need(onnx::import(model)), plugins, options));
    session_ = need(engine_->open_session());
    once();
    once();  // a throttle knows its kernels now
    thread_ = std::thread([this] {
      while (!stops_) once(), ++prompts_;
    });
    start_ = Clock::now();
  }
  ~Prompts() {
    stops_ = true;
    thread_.join();
  }
  double tokens_per_s() const {
    const std::chrono::duration<double> time = Clock::now() - start_;
    return double(prompts_ * kTokens) / time.count();
  }

 private:
  static constexpr int64_t kTokens = 256;
  void once() {
    const std::vector<int64_t> ids(kTokens, 17);
    if (!session_->truncate(0).ok()) give_up("the session does not forget");
    need(session_->feed(ids, 1));
  }
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<runtime::Session> session_;
  std::atomic<bool> stops_{false};
  std::atomic<int64_t> prompts_{0};
  std::thread thread_;
  Clock::time_point start_;
};

host::Courtesy courtesy(int priority, int throttle_ms) {
  host::Courtesy out;
  out.priority = priority;
  out.in_flight = std::chrono::milliseconds(throttle_ms);
  out.kernel = out.in_flight / 2;
  out.pause = out.in_flight / 8;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("a model is needed");
  const double seconds = argc > 2 ? std::atof(argv[2]) : 5;
  const auto services = host::HostServices::create({});
  const std::vector<host::PluginPtr> plugins = {
      need(host::load(WEFT_PLUGIN_DIR "/weft_opencl.so", services))};
  Foreground foreground;
  std::printf(
      "| prompts | wait ms, median | 95 %% | longest | prompt tok/s |\n|---|--:|--:|--:|--:|\n");
  row("none", waits_for(foreground, seconds), 0);
  const struct {
    const char* name;
    host::Courtesy courtesy;
  } rows[] = {{"as they come", courtesy(0, 0)},
              {"low priority hint", courtesy(-1, 0)},
              {"throttle 8 ms", courtesy(0, 8)},
              {"low priority, throttle 8 ms", courtesy(-1, 8)},
              {"throttle 2 ms", courtesy(0, 2)}};
  for (const auto& each : rows) {
    Prompts prompts(argv[1], plugins, each.courtesy);
    const std::vector<double> waits = waits_for(foreground, seconds);
    row(each.name, waits, prompts.tokens_per_s());
  }
  return 0;
}
