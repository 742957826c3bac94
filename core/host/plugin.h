// The C tables of weft/plugin.h as C++ objects: thin, and impossible to destroy in a wrong order.
//
//   Plugin (shared) <- Device (shared) <- Queue, Buffer, Event (move-only), Program (shared)
//
// Each object keeps its parent alive, so the last one to go closes the device and ends the plugin.
// The library itself stays loaded for ever (loader.h).
//
// Errors: a failing call becomes "plugin 'cpu': compile: <the plugin's sentence>" of kind plugin,
// or out_of_memory for WEFT_E_OUT_OF_MEMORY. Where the caller decides by the code, `status`
// receives it. Allocation: Queue::execute, Queue::copy and Event::wait allocate nothing when they
// succeed. Threads: as weft/plugin.h marks each function. Calls marked [dev] are serialised here;
// calls marked [obj] (everything of one Queue, mapping one Buffer) are the caller's to serialise.
#pragma once

#include <weft/extensions.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/host/host_table.h"

namespace weft::host {

class Plugin;
class Device;
class Program;
using PluginPtr = std::shared_ptr<Plugin>;
using DevicePtr = std::shared_ptr<Device>;
using ProgramPtr = std::shared_ptr<Program>;

// weft_device_info with strings; the numbers keep their meaning.
struct DeviceInfo {
  uint32_t index = 0;
  uint32_t type = 0;  // WEFT_DEV_*
  std::string name;
  std::string driver;
  std::array<uint8_t, 16> uuid{};
  uint64_t memory_total = 0;  // bytes; 0 = unknown
  uint64_t memory_free = 0;
  uint64_t max_buffer = 0;
  uint32_t buffer_alignment = 1;  // bytes, at least 1
  uint32_t memory_kinds = 0;      // WEFT_MEM_*
  uint32_t queue_count = 0;
  uint32_t priority_levels = 0;
  std::array<uint64_t, 4> dtypes_compute{};  // bit set over weft_dtype

  bool computes(weft_dtype dtype) const {
    return dtype < 256 && (dtypes_compute[dtype / 64] >> (dtype % 64) & 1);
  }
};

// What a plugin answered about a graph, copied out of its memory.
struct Claim {
  std::vector<uint32_t> nodes;  // indices into the graph, each within it
  uint32_t flags = 0;           // WEFT_CLAIM_*
  uint32_t pattern = 0;
  uint64_t est_time_ns = 0;  // 0 = unknown
  uint64_t est_workspace = 0;
  std::string reason;
};
struct Refusal {
  uint32_t node = 0;
  uint32_t code = WEFT_REFUSE_OTHER;
  uint32_t value = WEFT_NONE;
  std::string what;
  std::string why;
  int64_t found = 0;
  int64_t limit = 0;
};
struct Claims {
  std::vector<Claim> claims;
  std::vector<Refusal> refusals;
};

// A C handle of a device with the table entry that gives it back. Empty after a move.
template <typename T, auto kDestroy>
class Handle {
 public:
  Handle() = default;
  Handle(DevicePtr device, T* raw) : device_(std::move(device)), raw_(raw) {}
  Handle(Handle&& other) noexcept
      : device_(std::move(other.device_)), raw_(std::exchange(other.raw_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      device_ = std::move(other.device_);
      raw_ = std::exchange(other.raw_, nullptr);
    }
    return *this;
  }
  ~Handle() { reset(); }

  T* get() const { return raw_; }
  const DevicePtr& device() const { return device_; }
  explicit operator bool() const { return raw_ != nullptr; }
  void reset();

 private:
  DevicePtr device_;
  T* raw_ = nullptr;
};

// Done, or poisoned by an error, once and for ever; may be destroyed before that.
class Event : public Handle<weft_event, &weft_api::event_destroy> {
 public:
  using Handle::Handle;
  // True when done, false when `timeout_ns` passed first (0 polls); an error when it is poisoned.
  Result<bool> wait(uint64_t timeout_ns = UINT64_MAX, weft_status* status = nullptr) const;
  // Calls fn(arg, status) once when done: here if it is already, else from a thread of the plugin.
  Status on_done(void(WEFT_CALL* fn)(void*, weft_status), void* arg) const;
  // Completes an event made by Device::create_event, once.
  Status signal(weft_status result) const;
};

// Bytes of a buffer as the host sees them, until unmap() or the end of this object.
class Mapping {
 public:
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();

  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(data_), size_}; }
  template <typename T>
  std::span<T> as() const {
    return {static_cast<T*>(data_), size_ / sizeof(T)};
  }
  // Makes writes visible to the device and says whether that worked; the destructor only logs.
  Status unmap();

 private:
  friend class Buffer;
  Mapping(DevicePtr device, weft_buffer* buffer, void* data, size_t size)
      : device_(std::move(device)), buffer_(buffer), data_(data), size_(size) {}

  DevicePtr device_;
  weft_buffer* buffer_;
  void* data_;
  size_t size_;
};

enum class Access : uint32_t { read = 1, write = 2, both = 3 };

class Buffer : public Handle<weft_buffer, &weft_api::buffer_free> {
 public:
  Buffer() = default;
  Buffer(DevicePtr device, weft_buffer* raw, uint64_t size_bytes)
      : Handle(std::move(device), raw), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const { return size_bytes_; }
  // Bytes [offset, offset + size); the plugin refuses a range outside the buffer. The buffer
  // outlives the mapping.
  Result<Mapping> map(uint64_t offset, uint64_t size, Access access) const;

 private:
  uint64_t size_bytes_ = 0;
};

