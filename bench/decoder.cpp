// Question: how many tokens a second does the cpu plugin give on a whole decoder, through the ABI?
//
//   bench/decoder [threads]     the shapes of SmolLM2-135M (30 layers, d 576, 9 / 3 heads of 64,
//   ffn 1536,
//                               vocabulary 49152), 4-bit blocks of 32, 8-bit head; weights are
//                               random
//
// Prefill: 512 tokens at once, logits of the last. Decode: one token after 0, 512 and 1000.
#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "plugins/common/team.h"
#include "tests/plugins/harness.h"

namespace {

using namespace weft;
using test::D;
using test::Data;
using test::Graph;

constexpr int64_t kLayers = 30, kD = 576, kKv = 192, kFfn = 1536, kVocabulary = 49152;
constexpr int64_t kCapacity = 1056;

// Threads that stay: they spin for work for a while, then sleep on the barrier.
class Pool {
 public:
  explicit Pool(uint32_t threads) : size_(threads) {
    for (uint32_t id = 1; id < threads; id++) workers_.emplace_back([this, id] { work(id); });
  }
  ~Pool() {
    fn_ = nullptr;
    barrier_.wait(size_);
    for (std::thread& t : workers_) t.join();
  }
  static weft_status WEFT_CALL run(void* self, uint32_t n, void(WEFT_CALL* fn)(void*, uint32_t),
                                   void* arg) {
    Pool& pool = *static_cast<Pool*>(self);
    if (n != pool.size_) return WEFT_E_BUSY;
    pool.fn_ = fn;
    pool.arg_ = arg;
    pool.barrier_.wait(n);
    fn(arg, 0);
    pool.barrier_.wait(n);
    return WEFT_OK;
  }

