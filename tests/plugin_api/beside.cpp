// A device that works beside the host: MatMul with constant weights at fixed shapes, by the
// reference's kernel, in memory of its own, on a thread of its own that takes its time. What a
// scheduler meets in an NPU, with nothing of its arithmetic.
//
// WEFT_BESIDE="delay=200,fail=12", read when a device is opened: up to `delay` microseconds, by
// chance, before each run; and the run of number `fail`, counted from 1, ends as a lost device's.
#include <weft/note.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <random>
#include <thread>

#include "plugins/common/backend.h"
#include "plugins/common/claim.h"
#include "plugins/common/host_event.h"
#include "plugins/common/program.h"
#include "plugins/reference/rows.h"

namespace {

using namespace weft::common;
namespace plugin = weft::plugin;

const OpRow* find(const char* domain, const char* op) {
  return std::strcmp(op, "MatMul") == 0 ? weft::reference::find_row(domain, op) : nullptr;
}
DeviceSettings open(const weft_kv*, uint32_t) {
  return {"a thread beside the host", "weft-beside-1", nullptr, true};
}
constexpr BackendTraits kTraits = {"beside", "0.1", 1u << WEFT_F32, 1, find, open, false};

// Of WEFT_BESIDE; 0 where it is not named.
uint32_t setting(const char* name) {
  const char* text = std::getenv("WEFT_BESIDE");
  const char* at = text ? std::strstr(text, name) : nullptr;
  return at ? uint32_t(std::atoi(at + std::strlen(name) + 1)) : 0;
}

class SlowQueue final : public plugin::Queue {
 public:
  SlowQueue(EventPool& events, std::atomic<uint32_t>& runs) : events_(events), runs_(runs) {
    thread_ = std::thread([this] { work(); });
  }
  ~SlowQueue() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void flush() override {}
  plugin::Event* copy(const weft_view&, const weft_view&, weft_event* const*, uint32_t) override {
    throw plugin::Failure(WEFT_E_UNSUPPORTED, "the host copies");
  }
  plugin::Event* execute(const weft_execute_args& from) override;

 private:
  struct Work {
    weft_execute_args args;
    std::vector<weft_view> views;
    std::vector<HostEvent*> waits;
    HostEvent* done = nullptr;
  };
  void work();
  void run(Work& work);

  EventPool& events_;
  std::atomic<uint32_t>& runs_;
  const uint32_t delay_us_ = setting("delay"), fail_ = setting("fail");
  std::minstd_rand random_{7};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Work>> kept_;
  bool stop_ = false;
  std::thread thread_;
};

plugin::Event* SlowQueue::execute(const weft_execute_args& from) {
  auto work = std::make_unique<Work>();
  work->args = from;
  for (uint32_t i = 0; i < from.input_count; i++)
    work->views.push_back(*WEFT_AT(weft_view, from.inputs, from.view_stride, i));
  for (uint32_t i = 0; i < from.output_count; i++)
    work->views.push_back(*WEFT_AT(weft_view, from.outputs, from.view_stride, i));
  work->args.inputs = work->views.data();
  work->args.outputs = work->views.data() + from.input_count;
  work->args.view_stride = sizeof(weft_view);
  for (uint32_t i = 0; i < from.wait_count; i++) {
    work->waits.push_back(event_of(from.waits[i]));
    work->waits.back()->retain();
  }
  HostEvent* done = work->done = events_.take(2);
  {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(work));
  }
  changed_.notify_all();
  return done;
}

void SlowQueue::run(Work& work) {
  if (delay_us_)
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % (delay_us_ + 1)));
  weft_error error{};
  error.struct_size = sizeof error;
  weft_status status = WEFT_OK;
  for (HostEvent* wait : work.waits) {
    if (status >= 0 && wait->result() < 0)
      status = plugin::report(&error, wait->result(), wait->message());
    wait->release();
  }
  if (status >= 0 && ++runs_ == fail_)
    status = plugin::report(&error, WEFT_E_DEVICE_LOST, "the device was lost on request");
  if (status >= 0) {
    auto& program = static_cast<TableProgram&>(*plugin::object(work.args.program));
    status = plugin::guarded(&error, [&] { program.run(work.args); });
  }
  work.done->complete(status, error.message);
  work.done->release();
}

void SlowQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !kept_.empty(); });
    if (kept_.empty()) return;
    const std::unique_ptr<Work> next = std::move(kept_.front());
    kept_.pop_front();
    lock.unlock();
    run(*next);
    lock.lock();
  }
}

class BesideDevice final : public plugin::Device {
 public:
  explicit BesideDevice(const weft_host& host) : host_(host) {}
  void claim(const weft_graph& graph, const weft_claim_sink& sink) override {
    const auto check = [](const plugin::NodeView& node) {
      const OpRow* row = find(node->domain ? node->domain : "", node->op_type);
      if (!row) throw Refusal{WEFT_REFUSE_OP, "beside has MatMul alone"};
      row->check(node);
      if (!node.graph().is_constant(node.input(1)))
        throw Refusal{WEFT_REFUSE_OP, "beside takes constant weights", node.input(1)};
    };
    answer_claims(graph, sink, WEFT_CLAIM_NEEDS_STATIC_SHAPES, check);
  }
  uint32_t blob_check(const void*, uint64_t) override { return WEFT_BLOB_STALE; }
  plugin::Program* compile(const weft_compile_args& args) override {
    return new TableProgram({kTraits, settings_, host_, constants_}, args);
  }
  plugin::Buffer* allocate(const weft_buffer_desc& desc) override {
    return new HostBuffer(desc.size);
  }
  plugin::Queue* create_queue(const weft_queue_desc&) override {
    return new SlowQueue(events_, runs_);
  }
  plugin::Event* create_event() override { return events_.take(1); }
  void wait_idle() override {}

 private:
  weft_host host_;
  DeviceSettings settings_ = open(nullptr, 0);
  EventPool events_;
  ConstantPool constants_;
  std::atomic<uint32_t> runs_{0};
};

class BesidePlugin final : public plugin::Plugin {
 public:
  explicit BesidePlugin(const weft_host& host) : host_(plugin::read_struct(&host)) {
    host_.thread_count = 1;
  }
  void device_info(uint32_t index, weft_device_info& out) override {
    if (index) throw plugin::Failure(WEFT_E_INVALID, "there is only device 0");
    out.type = WEFT_DEV_NPU;
    std::snprintf(out.name, sizeof out.name, "beside");
    std::snprintf(out.driver, sizeof out.driver, "weft-beside-1");
    out.memory_kinds = WEFT_MEM_HOST_VISIBLE | WEFT_MEM_HOST_COHERENT;
    out.buffer_alignment = 1;
    out.queue_count = out.priority_levels = 1;
    out.dtypes_compute[0] = 1u << WEFT_F32;
  }
  plugin::Device* open(uint32_t, const weft_kv*, uint32_t) override {
    return new BesideDevice(host_);
  }

 private:
  weft_host host_;
};

}  // namespace

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  const weft_status status =
      plugin::enter(args, error, "weft", kTraits.name, kTraits.build,
                    [](const weft_host& host) { return new BesidePlugin(host); });
  if (status >= 0) args->api->program_save = nullptr;
  return status;
}
