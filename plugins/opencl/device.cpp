// Claims with reasons, and the objects of a device; see device.h.
#include "plugins/opencl/device.h"

#include "plugins/common/host_memory.h"
#include "plugins/opencl/fusion.h"
#include "plugins/opencl/program.h"
#include "plugins/opencl/queue.h"

namespace weft::opencl {

OpenclDevice::~OpenclDevice() {
  if (!context_.options.report) return;
  const Counters& c = context_.counters;
  const auto number = [](const std::atomic<uint64_t>& n) {
    return static_cast<unsigned long long>(n.load());
  };
  log_(text(
      "opencl report: programs built %llu, programs built after the first run %llu, runs %llu, "
      "kernels enqueued %llu, pieces %llu, microseconds of enqueueing %llu, arguments set %llu, "
      "arguments kept %llu, pauses %llu, buffers made %llu, choices measured %llu",
      number(c.programs), number(c.programs_late), number(c.runs), number(c.kernels),
      number(c.pieces), number(c.enqueue_ns) / 1000, number(c.arguments_set),
      number(c.arguments_kept), number(c.pauses), number(c.memories), number(c.tunings)));
}

void OpenclDevice::claim(const weft_graph& graph, const weft_claim_sink& sink) {
  std::vector<std::vector<uint32_t>> together;
  for (const Fusion& fusion : find_fusions(plugin::GraphView(graph)))
    together.push_back(fusion.nodes);
  const auto check_node = [&](const NodeView& node) {
    const OpRow* row = find_op(node->domain, node->op_type);
    if (!row) throw Refusal{WEFT_REFUSE_OP, text("opencl has no kernel for %s", node->op_type)};
    row->check(node, context_.facts.limits);
  };
  common::answer_claims(graph, sink, 0, check_node, together);
}

uint32_t OpenclDevice::blob_check(const void* head, uint64_t size) {
  return context_.kernels().judge(head, size);
}

plugin::Program* OpenclDevice::compile(const weft_compile_args& args) {
  return new IslandProgram(context_, args);
}

plugin::Buffer* OpenclDevice::allocate(const weft_buffer_desc& desc) {
  return new DeviceBuffer(context_, desc.size);
}

plugin::Queue* OpenclDevice::create_queue(const weft_queue_desc& desc) {
  return new DeviceQueue(context_, desc.priority);
}

plugin::Event* OpenclDevice::create_event() {
  return new DeviceEvent(EventState::host(context_.handle()));
}

// Whoever made a queue drains it; what the device does by itself is on the service queue.
void OpenclDevice::wait_idle() { check(clFinish(context_.service()), "clFinish"); }

plugin::Buffer* OpenclDevice::import(const weft_external& external) {
  if (!imports_host_memory())
    throw Failure(WEFT_E_UNSUPPORTED, context_.facts.name + " keeps to memory of its own here");
  return new DeviceBuffer(context_, external.ptr, external.offset, external.size);
}

// ------------------------------------------------------------------ weft.external_memory/1
namespace {

OpenclDevice& device_of(weft_device* device) {
  return static_cast<OpenclDevice&>(*plugin::object(device));
}

uint32_t WEFT_CALL kinds(weft_device* device, uint32_t for_export) {
  return !for_export && device_of(device).imports_host_memory() ? 1u << WEFT_HANDLE_HOST_PTR : 0;
}

weft_status WEFT_CALL import_buffer(weft_device* device, const weft_external* external,
                                    weft_buffer** out, weft_error* error) {
  return plugin::guarded(error, [&] {
    *out = plugin::handle(device_of(device).import(common::read_host_pointer(external)));
  });
}

weft_status WEFT_CALL export_buffer(weft_buffer*, uint32_t, weft_external*, weft_error* error) {
  return plugin::report(error, WEFT_E_UNSUPPORTED, "opencl exports no memory");
}

}  // namespace

const weft_ext_external_memory_1 kExternalMemory = {kinds, import_buffer, export_buffer, nullptr,
                                                    nullptr};

}  // namespace weft::opencl
