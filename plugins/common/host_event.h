// One-shot events, pooled: completing, waiting and recycling allocate nothing in the steady state.
//
//   pending --signal(status >= 0)--> done
//           --signal(status < 0)---> poisoned: whatever waits for it fails with the same error
//
// Two owners: who made it (destroy()), and the queue entry that will complete it (release()).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "weft/plugin.hpp"

namespace weft::common {

class EventPool;

class HostEvent final : public plugin::Event {
 public:
  void signal(weft_status result) override;  // throws when already signalled
  void complete(weft_status result, const char* message);
  weft_status wait(uint64_t timeout_ns, weft_error* error) override;
  void on_done(void(WEFT_CALL* fn)(void*, weft_status), void* arg) override;
  void destroy() override { release(); }
  void retain();
  void release();
  // Blocks; the status.
  weft_status result();
  bool is_done();
  const char* message() const { return message_; }

 private:
  friend class EventPool;
  using Callback = std::pair<void(WEFT_CALL*)(void*, weft_status), void*>;
  EventPool* pool_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t owners_ = 0;
  bool done_ = false;
  weft_status status_ = WEFT_OK;
  char message_[256] = {};
  std::vector<Callback> callbacks_;
};

inline HostEvent* event_of(weft_event* event) {
  return static_cast<HostEvent*>(plugin::object(event));
}

// Owns every event of a device. [any thread]
class EventPool {
 public:
  // A pending event with `owners` owners.
  HostEvent* take(uint32_t owners);
  void put(HostEvent* event);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<HostEvent>> all_;
  std::vector<HostEvent*> free_;
};

}  // namespace weft::common
