// weft/plugin.hpp - optional C++ helpers over weft/plugin.h; header only, compiled into the plugin,
// so no ABI.
//
//   Failure, report        errors as C++ throws them, and as the ABI carries them
//   GraphView, NodeView    walkers over the POD graph, attribute readers
//   Plugin, Device, ...    base classes: derive, and fill_api() builds the C table from them
//   enter()                version negotiation for weft_plugin_entry
//
// The file's identity is apart: one source of a plugin includes weft/note.h.
//
// Every function of the table is a shim that catches whatever is thrown (rule R6): bad_alloc
// becomes WEFT_E_OUT_OF_MEMORY, a Failure its own status, anything else WEFT_E_INTERNAL.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "weft/plugin.h"

namespace weft::plugin {

// What plugin code throws; shims turn it into a weft_status and a weft_error.
struct Failure : std::exception {
  weft_status status;
  uint32_t node = WEFT_NONE;
  std::string message;
  Failure(weft_status s, std::string text, uint32_t at = WEFT_NONE)
      : status(s), node(at), message(std::move(text)) {}
  const char* what() const noexcept override { return message.c_str(); }
};

// printf-style text.
__attribute__((format(printf, 1, 2))) inline std::string text(const char* format, ...) {
  char buffer[480];
  va_list args;
  va_start(args, format);
  std::vsnprintf(buffer, sizeof buffer, format, args);
  va_end(args);
  return buffer;
}

// Fills the caller's error detail (nullable), never past its size, and returns `status`.
inline weft_status report(weft_error* error, weft_status status, const char* message,
                          uint32_t node = WEFT_NONE) {
  if (error) {
    weft_error mine{};
    mine.struct_size = sizeof mine;
    mine.status = status;
    mine.node = node;
    std::snprintf(mine.message, sizeof mine.message, "%s", message);
    weft_copy_out(error, &mine, sizeof mine);
  }
  return status;
}

// Runs `body` and turns what it throws into a status.
template <typename Body>
weft_status guarded(weft_error* error, Body&& body) noexcept {
  try {
    body();
    return WEFT_OK;
  } catch (const Failure& f) {
    return report(error, f.status, f.what(), f.node);
  } catch (const std::bad_alloc&) {
    return report(error, WEFT_E_OUT_OF_MEMORY, "the plugin could not allocate host memory");
  } catch (const std::exception& e) {
    return report(error, WEFT_E_INTERNAL, e.what());
  } catch (...) {
    return report(error, WEFT_E_INTERNAL, "an unknown exception inside the plugin");
  }
}

// A struct of the peer as ours (rule R3): a missing tail is zero, an unknown non-zero tail is
// refused.
template <typename T>
T read_struct(const T* peer) {
  T mine;
  if (weft_copy_in(&mine, sizeof mine, peer) != WEFT_OK)
    throw Failure(WEFT_E_UNSUPPORTED,
                  "an argument struct carries fields this plugin does not know");
  return mine;
}

class GraphView;

// One node with its graph: inputs by position, attributes by name.
class NodeView {
 public:
  NodeView(const GraphView& graph, uint32_t index);
  const weft_node* operator->() const { return node_; }
  uint32_t index() const { return index_; }
  const GraphView& graph() const { return *graph_; }

  uint32_t input(uint32_t i) const { return i < node_->input_count ? node_->inputs[i] : WEFT_NONE; }
  uint32_t output(uint32_t i) const {
    return i < node_->output_count ? node_->outputs[i] : WEFT_NONE;
  }
  bool has(uint32_t i) const { return input(i) != WEFT_NONE; }
  // The value of a present input or output.
  const weft_value& in(uint32_t i) const;
  const weft_value& out(uint32_t i) const;

  // nullptr when absent.
  const weft_attr* attr(const char* name) const {
    for (uint32_t i = 0; i < node_->attr_count; i++) {
      const weft_attr* a = WEFT_AT(weft_attr, node_->attrs, node_->attr_stride, i);
      if (std::strcmp(a->name, name) == 0) return a;
    }
    return nullptr;
  }
  // The attribute, or `otherwise` when it is absent or of another type.
  int64_t integer(const char* name, int64_t otherwise) const {
    const weft_attr* a = attr(name);
    return a && a->type == WEFT_ATTR_INT ? *static_cast<const int64_t*>(a->data) : otherwise;
  }
  float real(const char* name, float otherwise) const {
    const weft_attr* a = attr(name);
    return a && a->type == WEFT_ATTR_FLOAT ? *static_cast<const float*>(a->data) : otherwise;
  }
  std::string string(const char* name, const char* otherwise) const {
    const weft_attr* a = attr(name);
    return a && a->type == WEFT_ATTR_STRING ? static_cast<const char*>(a->data) : otherwise;
  }

