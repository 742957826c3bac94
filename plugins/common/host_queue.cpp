// The queue: run at once, or keep until what is waited for is done; see host_queue.h.
#include "plugins/common/host_queue.h"

#include <vector>

#include "plugins/common/host_memory.h"
#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;

namespace {

void copy_views(const weft_view& src, const weft_view& dst) {
  const char* from = view_data(src);
  char* to = view_data(dst);
  check_same_shape(src, dst);
  copy_elements(from, src.stride, to, dst.stride, src.shape, src.rank, element_size(src.dtype));
}

void run_program(const weft_execute_args& args) {
  static_cast<TableProgram&>(*plugin::object(args.program)).run(args);
}

// Arguments of an execute with copies of the views they borrow. The waits are not kept.
struct KeptArgs {
  weft_execute_args args;
  std::vector<weft_view> views;

  explicit KeptArgs(const weft_execute_args& from) : args(from) {
    for (uint32_t i = 0; i < args.input_count; i++)
      views.push_back(*WEFT_AT(weft_view, from.inputs, from.view_stride, i));
    for (uint32_t i = 0; i < args.output_count; i++)
      views.push_back(*WEFT_AT(weft_view, from.outputs, from.view_stride, i));
    args.inputs = views.data();
    args.outputs = views.data() + args.input_count;
    args.view_stride = sizeof(weft_view);
  }
  KeptArgs(const KeptArgs&) = delete;
};

// Ends `done` with what `body` gives, or with the error of `poison`.
template <typename Body>
void complete_with(HostEvent& done, HostEvent* poison, Body&& body) {
  weft_error error{};
  error.struct_size = sizeof error;
  const weft_status status = poison ? plugin::report(&error, poison->result(), poison->message())
                                    : plugin::guarded(&error, body);
  done.complete(status, error.message);
}

}  // namespace

HostQueue::HostQueue(EventPool& events)
    : events_(events),
      backlog_(std::make_shared<Backlog>([](HostEvent* wait) { return wait->is_done(); })) {}

HostQueue::~HostQueue() { backlog_->wait_idle(); }

plugin::Event* HostQueue::keep(Waits waits, std::function<void()> body) {
  HostEvent* done = events_.take(2);
  backlog_->add(waits, [done, body = std::move(body)](HostEvent* poison) {
    complete_with(*done, poison, body);
    done->release();
  });
  return done;
}

plugin::Event* HostQueue::execute(const weft_execute_args& args) {
  if (!args.program) throw Failure(WEFT_E_INVALID, "execute without a program");
  const Waits waits(args.waits, args.wait_count);
  if (!backlog_->is_ready(waits)) {
    const auto kept = std::make_shared<KeptArgs>(args);
    return keep(waits, [kept] { run_program(kept->args); });
  }
  HostEvent* done = events_.take(1);
  complete_with(*done, poisoned(waits), [&] { run_program(args); });
  return done;
}

plugin::Event* HostQueue::copy(const weft_view& src, const weft_view& dst,
                               weft_event* const* wait_list, uint32_t wait_count) {
  const Waits waits(wait_list, wait_count);
  if (!backlog_->is_ready(waits)) return keep(waits, [src, dst] { copy_views(src, dst); });
  HostEvent* done = events_.take(1);
  complete_with(*done, poisoned(waits), [&] { copy_views(src, dst); });
  return done;
}

}  // namespace weft::common
