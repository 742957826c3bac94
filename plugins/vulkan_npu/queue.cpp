// Keeping, submitting and completing work; see queue.h.
#include "plugins/vulkan_npu/queue.h"

#include <condition_variable>
#include <deque>
#include <thread>

#include "plugins/common/clock.h"
#include "plugins/common/host_memory.h"

namespace weft::vulkan_npu {

using common::HostEvent;
using common::now_ns;
using plugin::Failure;

namespace {

weft_error fresh_error() {
  weft_error error{};
  error.struct_size = sizeof error;
  return error;
}

}  // namespace

struct NpuQueue::Work {
  std::shared_ptr<Commands> commands;
  HostEvent* done = nullptr;
  std::vector<HostEvent*> waits;
  const NpuProgram* program = nullptr;  // null: a copy
  const weft_prof_sink* profile = nullptr;
  uint64_t value = 0;     // of the timeline, once submitted
  uint64_t begin_ns = 0;  // of submission

  void finish(Flights& flights, weft_status status, const char* message) {
    flights.remove(done);
    done->complete(status, message);
    done->release();
  }
  void record_profile(uint64_t end_ns) const;
};

// By the timestamps, moved so that the last is the moment at which the work was seen to be done.
void NpuQueue::Work::record_profile(uint64_t end_ns) const {
  if (!profile || profile->level == 0) return;
  const std::vector<uint64_t> stamps = commands->stamps();
  if (stamps.empty()) {
    const weft_prof_record record = {program ? "program" : "copy", WEFT_NONE, program ? 1u : 2u,
                                     begin_ns, end_ns};
    profile->record(profile->ctx, &record);
    return;
  }
  for (size_t i = 0; i + 1 < stamps.size(); i++) {
    const weft_prof_record record = {program->labels()[i].c_str(), uint32_t(i), 1,
                                     end_ns - (stamps.back() - stamps[i]),
                                     end_ns - (stamps.back() - stamps[i + 1])};
    profile->record(profile->ctx, &record);
  }
}

struct NpuQueue::State {
  explicit State(Core& c) : core(c) {}

  Core& core;
  Semaphore timeline;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Work>> flying;  // submitted, in order
  uint64_t last_value = 0;
  bool stop = false;
  std::thread completer;

  // Done, or with Vulkan, which keeps the order.
  bool satisfied(HostEvent* wait) { return core.flights.find(wait) || wait->is_done(); }
  void start(const std::shared_ptr<Work>& work, HostEvent* poison);
  void launch(Work& work);
  void complete_all();
};

namespace {

void create_timeline(Core& core, Semaphore& out) {
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  info.pNext = &type;
  VkSemaphore handle = nullptr;
  check(core.vk.CreateSemaphore(core.device, &info, nullptr, &handle), "vkCreateSemaphore");
  out = Semaphore(core.vk, core.device, handle);
}

}  // namespace

// Hands the work to Vulkan; its value is the next of the timeline.
void NpuQueue::State::launch(Work& work) {
  const uint64_t value = last_value + 1;
  const VkSemaphore semaphore = timeline.get();
  const VkCommandBuffer buffer = work.commands->get();
  // What is found here lives until the submission is made: a queue ends under the same mutex.
  const std::lock_guard lock(core.queue_mutex);
  std::vector<VkSemaphore> others;
  std::vector<uint64_t> values;
  for (HostEvent* wait : work.waits) {
    const auto moment = core.flights.find(wait);
    if (!moment || moment->timeline == semaphore) continue;
    others.push_back(moment->timeline);
    values.push_back(moment->value);
  }
  const std::vector<VkPipelineStageFlags> stages(others.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  VkTimelineSemaphoreSubmitInfo times{};
  times.waitSemaphoreValueCount = uint32_t(values.size());
  times.pWaitSemaphoreValues = values.data();
  times.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  times.signalSemaphoreValueCount = 1;
  times.pSignalSemaphoreValues = &value;
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &times;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &buffer;
  info.waitSemaphoreCount = uint32_t(others.size());
  info.pWaitSemaphores = others.data();
  info.pWaitDstStageMask = stages.data();
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &semaphore;
  work.begin_ns = now_ns();
  check(core.vk.QueueSubmit(core.queue, 1, &info, nullptr), "vkQueueSubmit");
  work.value = last_value = value;
  core.flights.add(work.done, {semaphore, value});
}

// Submits the work, or ends it with the error of `poison`. Called by one thread at a time.
void NpuQueue::State::start(const std::shared_ptr<Work>& work, HostEvent* poison) {
  weft_error error = fresh_error();
  const weft_status status = poison ? plugin::report(&error, poison->result(), poison->message())
                                    : plugin::guarded(&error, [&] { launch(*work); });
  if (status < 0) {
    work->finish(core.flights, status, error.message);
    return;
  }
  const std::lock_guard lock(mutex);
  flying.push_back(work);
  changed.notify_all();
}

// The thread that waits for the device.
void NpuQueue::State::complete_all() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return stop || !flying.empty(); });
    if (flying.empty()) return;
    Work& work = *flying.front();
    lock.unlock();
    weft_error error = fresh_error();
    const weft_status status = plugin::guarded(&error, [&] {
      const VkSemaphore semaphore = timeline.get();
      VkSemaphoreWaitInfo wait{};
      wait.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
      wait.semaphoreCount = 1;
      wait.pSemaphores = &semaphore;
      wait.pValues = &work.value;
      check(core.vk.WaitSemaphores(core.device, &wait, UINT64_MAX), "vkWaitSemaphores");
      work.record_profile(now_ns());
    });
    work.finish(core.flights, status, error.message);
    lock.lock();
    flying.pop_front();
    changed.notify_all();
  }
}