 private:
  const GraphView* graph_;
  const weft_node* node_;
  uint32_t index_;
};

class GraphView {
 public:
  explicit GraphView(const weft_graph& graph) : graph_(&graph) {}
  const weft_graph* operator->() const { return graph_; }
  const weft_value& value(uint32_t i) const {
    return *WEFT_AT(weft_value, graph_->values, graph_->value_stride, i);
  }
  const weft_slot& slot(uint32_t i) const {
    return *WEFT_AT(weft_slot, graph_->slots, graph_->slot_stride, i);
  }
  NodeView node(uint32_t i) const { return NodeView(*this, i); }
  bool is_constant(uint32_t value_index) const {
    return value_index != WEFT_NONE && (value(value_index).flags & WEFT_VALUE_CONSTANT);
  }

 private:
  const weft_graph* graph_;
};

inline NodeView::NodeView(const GraphView& graph, uint32_t index)
    : graph_(&graph),
      node_(WEFT_AT(weft_node, graph->nodes, graph->node_stride, index)),
      index_(index) {}
inline const weft_value& NodeView::in(uint32_t i) const { return graph_->value(node_->inputs[i]); }
inline const weft_value& NodeView::out(uint32_t i) const {
  return graph_->value(node_->outputs[i]);
}

// ------------------------------------------------------------------ base classes of the objects
// Functions throw Failure on error; out-parameters are return values. destroy() ends the object.

class Event {
 public:
  virtual void signal(weft_status result) = 0;
  // WEFT_OK, WEFT_PENDING on timeout, or the error the event is poisoned with (reported in
  // `error`).
  virtual weft_status wait(uint64_t timeout_ns, weft_error* error) = 0;
  virtual void on_done(void(WEFT_CALL* fn)(void*, weft_status), void* arg) = 0;
  virtual void destroy() = 0;

 protected:
  ~Event() = default;
};

class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual void* map(uint64_t offset, uint64_t size, uint32_t mode) = 0;
  virtual void unmap(void* pointer) = 0;
};

class Program {
 public:
  virtual ~Program() = default;
  virtual void info(weft_program_info& out) = 0;
  virtual void save(const weft_writer& writer) = 0;
};

class Queue {
 public:
  virtual ~Queue() = default;  // drains
  virtual void flush() = 0;
  virtual Event* copy(const weft_view& src, const weft_view& dst, weft_event* const* waits,
                      uint32_t wait_count) = 0;
  virtual Event* execute(const weft_execute_args& args) = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual void claim(const weft_graph& graph, const weft_claim_sink& sink) = 0;
  virtual uint32_t blob_check(const void* head, uint64_t size) = 0;
  virtual Program* compile(const weft_compile_args& args) = 0;
  virtual Buffer* allocate(const weft_buffer_desc& desc) = 0;
  virtual Queue* create_queue(const weft_queue_desc& desc) = 0;
  virtual Event* create_event() = 0;
  virtual void wait_idle() = 0;
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual const void* extension(const char*) { return nullptr; }
  virtual void device_info(uint32_t index, weft_device_info& out) = 0;
  virtual Device* open(uint32_t index, const weft_kv* options, uint32_t count) = 0;
};

// Handles of the ABI and objects of this header are the same pointers.
inline weft_event* handle(Event* e) { return reinterpret_cast<weft_event*>(e); }
inline weft_buffer* handle(Buffer* b) { return reinterpret_cast<weft_buffer*>(b); }
inline weft_program* handle(Program* p) { return reinterpret_cast<weft_program*>(p); }
inline weft_queue* handle(Queue* q) { return reinterpret_cast<weft_queue*>(q); }
inline weft_device* handle(Device* d) { return reinterpret_cast<weft_device*>(d); }
inline weft_plugin* handle(Plugin* p) { return reinterpret_cast<weft_plugin*>(p); }
inline Event* object(weft_event* e) { return reinterpret_cast<Event*>(e); }
inline Buffer* object(weft_buffer* b) { return reinterpret_cast<Buffer*>(b); }
inline Program* object(weft_program* p) { return reinterpret_cast<Program*>(p); }
inline Queue* object(weft_queue* q) { return reinterpret_cast<Queue*>(q); }
inline Device* object(weft_device* d) { return reinterpret_cast<Device*>(d); }
inline Plugin* object(weft_plugin* p) { return reinterpret_cast<Plugin*>(p); }

