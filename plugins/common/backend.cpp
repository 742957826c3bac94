// Plugin and device over a table of kernels; see backend.h.
#include "plugins/common/backend.h"

#include <unistd.h>

#include <cstring>
#include <mutex>
#include <vector>

#include "plugins/common/constant_store.h"
#include "plugins/common/host_event.h"
#include "plugins/common/host_memory.h"
#include "plugins/common/host_queue.h"
#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;
using plugin::NodeView;

namespace {

class HostDevice final : public plugin::Device {
 public:
  HostDevice(const BackendTraits& traits, const weft_host& host, DeviceSettings settings)
      : traits_(traits), host_(host), settings_(std::move(settings)) {}

  void claim(const weft_graph& graph, const weft_claim_sink& sink) override;
  uint32_t blob_check(const void* head, uint64_t size) override { return check_blob(head, size); }
  plugin::Program* compile(const weft_compile_args& args) override {
    return new TableProgram({traits_, settings_, host_, constants_}, args);
  }
  plugin::Buffer* allocate(const weft_buffer_desc& desc) override {
    return new HostBuffer(desc.size);
  }
  plugin::Queue* create_queue(const weft_queue_desc&) override;
  plugin::Event* create_event() override { return events_.take(1); }
  // Queues run on their callers' threads: whatever is not kept for a pending event is done.
  void wait_idle() override {}

 private:
  const BackendTraits& traits_;
  weft_host host_;
  DeviceSettings settings_;
  EventPool events_;
  ConstantPool constants_;
};

plugin::Queue* HostDevice::create_queue(const weft_queue_desc&) { return new HostQueue(events_); }

void HostDevice::claim(const weft_graph& graph, const weft_claim_sink& sink) {
  std::vector<std::vector<uint32_t>> together;
  if (traits_.fuse)
    for (Fusion& fusion : traits_.fuse(plugin::GraphView(graph), settings_))
      together.push_back(std::move(fusion.nodes));
  const auto check = [&](const NodeView& node) {
    const OpRow* row = traits_.find(node->domain ? node->domain : "", node->op_type);
    if (!row)
      throw Refusal{WEFT_REFUSE_OP,
                    plugin::text("%s has no kernel for %s", traits_.name, node->op_type)};
    row->check(node);
  };
  answer_claims(graph, sink, 0, check, together);
}

// ------------------------------------------------------------------ weft.external_memory/1
uint32_t WEFT_CALL external_kinds(weft_device*, uint32_t) { return 1u << WEFT_HANDLE_HOST_PTR; }

weft_status WEFT_CALL import_buffer(weft_device*, const weft_external* external, weft_buffer** out,
                                    weft_error* error) {
  return plugin::guarded(error, [&] {
    const weft_external mine = read_host_pointer(external);
    *out = plugin::handle(new HostBuffer(static_cast<char*>(mine.ptr) + mine.offset, mine.size));
  });
}

weft_status WEFT_CALL export_buffer(weft_buffer* buffer, uint32_t kind, weft_external* out,
                                    weft_error* error) {
  return plugin::guarded(error, [&] {
    if (kind != WEFT_HANDLE_HOST_PTR)
      throw Failure(WEFT_E_UNSUPPORTED, "only host pointers can be exported");
    const auto& mine = static_cast<const HostBuffer&>(*plugin::object(buffer));
    weft_external external{};
    external.struct_size = sizeof external;
    external.kind = WEFT_HANDLE_HOST_PTR;
    external.fd = -1;
    external.ptr = mine.data();
    external.size = mine.size();
    weft_copy_out(out, &external, sizeof external);
  });
}

constexpr weft_ext_external_memory_1 kExternalMemory = {external_kinds, import_buffer,
                                                        export_buffer, nullptr, nullptr};

class HostPlugin final : public plugin::Plugin {
 public:
  HostPlugin(const BackendTraits& traits, const weft_host& host)
      : traits_(traits), host_(plugin::read_struct(&host)) {
    if (traits.most_threads) host_.thread_count = std::min(host_.thread_count, traits.most_threads);
  }
  const void* extension(const char* id) override {
    return std::strcmp(id, WEFT_EXT_EXTERNAL_MEMORY) == 0 ? &kExternalMemory : nullptr;
  }
  void device_info(uint32_t index, weft_device_info& out) override;
  plugin::Device* open(uint32_t index, const weft_kv* options, uint32_t count) override {
    if (index) throw Failure(WEFT_E_INVALID, "there is only device 0");
    return new HostDevice(traits_, host_, traits_.open(options, count));
  }

 private:
  const BackendTraits& traits_;
  weft_host host_;
};

void HostPlugin::device_info(uint32_t index, weft_device_info& out) {
  if (index) throw Failure(WEFT_E_INVALID, "there is only device 0");
  const DeviceSettings settings = traits_.open(nullptr, 0);
  out.type = WEFT_DEV_CPU;
  std::snprintf(out.name, sizeof out.name, "%s", settings.name.c_str());
  std::snprintf(out.driver, sizeof out.driver, "%s", settings.driver.c_str());
  std::snprintf(reinterpret_cast<char*>(out.uuid), sizeof out.uuid, "host processor");
  const uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  out.memory_total = uint64_t(sysconf(_SC_PHYS_PAGES)) * page;
  out.memory_free = uint64_t(sysconf(_SC_AVPHYS_PAGES)) * page;
  out.max_buffer = out.memory_total;
  out.buffer_alignment = 1;  // views need only be aligned to their elements
  out.memory_kinds = WEFT_MEM_HOST_VISIBLE | WEFT_MEM_HOST_COHERENT | WEFT_MEM_HOST_CACHED;
  out.queue_count = 1;
  out.priority_levels = 1;
  out.dtypes_compute[0] = traits_.dtypes_compute;
}

}  // namespace

weft_status enter_backend(const weft_entry_args* args, weft_error* error,
                          const BackendTraits& traits) {
  const weft_status status =
      plugin::enter(args, error, "weft", traits.name, traits.build,
                    [&](const weft_host& host) { return new HostPlugin(traits, host); });
  if (status >= 0 && !traits.saves) args->api->program_save = nullptr;
  return status;
}

}  // namespace weft::common