class Queue : public Handle<weft_queue, &weft_api::queue_destroy> {
 public:
  using Handle::Handle;
  // struct_size and view_stride of `args` are set here. Program and buffers live until the event is
  // done. It may block for the waits and the work.
  Result<Event> execute(weft_execute_args args, weft_status* status = nullptr) const;
  // An optional entry: false means the caller maps both buffers instead.
  bool can_copy() const;
  Result<Event> copy(const weft_view& from, const weft_view& to,
                     std::span<weft_event* const> waits = {}) const;
  Status flush() const;
};

// Everything compile() needs. `keep` is held as long as the program: the mapping of the constants'
// bytes and of the blob, which the plugin may use in place.
struct CompileRequest {
  const weft_graph* graph = nullptr;
  const int64_t* slots = nullptr;  // one per slot, -1 = stays dynamic; nullptr = all stay dynamic
  uint32_t pattern = 0;
  std::span<const weft_kv> options{};
  std::span<const std::byte> blob{};  // 64-byte aligned; empty = none
  ProgramPtr share_constants_with{};
  std::shared_ptr<const void> keep{};
};

class Program {
 public:
  Program(DevicePtr device, weft_program* raw, const CompileRequest& request, bool from_blob);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  weft_program* get() const { return raw_; }
  const DevicePtr& device() const { return device_; }
  const weft_program_info& info() const { return info_; }
  bool keeps_constants() const { return info_.flags & WEFT_PROGRAM_KEEPS_CONSTANTS; }
  bool deterministic() const { return info_.flags & WEFT_PROGRAM_DETERMINISTIC; }
  bool from_blob() const { return from_blob_; }  // false: the blob was stale, or there was none
  bool can_save() const;
  // Hands the stored form to `write` piece by piece; an error of `write` ends it and is returned.
  Status save(const std::function<Status(std::span<const std::byte>)>& write) const;

 private:
  friend class Device;
  DevicePtr device_;
  weft_program* raw_;
  weft_program_info info_{};
  ProgramPtr shares_with_;
  std::shared_ptr<const void> keep_;
  bool from_blob_;
};

// How much what runs here gives way to others who want the same processor.
struct Courtesy {
  int32_t priority = 0;  // -1 low, 0 normal, 1 high: a hint to the driver
  // Bounds on a queue (weft.throttle/1), which work without hints; 0: none.
  std::chrono::nanoseconds in_flight{0}, kernel{0}, pause{0};
  bool is_bound() const { return in_flight.count() > 0 || kernel.count() > 0; }
};

class Device : public std::enable_shared_from_this<Device> {
 public:
  Device(PluginPtr plugin, weft_device* raw, DeviceInfo info);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const PluginPtr& plugin() const { return plugin_; }
  const DeviceInfo& info() const { return info_; }
  weft_device* get() const { return raw_; }

  // Asks for every node of `graph`. Answers about nodes that do not exist are an error.
  Result<Claims> claim(const weft_graph& graph);
  // WEFT_BLOB_*, from the first bytes of a blob. STALE when the plugin does not judge blobs.
  Result<uint32_t> check_blob(std::span<const std::byte> head);
  // A stale blob is no error: the island is compiled without it.
  Result<ProgramPtr> compile(const CompileRequest& request, weft_status* status = nullptr);
  // `memory_kind` 0 leaves the choice to the plugin; `debug_name` is read during the call only.
  Result<Buffer> allocate(uint64_t size_bytes, uint32_t memory_kind = 0,
                          const char* debug_name = "", weft_status* status = nullptr);
  Result<Queue> create_queue(int32_t priority = 0, bool out_of_order = false);
  // A queue as `courtesy` wants it. Bounds that the plugin cannot keep are passed over: then `note`
  // says so.
  Result<Queue> create_queue(const Courtesy& courtesy, std::string& note);
  // Whether create_event() and Event::signal exist: an optional pair.
  bool has_host_events() const;
  bool has_callbacks() const;  // Event::on_done, optional as well
  Result<Event> create_event();
  Status wait_idle();

 private:
  PluginPtr plugin_;
  weft_device* raw_;
  DeviceInfo info_;
  std::mutex mutex_;  // calls marked [dev]
};

class Plugin : public std::enable_shared_from_this<Plugin> {
 public:
  // Made by load() (loader.h), which fills the table and calls begin() with what to do at the end.
  Plugin(std::filesystem::path path, std::shared_ptr<HostServices> services);
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  const std::string& name() const { return name_; }
  const std::string& vendor() const { return vendor_; }
  const std::string& build() const { return build_; }
  const std::filesystem::path& path() const { return path_; }
  const weft_api& api() const { return api_; }

  // Devices are counted from 0; the list ends where the plugin says so. A plugin without a device
  // gives an empty list, and `why_none` (if not null) its sentence.
  Result<std::vector<DeviceInfo>> devices(std::string* why_none = nullptr) const;
  Result<DevicePtr> open(uint32_t index, std::span<const weft_kv> options = {});
  // A frozen table by id, or nullptr.
  const void* extension(const char* id) const;

  // The error for a call of this plugin that returned `status` < 0.
  Error failure(const char* call, weft_status status, const weft_error& error) const;
  // The error for a call that returned success and no handle.
  Error no_object(const char* call) const;

 private:
  friend class Loader;
  std::filesystem::path path_;
  HostTable host_;
  weft_api api_{};
  std::string name_, vendor_, build_;
  std::function<void()> at_end_;  // set once the entry succeeded
};

template <typename T, auto kDestroy>
void Handle<T, kDestroy>::reset() {
  if (raw_) (device_->plugin()->api().*kDestroy)(raw_);
  raw_ = nullptr;
  device_.reset();
}

}  // namespace weft::host