// ------------------------------------------------------------------ the table
namespace shim {

inline void WEFT_CALL shutdown(weft_plugin* p) { delete object(p); }
inline const void* WEFT_CALL get_extension(weft_plugin* p, const char* id) {
  const void* out = nullptr;
  guarded(nullptr, [&] { out = object(p)->extension(id); });
  return out;
}
inline weft_status WEFT_CALL device_info(weft_plugin* p, uint32_t index, weft_device_info* out,
                                         weft_error* e) {
  return guarded(e, [&] {
    weft_device_info mine{};
    mine.struct_size = sizeof mine;
    object(p)->device_info(index, mine);
    weft_copy_out(out, &mine, sizeof mine);
  });
}
inline weft_status WEFT_CALL device_open(weft_plugin* p, uint32_t index, const weft_kv* options,
                                         uint32_t count, weft_device** out, weft_error* e) {
  return guarded(e, [&] { *out = handle(object(p)->open(index, options, count)); });
}
inline void WEFT_CALL device_close(weft_device* d) { delete object(d); }
inline weft_status WEFT_CALL claim(weft_device* d, const weft_graph* graph,
                                   const weft_claim_sink* sink, weft_error* e) {
  return guarded(e, [&] { object(d)->claim(read_struct(graph), read_struct(sink)); });
}
inline weft_status WEFT_CALL blob_check(weft_device* d, const void* head, uint64_t size,
                                        uint32_t* verdict, weft_error* e) {
  return guarded(e, [&] { *verdict = object(d)->blob_check(head, size); });
}
inline weft_status WEFT_CALL compile(weft_device* d, const weft_compile_args* args,
                                     weft_program** out, weft_error* e) {
  return guarded(e, [&] { *out = handle(object(d)->compile(read_struct(args))); });
}
inline weft_status WEFT_CALL program_info(weft_program* p, weft_program_info* out, weft_error* e) {
  return guarded(e, [&] {
    weft_program_info mine{};
    mine.struct_size = sizeof mine;
    object(p)->info(mine);
    weft_copy_out(out, &mine, sizeof mine);
  });
}
inline weft_status WEFT_CALL program_save(weft_program* p, const weft_writer* writer,
                                          weft_error* e) {
  return guarded(e, [&] { object(p)->save(read_struct(writer)); });
}
inline void WEFT_CALL program_destroy(weft_program* p) { delete object(p); }
inline weft_status WEFT_CALL buffer_alloc(weft_device* d, const weft_buffer_desc* desc,
                                          weft_buffer** out, weft_error* e) {
  return guarded(e, [&] { *out = handle(object(d)->allocate(read_struct(desc))); });
}
inline void WEFT_CALL buffer_free(weft_buffer* b) { delete object(b); }
inline weft_status WEFT_CALL buffer_map(weft_buffer* b, uint64_t offset, uint64_t size,
                                        uint32_t mode, void** out, weft_error* e) {
  return guarded(e, [&] { *out = object(b)->map(offset, size, mode); });
}
inline weft_status WEFT_CALL buffer_unmap(weft_buffer* b, void* pointer, weft_error* e) {
  return guarded(e, [&] { object(b)->unmap(pointer); });
}
inline weft_status WEFT_CALL copy(weft_queue* q, const weft_view* src, const weft_view* dst,
                                  weft_event* const* waits, uint32_t wait_count, weft_event** done,
                                  weft_error* e) {
  return guarded(e, [&] { *done = handle(object(q)->copy(*src, *dst, waits, wait_count)); });
}
inline weft_status WEFT_CALL queue_create(weft_device* d, const weft_queue_desc* desc,
                                          weft_queue** out, weft_error* e) {
  return guarded(e, [&] { *out = handle(object(d)->create_queue(read_struct(desc))); });
}
inline weft_status WEFT_CALL queue_flush(weft_queue* q, weft_error* e) {
  return guarded(e, [&] { object(q)->flush(); });
}
inline void WEFT_CALL queue_destroy(weft_queue* q) { delete object(q); }
inline weft_status WEFT_CALL execute(weft_queue* q, const weft_execute_args* args,
                                     weft_event** done, weft_error* e) {
  return guarded(e, [&] { *done = handle(object(q)->execute(read_struct(args))); });
}
inline weft_status WEFT_CALL event_create(weft_device* d, weft_event** out, weft_error* e) {
  return guarded(e, [&] { *out = handle(object(d)->create_event()); });
}
inline weft_status WEFT_CALL event_signal(weft_event* event, weft_status result, weft_error* e) {
  return guarded(e, [&] { object(event)->signal(result); });
}
inline weft_status WEFT_CALL event_wait(weft_event* event, uint64_t timeout_ns, weft_error* e) {
  weft_status out = WEFT_OK;
  const weft_status thrown = guarded(e, [&] { out = object(event)->wait(timeout_ns, e); });
  return thrown < 0 ? thrown : out;
}
inline weft_status WEFT_CALL event_on_done(weft_event* event,
                                           void(WEFT_CALL* fn)(void*, weft_status), void* arg,
                                           weft_error* e) {
  return guarded(e, [&] { object(event)->on_done(fn, arg); });
}
inline void WEFT_CALL event_destroy(weft_event* event) { object(event)->destroy(); }
inline weft_status WEFT_CALL device_wait_idle(weft_device* d, weft_error* e) {
  return guarded(e, [&] { object(d)->wait_idle(); });
}

}  // namespace shim

