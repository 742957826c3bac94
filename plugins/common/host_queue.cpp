// The queue: run at once, or keep until what is waited for is done; see host_queue.h.
#include "plugins/common/host_queue.h"

#include <condition_variable>
#include <span>

#include "plugins/common/host_memory.h"
#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;

namespace {

void copy_views(const weft_view& src, const weft_view& dst) {
  const char* from = view_data(src);
  char* to = view_data(dst);
  bool same = src.dtype == dst.dtype && src.rank == dst.rank;
  for (uint32_t d = 0; same && d < src.rank; d++) same = src.shape[d] == dst.shape[d];
  if (!same) throw Failure(WEFT_E_INVALID, "a copy between views of different shape or dtype");
  copy_elements(from, src.stride, to, dst.stride, src.shape, src.rank, element_size(src.dtype));
}

HostEvent* event_of(weft_event* event) { return static_cast<HostEvent*>(plugin::object(event)); }

void run_program(const weft_execute_args& args) {
  if (!args.program) throw Failure(WEFT_E_INVALID, "execute without a program");
  static_cast<TableProgram&>(*plugin::object(args.program)).run(args);
}

// The first error among completed events, or null.
HostEvent* poisoned(std::span<weft_event* const> waits) {
  for (weft_event* wait : waits)
    if (event_of(wait)->result() < 0) return event_of(wait);
  return nullptr;
}

template <typename Body>
void complete_with(HostEvent& done, std::span<weft_event* const> waits, Body&& body) {
  weft_error error{};
  error.struct_size = sizeof error;
  weft_status status;
  if (HostEvent* bad = poisoned(waits)) {
    status = plugin::report(&error, bad->result(), bad->message());
  } else {
    status = plugin::guarded(&error, body);
  }
  done.complete(status, error.message);
}

}  // namespace

struct HostQueue::Work {
  weft_execute_args args{};  // program null: a copy of views[0] to views[1]
  std::vector<weft_view> views;
  std::vector<weft_event*> waits;  // retained
  HostEvent* done = nullptr;

  void perform() {
    complete_with(*done, waits, [&] {
      if (args.program) {
        run_program(args);
      } else {
        copy_views(views[0], views[1]);
      }
    });
    for (weft_event* wait : waits) event_of(wait)->release();
    done->release();
  }
};

struct HostQueue::State {
  std::mutex mutex;
  std::condition_variable idle;
  std::deque<std::unique_ptr<Work>> kept;
  bool running = false;  // a thread is inside drain()
};

HostQueue::HostQueue(EventPool& events) : events_(events), state_(std::make_shared<State>()) {}

HostQueue::~HostQueue() { wait_idle(); }

void HostQueue::wait_idle() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [&] { return state_->kept.empty() && !state_->running; });
}

void HostQueue::drain(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  if (state->running) return;
  state->running = true;
  while (!state->kept.empty()) {
    HostEvent* pending = nullptr;
    for (weft_event* wait : state->kept.front()->waits)
      if (!event_of(wait)->is_done()) pending = event_of(wait);
    if (pending) {
      state->running = false;
      lock.unlock();
      // The callback owns a reference of its own; it may run at once, inside on_done.
      pending->on_done(
          [](void* arg, weft_status) {
            const std::unique_ptr<std::shared_ptr<State>> own(
                static_cast<std::shared_ptr<State>*>(arg));
            drain(*own);
          },
          new std::shared_ptr<State>(state));
      return;
    }
    const std::unique_ptr<Work> work = std::move(state->kept.front());
    state->kept.pop_front();
    lock.unlock();
    work->perform();
    lock.lock();
  }
  state->running = false;
  state->idle.notify_all();
}

plugin::Event* HostQueue::submit(std::unique_ptr<Work> work) {
  for (weft_event* wait : work->waits) event_of(wait)->retain();
  work->done = events_.take(2);
  HostEvent* done = work->done;
  {
    const std::lock_guard lock(state_->mutex);
    state_->kept.push_back(std::move(work));
  }
  drain(state_);
  return done;
}

plugin::Event* HostQueue::execute(const weft_execute_args& args) {
  bool ready = true;
  for (uint32_t i = 0; i < args.wait_count; i++) ready &= event_of(args.waits[i])->is_done();
  {
    const std::lock_guard lock(state_->mutex);
    ready &= state_->kept.empty() && !state_->running;
  }
  if (ready) {
    HostEvent* done = events_.take(1);
    complete_with(*done, {args.waits, args.wait_count}, [&] { run_program(args); });
    return done;
  }
  auto work = std::make_unique<Work>();
  work->args = args;
  for (uint32_t i = 0; i < args.input_count; i++)
    work->views.push_back(*WEFT_AT(weft_view, args.inputs, args.view_stride, i));
  for (uint32_t i = 0; i < args.output_count; i++)
    work->views.push_back(*WEFT_AT(weft_view, args.outputs, args.view_stride, i));
  work->args.inputs = work->views.data();
  work->args.outputs = work->views.data() + args.input_count;
  work->args.view_stride = sizeof(weft_view);
  work->waits.assign(args.waits, args.waits + args.wait_count);
  if (!args.program) throw Failure(WEFT_E_INVALID, "execute without a program");
  return submit(std::move(work));
}

plugin::Event* HostQueue::copy(const weft_view& src, const weft_view& dst, weft_event* const* waits,
                               uint32_t wait_count) {
  bool ready = true;
  for (uint32_t i = 0; i < wait_count; i++) ready &= event_of(waits[i])->is_done();
  {
    const std::lock_guard lock(state_->mutex);
    ready &= state_->kept.empty() && !state_->running;
  }
  if (ready) {
    HostEvent* done = events_.take(1);
    complete_with(*done, {waits, wait_count}, [&] { copy_views(src, dst); });
    return done;
  }
  auto work = std::make_unique<Work>();
  work->views = {src, dst};
  work->waits.assign(waits, waits + wait_count);
  return submit(std::move(work));
}

}  // namespace weft::common