NpuQueue::NpuQueue(Core& core, common::EventPool& events)
    : core_(core),
      events_(events),
      state_(std::make_unique<State>(core)),
      backlog_(std::make_shared<common::Backlog>(
          [state = state_.get()](HostEvent* wait) { return state->satisfied(wait); })) {
  create_timeline(core, state_->timeline);
  state_->completer = std::thread([state = state_.get()] { state->complete_all(); });
}

NpuQueue::~NpuQueue() {
  backlog_->wait_idle();
  {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->flying.empty(); });
    state_->stop = true;
    state_->changed.notify_all();
  }
  state_->completer.join();
  // Others may still wait for a value of the timeline that was reached.
  const std::lock_guard lock(core_.queue_mutex);
  (void)core_.vk.QueueWaitIdle(core_.queue);
  state_->timeline = {};
}

plugin::Event* NpuQueue::poisoned(const weft_error& error) {
  HostEvent* done = events_.take(1);
  done->complete(error.status, error.message);
  return done;
}

plugin::Event* NpuQueue::submit(const std::shared_ptr<Work>& work, common::Waits waits) {
  HostEvent* done = events_.take(2);
  work->done = done;
  for (weft_event* wait : waits)
    if (wait) work->waits.push_back(common::event_of(wait));
  backlog_->add(waits,
                [state = state_.get(), work](HostEvent* poison) { state->start(work, poison); });
  return done;
}

plugin::Event* NpuQueue::execute(const weft_execute_args& args) {
  if (!args.program) throw Failure(WEFT_E_INVALID, "execute without a program");
  auto& program = static_cast<NpuProgram&>(*plugin::object(args.program));
  const auto work = std::make_shared<Work>();
  weft_error error = fresh_error();
  const weft_status status = plugin::guarded(&error, [&] {
    core_.faults.on_run();
    const bool stamped =
        args.profile && args.profile->level >= 2 && core_.physical.limits.timestamp_ns > 0;
    work->commands = program.commands(program.bind(args), stamped);
    work->program = &program;
    work->profile = args.profile;
  });
  if (status < 0) return poisoned(error);
  plugin::Event* done = submit(work, {args.waits, args.wait_count});
  // The timestamps of one recording are read before it runs again.
  if (args.profile && args.profile->level >= 2) static_cast<HostEvent*>(done)->result();
  return done;
}

plugin::Event* NpuQueue::copy(const weft_view& src, const weft_view& dst, weft_event* const* waits,
                              uint32_t wait_count) {
  const auto work = std::make_shared<Work>();
  weft_error error = fresh_error();
  const weft_status status = plugin::guarded(&error, [&] {
    if (!src.buffer || !dst.buffer) throw Failure(WEFT_E_INVALID, "a view names no buffer");
    common::check_view(src, buffer_of(src.buffer).size());
    common::check_view(dst, buffer_of(dst.buffer).size());
    common::check_same_shape(src, dst);
    const int64_t item = common::element_size(src.dtype);
    std::vector<VkBufferCopy> regions;
    common::for_each_run(src.stride, dst.stride, src.shape, src.rank,
                         [&](int64_t from, int64_t to, int64_t count) {
                           regions.push_back({uint64_t(int64_t(src.byte_offset) + from * item),
                                              uint64_t(int64_t(dst.byte_offset) + to * item),
                                              uint64_t(count * item)});
                         });
    work->commands = std::make_shared<Commands>(core_, 0);
    work->commands->begin();
    if (!regions.empty())
      work->commands->copy(buffer_of(src.buffer).block().buffer(),
                           buffer_of(dst.buffer).block().buffer(), regions);
    work->commands->end();
  });
  return status < 0 ? poisoned(error) : submit(work, {waits, wait_count});
}

}  // namespace weft::vulkan_npu