// The complete table over `self`; vendor, name and build are static strings.
inline weft_api make_api(Plugin* self, const char* vendor, const char* name, const char* build) {
  weft_api api{};
  api.struct_size = sizeof api;
  api.version_major = WEFT_VERSION_MAJOR;
  api.version_minor = WEFT_VERSION_MINOR;
  api.vendor = vendor;
  api.name = name;
  api.build = build;
  api.self = handle(self);
  api.shutdown = shim::shutdown;
  api.get_extension = shim::get_extension;
  api.device_info = shim::device_info;
  api.device_open = shim::device_open;
  api.device_close = shim::device_close;
  api.claim = shim::claim;
  api.blob_check = shim::blob_check;
  api.compile = shim::compile;
  api.program_info = shim::program_info;
  api.program_save = shim::program_save;
  api.program_destroy = shim::program_destroy;
  api.buffer_alloc = shim::buffer_alloc;
  api.buffer_free = shim::buffer_free;
  api.buffer_map = shim::buffer_map;
  api.buffer_unmap = shim::buffer_unmap;
  api.copy = shim::copy;
  api.queue_create = shim::queue_create;
  api.queue_flush = shim::queue_flush;
  api.queue_destroy = shim::queue_destroy;
  api.execute = shim::execute;
  api.event_create = shim::event_create;
  api.event_signal = shim::event_signal;
  api.event_wait = shim::event_wait;
  api.event_on_done = shim::event_on_done;
  api.event_destroy = shim::event_destroy;
  api.device_wait_idle = shim::device_wait_idle;
  return api;
}

// The body of weft_plugin_entry: checks versions, then writes the table of `make(host)`.
//   make  Plugin*(const weft_host&): the host table is valid until shutdown()
template <typename Make>
weft_status enter(const weft_entry_args* args, weft_error* error, const char* vendor,
                  const char* name, const char* build, Make&& make) {
  return guarded(error, [&] {
    const weft_host& host = *args->host;
    const bool other_major = host.version_major != WEFT_VERSION_MAJOR;
    // While major is 0 any minor may break, so only the very same minor is spoken.
    const bool other_minor = WEFT_VERSION_MAJOR == 0 && host.version_minor != WEFT_VERSION_MINOR;
    const bool too_old = args->min_major == WEFT_VERSION_MAJOR
                             ? args->min_minor > WEFT_VERSION_MINOR
                             : args->min_major > WEFT_VERSION_MAJOR;
    if (other_major || other_minor || too_old)
      throw Failure(WEFT_E_VERSION,
                    text("plugin %s speaks ABI %u.%u, the host %u.%u (oldest %u.%u)", name,
                         WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, host.version_major,
                         host.version_minor, args->min_major, args->min_minor));
    const weft_api api = make_api(make(host), vendor, name, build);
    weft_copy_out(args->api, &api, sizeof api);
  });
}

}  // namespace weft::plugin