 private:
  void work(uint32_t id) {
    while (true) {
      barrier_.wait(size_);
      if (!fn_) return;
      fn_(arg_, id);
      barrier_.wait(size_);
    }
  }
  uint32_t size_;
  common::Barrier barrier_;
  void(WEFT_CALL* fn_)(void*, uint32_t) = nullptr;
  void* arg_ = nullptr;
  std::vector<std::thread> workers_;
};

std::mt19937 engine(1);

uint32_t weight(Graph& g, int64_t k, int64_t n, weft_dtype storage) {
  Graph::Quantized q;
  q.storage = storage;
  q.rows = k;
  q.cols = n;
  for (int64_t i = 0; i < k * n; i++)
    q.codes.push_back(int(engine() & (storage == WEFT_U4 ? 15 : 255)));
  q.scales.assign(size_t(k * n / 32), storage == WEFT_U4 ? 0.01f : 0.0006f);
  q.zeros.assign(q.scales.size(), storage == WEFT_U4 ? 7.4f : 127.3f);
  return g.quantized("w", q);
}

struct Model {
  Graph g;
  std::vector<uint32_t> caches;
  uint32_t ids;
};

void build(Model& m) {
  Graph& g = m.g;
  const D seq = D::slot(g.slot(1, 512)), total = D::slot(g.slot(1, kCapacity)),
          past = D::slot(g.slot(0, kCapacity)), at = D::slot(g.slot(0, kCapacity * kKv * 4));
  m.ids = g.input("ids", Data::zeros(WEFT_I64, {1, 512}), {D(1), seq});
  const uint32_t positions = g.input("positions", Data::zeros(WEFT_I64, {1, 512}), {D(1), seq});
  const uint32_t last = g.input("last", Data::integers({1}, {0}));
  const uint32_t head = weight(g, kD, kVocabulary, WEFT_U8);
  const uint32_t cos =
      g.constant("cos", Data::floats({kCapacity, 32}, std::vector<float>(kCapacity * 32, 0.8f)));
  const uint32_t sin =
      g.constant("sin", Data::floats({kCapacity, 32}, std::vector<float>(kCapacity * 32, 0.6f)));
  const uint32_t ones = g.constant("ones", Data::floats({kD}, std::vector<float>(kD, 1.0f)));
  const uint32_t valid = g.contents("valid", {total}), index = g.contents("index", {past});
  const uint32_t sizes = g.contents("sizes", {kD, kKv, kKv});
  const auto act = [&](D rows, int64_t width) {
    return g.activation("a", WEFT_F32, {D(1), rows, D(width)});
  };
  uint32_t x = act(seq, kD);
  g.node("Gather", {g.transposed("table", head), m.ids}, {x});
  for (int64_t layer = 0; layer < kLayers; layer++) {
    uint32_t cache[2], fresh[2], present[2];
    for (int i = 0; i < 2; i++) {
      cache[i] = g.input("cache", Data::zeros(WEFT_F32, {1, kCapacity, kKv}), {}, WEFT_VALUE_STATE);
      fresh[i] = g.view("fresh", WEFT_F32, {D(1), seq, D(kKv)}, cache[i], at);
      present[i] = g.view("present", WEFT_F32, {1, kCapacity, kKv}, cache[i], D(0));
    }
    const uint32_t n1 = act(seq, kD), qkv = act(seq, 960), q = act(seq, kD), k = act(seq, kKv),
                   qr = act(seq, kD), att = act(seq, kD), o = act(seq, kD), x1 = act(seq, kD),
                   n2 = act(seq, kD), gate = act(seq, kFfn), up = act(seq, kFfn),
                   swish = act(seq, kFfn), product = act(seq, kFfn), down = act(seq, kD),
                   x2 = act(seq, kD);
    g.node("RMSNormalization", {x, ones}, {n1});
    g.node("MatMul", {n1, weight(g, kD, 960, WEFT_U4)}, {qkv});
    g.node("Split", {qkv, sizes}, {q, k, fresh[1]}, {{"axis", int64_t(-1)}});
    g.node("RotaryEmbedding", {q, cos, sin, positions}, {qr}, {{"num_heads", int64_t(9)}});
    g.node("RotaryEmbedding", {k, cos, sin, positions}, {fresh[0]}, {{"num_heads", int64_t(3)}});
    for (int i = 0; i < 2; i++)
      g.node("TensorScatter", {cache[i], fresh[i], index}, {present[i]}, {{"axis", int64_t(1)}});
    g.node("Attention", {qr, present[0], present[1], WEFT_NONE, WEFT_NONE, WEFT_NONE, valid}, {att},
           {{"q_num_heads", int64_t(9)}, {"kv_num_heads", int64_t(3)}, {"is_causal", int64_t(1)}});
    g.node("MatMul", {att, weight(g, kD, kD, WEFT_U4)}, {o});
    g.node("Add", {x, o}, {x1});
    g.node("RMSNormalization", {x1, ones}, {n2});
    g.node("MatMul", {n2, weight(g, kD, kFfn, WEFT_U4)}, {gate});
    g.node("MatMul", {n2, weight(g, kD, kFfn, WEFT_U4)}, {up});
    g.node("Swish", {gate}, {swish});
    g.node("Mul", {swish, up}, {product});
    g.node("MatMul", {product, weight(g, kFfn, kD, WEFT_U4)}, {down});
    g.node("Add", {x1, down}, {x2});
    x = x2;
  }
  const uint32_t row = act(D(1), kD), n = act(D(1), kD), logits = act(D(1), kVocabulary);
  g.node("Gather", {x, last}, {row}, {{"axis", int64_t(1)}});
  g.node("RMSNormalization", {row, ones}, {n});
  g.node("MatMul", {n, head}, {logits});
  g.outputs = {logits};
}

// A thread that is alone is timed by its own processor time, so that neighbours are not counted.
clockid_t timer = CLOCK_MONOTONIC;
double now() {
  timespec t;
  clock_gettime(timer, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

struct Profile {
  std::map<std::string, double> seconds;
};

class Session {
 public:
  Session(uint32_t threads) : pool_(threads) {
    host_.struct_size = sizeof host_;
    host_.version_minor = WEFT_VERSION_MINOR;
    host_.thread_count = threads;
    host_.ctx = &pool_;
    host_.run_team = Pool::run;
    void* library = dlopen(WEFT_PLUGIN_DIR "/weft_cpu.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) throw std::runtime_error(dlerror());
    api_.struct_size = sizeof api_;
    weft_entry_args args{sizeof args, 0, WEFT_VERSION_MINOR, 0, &host_, &api_, ""};
    check(
        reinterpret_cast<weft_plugin_entry_fn>(dlsym(library, WEFT_ENTRY_SYMBOL))(&args, &error_));
    check(api_.device_open(api_.self, 0, nullptr, 0, &device_, &error_));
    build(model_);
    const weft_graph pod = model_.g.pod();
    weft_compile_args compile{};
    compile.struct_size = sizeof compile;
    compile.graph = &pod;
    const double start = now();
    check(api_.compile(device_, &compile, &program_, &error_));
    weft_program_info info{};
    info.struct_size = sizeof info;
    check(api_.program_info(program_, &info, &error_));
    std::printf("compile %.2f s, constants %.1f MB, scratch %.1f KB\n", now() - start,
                double(info.constant_bytes) * 1e-6, double(info.scratch_bytes) * 1e-3);
    scratch_ = (model_.g.workspace_bytes() + 63) & ~63ull;
    workspace_ = allocate(scratch_ + info.scratch_bytes);
    for (uint32_t v : model_.g.inputs) inputs_.push_back(allocate(bytes(v)));
    output_ = allocate(kVocabulary * 4);
    weft_queue_desc desc{sizeof desc, 0, 0, 0};
    check(api_.queue_create(device_, &desc, &queue_, &error_));
  }

  double run(int64_t seq, int64_t past, Profile* profile = nullptr) {
    const int64_t slots[] = {seq, past + seq, past, past * kKv * 4};
    std::vector<weft_view> inputs;
    for (size_t i = 0; i < inputs_.size(); i++)
      inputs.push_back(view(model_.g.inputs[i], inputs_[i], slots));
    const auto fill = [&](size_t i, int64_t count, int64_t first) {
      void* p = nullptr;
      check(api_.buffer_map(inputs_[i], 0, uint64_t(count) * 8, 2, &p, &error_));
      for (int64_t j = 0; j < count; j++) static_cast<int64_t*>(p)[j] = first + j;
    };
    fill(0, seq, 100);
    fill(1, seq, past);
    fill(2, 1, seq - 1);
    const weft_view output = view(model_.g.outputs[0], output_, slots);
    weft_prof_sink sink{sizeof sink, 2, profile, [](void* ctx, const weft_prof_record* r) {
                          static_cast<Profile*>(ctx)->seconds[r->label] +=
                              double(r->end_ns - r->begin_ns) * 1e-9;
                        }};
    weft_execute_args args{};
    args.struct_size = sizeof args;
    args.program = program_;
    args.inputs = inputs.data();
    args.outputs = &output;
    args.slots = slots;
    args.profile = profile ? &sink : nullptr;
    args.workspace = workspace_;
    args.scratch_offset = scratch_;
    args.input_count = uint32_t(inputs.size());
    args.output_count = 1;
    args.view_stride = sizeof(weft_view);
    const double start = now();
    weft_event* done = nullptr;
    check(api_.execute(queue_, &args, &done, &error_));
    check(api_.event_wait(done, UINT64_MAX, &error_));
    const double t = now() - start;
    api_.event_destroy(done);
    return t;
  }

 private:
  void check(weft_status status) const {
    if (status < 0) throw std::runtime_error(error_.message);
  }
  uint64_t bytes(uint32_t v) const {
    const weft_value& value = model_.g.value(v);
    uint64_t n = value.dtype == WEFT_I64 ? 8 : 4;
    for (uint32_t d = 0; d < value.rank; d++)
      n *= uint64_t(value.dims[d].slot == WEFT_NONE ? value.dims[d].value : 512);
    return n;
  }
  weft_buffer* allocate(uint64_t size) {
    weft_buffer_desc desc{sizeof desc, 0, size, "bench"};
    weft_buffer* buffer = nullptr;
    check(api_.buffer_alloc(device_, &desc, &buffer, &error_));
    void* p = nullptr;
    check(api_.buffer_map(buffer, 0, size, 2, &p, &error_));
    std::fill_n(static_cast<char*>(p), size, 0);
    return buffer;
  }
  weft_view view(uint32_t v, weft_buffer* buffer, const int64_t* slots) const {
    const weft_value& value = model_.g.value(v);
    weft_view out{};
    out.buffer = buffer;
    out.dtype = value.dtype;
    out.rank = value.rank;
    int64_t count = 1;
    for (uint32_t d = value.rank; d-- > 0;) {
      out.shape[d] =
          value.dims[d].slot == WEFT_NONE ? value.dims[d].value : slots[value.dims[d].slot];
      out.stride[d] = count;
      count *= out.shape[d];
    }
    return out;
  }

  Pool pool_;
  weft_host host_{};
  weft_api api_{};
  mutable weft_error error_{sizeof(weft_error), 0, 0, 0, 0, {}};
  Model model_;
  weft_device* device_ = nullptr;
  weft_program* program_ = nullptr;
  weft_queue* queue_ = nullptr;
  weft_buffer *workspace_ = nullptr, *output_ = nullptr;
  std::vector<weft_buffer*> inputs_;
  uint64_t scratch_ = 0;
};

void measure(Session& session, const char* name, int64_t seq, int64_t past, int repeats) {
  std::vector<double> times;
  for (int i = 0; i < repeats; i++) times.push_back(session.run(seq, past));
  std::sort(times.begin(), times.end());
  std::printf("%-14s %8.2f ms  %8.1f tok/s median, %8.1f best\n", name,
              times[times.size() / 2] * 1e3, double(seq) / times[times.size() / 2],
              double(seq) / times[0]);
  Profile profile;
  session.run(seq, past, &profile);
  for (const auto& [label, t] : profile.seconds)
    std::printf("    %-18s %8.3f ms\n", label.c_str(), t * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t threads = argc > 1 ? uint32_t(std::atoi(argv[1])) : 2;
  if (threads == 1) timer = CLOCK_THREAD_CPUTIME_ID;
  Session session(threads);
  measure(session, "prefill 512", 512, 0, 7);
  measure(session, "decode at 0", 1, 0, 100);
  measure(session, "decode at 512", 1, 512, 100);
  measure(session, "decode at 1000", 1, 1000, 100);
}
