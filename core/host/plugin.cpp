// Calls through the tables, and errors out of them; see plugin.h.
#include "core/host/plugin.h"

#include <cstring>

#include "core/base/counters.h"
#include "core/base/log.h"

namespace weft::host {

// A liar must not make the host count for ever.
static constexpr uint32_t kMostDevices = 64;

// An empty error to pass in. Only the first byte of the message is cleared: this is on the hot
// path.
struct CallError : weft_error {
  CallError() {
    struct_size = sizeof(weft_error);
    status = WEFT_OK;
    vendor_code = 0;
    node = WEFT_NONE;
    reserved0 = 0;
    message[0] = 0;
  }
};

static const char* meaning(weft_status status) {
  switch (status) {
    case WEFT_E_INVALID:
      return "the arguments break the contract";
    case WEFT_E_UNSUPPORTED:
      return "it is not supported";
    case WEFT_E_VERSION:
      return "there is no common ABI version";
    case WEFT_E_OUT_OF_MEMORY:
      return "there is not enough memory";
    case WEFT_E_DEVICE_LOST:
      return "the device is lost";
    case WEFT_E_STALE_BLOB:
      return "the stored program is out of date";
    case WEFT_E_CANCELLED:
      return "it was cancelled";
    case WEFT_E_IO:
      return "reading or writing failed";
    case WEFT_E_BUSY:
      return "it is busy";
    case WEFT_E_INTERNAL:
      return "the plugin found a fault in itself";
    default:
      return "it failed";
  }
}

Error Plugin::failure(const char* call, weft_status status, const weft_error& error) const {
  std::string text(error.message, ::strnlen(error.message, sizeof error.message));
  if (text.empty())
    text = std::string(meaning(status)) + " (status " + std::to_string(status) + ")";
  if (error.node != WEFT_NONE) text += " (node " + std::to_string(error.node) + ")";
  if (error.vendor_code) text += " (vendor code " + std::to_string(error.vendor_code) + ")";
  return Error("plugin '" + name_ + "': " + call + ": " + text,
               status == WEFT_E_OUT_OF_MEMORY ? ErrorKind::out_of_memory : ErrorKind::plugin);
}

Error Plugin::no_object(const char* call) const {
  return Error("plugin '" + name_ + "': " + call + ": it reports success and gives no object",
               ErrorKind::plugin);
}

// Turns the outcome of one call into a Status; `result` receives the plain code.
static Status outcome(const Device& device, const char* call, weft_status status,
                      const weft_error& error, weft_status* result = nullptr) {
  if (result) *result = status;
  if (status >= 0) return {};
  return device.plugin()->failure(call, status, error);
}

static Error absent(const Device& device, const char* call) {
  return Error("plugin '" + device.plugin()->name() + "': " + call + ": it does not offer this",
               ErrorKind::plugin);
}

static const weft_api& table(const DevicePtr& device) { return device->plugin()->api(); }

// ---- events

Result<bool> Event::wait(uint64_t timeout_ns, weft_status* status) const {
  CallError error;
  const weft_status outcome_ = table(device()).event_wait(get(), timeout_ns, &error);
  TRY(outcome(*device(), "event_wait", outcome_, error, status));
  return outcome_ != WEFT_PENDING;
}

Status Event::on_done(void(WEFT_CALL* fn)(void*, weft_status), void* arg) const {
  if (!device()->has_callbacks()) return absent(*device(), "event_on_done");
  CallError error;
  return outcome(*device(), "event_on_done", table(device()).event_on_done(get(), fn, arg, &error),
                 error);
}

Status Event::signal(weft_status result) const {
  if (!device()->has_host_events()) return absent(*device(), "event_signal");
  CallError error;
  return outcome(*device(), "event_signal", table(device()).event_signal(get(), result, &error),
                 error);
}

// ---- buffers

Mapping::Mapping(Mapping&& other) noexcept
    : device_(std::move(other.device_)),
      buffer_(other.buffer_),
      data_(std::exchange(other.data_, nullptr)),
      size_(other.size_) {}

Mapping::~Mapping() {
  if (Status status = unmap(); !status.ok()) log::error("{}", status.error().message);
}

Status Mapping::unmap() {
  void* data = std::exchange(data_, nullptr);
  if (!data) return {};
  CallError error;
  return outcome(*device_, "buffer_unmap", table(device_).buffer_unmap(buffer_, data, &error),
                 error);
}

Result<Mapping> Buffer::map(uint64_t offset, uint64_t size, Access access) const {
  CallError error;
  void* data = nullptr;
  TRY(outcome(*device(), "buffer_map",
              table(device()).buffer_map(get(), offset, size, uint32_t(access), &data, &error),
              error));
  if (!data) return device()->plugin()->no_object("buffer_map");
  return Mapping(device(), get(), data, size_t(size));
}

// ---- queues

Result<Event> Queue::execute(weft_execute_args args, weft_status* status) const {
  CallError error;
  weft_event* done = nullptr;
  args.struct_size = sizeof args;
  args.view_stride = sizeof(weft_view);
  TRY(outcome(*device(), "execute", table(device()).execute(get(), &args, &done, &error), error,
              status));
  if (!done) return device()->plugin()->no_object("execute");
  return Event(device(), done);
}

bool Queue::can_copy() const { return table(device()).copy != nullptr; }

Result<Event> Queue::copy(const weft_view& from, const weft_view& to,
                          std::span<weft_event* const> waits) const {
  if (!can_copy()) return absent(*device(), "copy");
  CallError error;
  weft_event* done = nullptr;
  TRY(outcome(
      *device(), "copy",
      table(device()).copy(get(), &from, &to, waits.data(), uint32_t(waits.size()), &done, &error),
      error));
  if (!done) return device()->plugin()->no_object("copy");
  return Event(device(), done);
}

Status Queue::flush() const {
  if (!table(device()).queue_flush) return {};
  CallError error;
  return outcome(*device(), "queue_flush", table(device()).queue_flush(get(), &error), error);
}

// ---- programs

Program::Program(DevicePtr device, weft_program* raw, const CompileRequest& request, bool from_blob)
    : device_(std::move(device)),
      raw_(raw),
      shares_with_(request.share_constants_with),
      keep_(request.keep),
      from_blob_(from_blob) {
  info_.struct_size = sizeof info_;
  ++counters().programs_compiled;
  ++counters().programs_held;
}

Program::~Program() {
  --counters().programs_held;
  counters().program_bytes -= info_.constant_bytes;
  table(device_).program_destroy(raw_);
}

bool Program::can_save() const { return table(device_).program_save != nullptr; }

Status Program::save(const std::function<Status(std::span<const std::byte>)>& write) const {
  if (!can_save()) return absent(*device_, "program_save");
  struct Sink {
    const std::function<Status(std::span<const std::byte>)>& write;
    Status status;
  } sink{write, {}};
  weft_writer writer{};
  writer.struct_size = sizeof writer;
  writer.ctx = &sink;
  writer.write = [](void* ctx, const void* bytes, uint64_t size) -> weft_status {
    Sink& to = *static_cast<Sink*>(ctx);
    try {
      if (to.status.ok()) to.status = to.write({static_cast<const std::byte*>(bytes), size});
    } catch (...) {  // nothing unwinds through the plugin
      to.status = Error("the stored program does not fit in memory", ErrorKind::out_of_memory);
    }
    return to.status.ok() ? WEFT_OK : WEFT_E_IO;
  };
  CallError error;
  const weft_status status = table(device_).program_save(raw_, &writer, &error);
  if (!sink.status.ok()) return std::move(sink.status);  // the first cause
  return outcome(*device_, "program_save", status, error);
}

// ---- plugins

Plugin::Plugin(std::filesystem::path path, std::shared_ptr<HostServices> services)
    : path_(std::move(path)), host_(std::move(services), path_.filename().string()) {}

Plugin::~Plugin() {
  if (!at_end_) return;
  api_.shutdown(api_.self);
  at_end_();
}

static std::string bounded(const char* text, size_t size) {
  return std::string(text, ::strnlen(text, size));
}

static DeviceInfo describe(uint32_t index, const weft_device_info& from) {
  DeviceInfo info;
  info.index = index;
  info.type = from.type;
  info.name = bounded(from.name, sizeof from.name);
  info.driver = bounded(from.driver, sizeof from.driver);
  std::memcpy(info.uuid.data(), from.uuid, sizeof from.uuid);
  info.memory_total = from.memory_total;
  info.memory_free = from.memory_free;
  info.max_buffer = from.max_buffer;
  info.buffer_alignment = from.buffer_alignment ? from.buffer_alignment : 1;
  info.memory_kinds = from.memory_kinds;
  info.queue_count = from.queue_count;
  info.priority_levels = from.priority_levels;
  std::memcpy(info.dtypes_compute.data(), from.dtypes_compute, sizeof from.dtypes_compute);
  return info;
}

Result<std::vector<DeviceInfo>> Plugin::devices(std::string* why_none) const {
  std::vector<DeviceInfo> found;
  for (uint32_t index = 0; index < kMostDevices; ++index) {
    weft_device_info info{};
    info.struct_size = sizeof info;
    CallError error;
    const weft_status status = api_.device_info(api_.self, index, &info, &error);
    if (status == WEFT_E_INVALID) {
      if (index == 0 && why_none) *why_none = bounded(error.message, sizeof error.message);
      return found;
    }
    if (status < 0) return failure("device_info", status, error);
    found.push_back(describe(index, info));
  }
  return found;
}

Result<DevicePtr> Plugin::open(uint32_t index, std::span<const weft_kv> options) {
  weft_device_info info{};
  info.struct_size = sizeof info;
  CallError error;
  weft_status status = api_.device_info(api_.self, index, &info, &error);
  if (status < 0) return failure("device_info", status, error);
  weft_device* device = nullptr;
  status =
      api_.device_open(api_.self, index, options.data(), uint32_t(options.size()), &device, &error);
  if (status < 0) return failure("device_open", status, error);
  if (!device) return no_object("device_open");
  return std::make_shared<Device>(shared_from_this(), device, describe(index, info));
}

const void* Plugin::extension(const char* id) const {
  return api_.get_extension ? api_.get_extension(api_.self, id) : nullptr;
}

}  // namespace weft::host
