// Claims with reasons, and the objects of a device; see device.h.
#include "plugins/opencl/device.h"

#include "plugins/opencl/program.h"
#include "plugins/opencl/queue.h"

namespace weft::opencl {

namespace {

void add(const weft_claim_sink& sink, uint32_t node, const char* reason) {
  weft_claim claim{};
  claim.struct_size = sizeof claim;
  claim.nodes = &node;
  claim.node_count = 1;
  claim.reason = reason;
  const weft_status status = sink.add(sink.ctx, &claim);
  if (status < 0) throw Failure(status, "the host refused a claim", node);
}

void decline(const weft_claim_sink& sink, uint32_t node, const Refusal& refusal) {
  if (!sink.decline) return;
  weft_refusal out{};
  out.struct_size = sizeof out;
  out.node = node;
  out.code = refusal.code;
  out.value = refusal.value;
  out.what = refusal.what.empty() ? nullptr : refusal.what.c_str();
  out.why = refusal.why.c_str();
  out.found = refusal.found;
  out.limit = refusal.limit;
  sink.decline(sink.ctx, &out);
}

}  // namespace

void OpenclDevice::claim(const weft_graph& pod, const weft_claim_sink& sink) {
  const plugin::GraphView graph(pod);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const NodeView node = graph.node(n);
    try {
      const OpRow* row = find_op(node->domain, node->op_type);
      if (!row) throw Refusal{WEFT_REFUSE_OP, text("opencl has no kernel for %s", node->op_type)};
      row->check(node, context_.facts.limits);
    } catch (const Refusal& refusal) {
      decline(sink, n, refusal);
      continue;
    }
    add(sink, n, node->op_type);
  }
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

plugin::Queue* OpenclDevice::create_queue(const weft_queue_desc&) {
  return new DeviceQueue(context_);
}

plugin::Event* OpenclDevice::create_event() {
  return new DeviceEvent(EventState::host(context_.handle()));
}

// Whoever made a queue drains it; what the device does by itself is on the service queue.
void OpenclDevice::wait_idle() { check(clFinish(context_.service()), "clFinish"); }

plugin::Buffer* OpenclDevice::import(const weft_external& external) {
  if (external.kind != WEFT_HANDLE_HOST_PTR)
    throw Failure(WEFT_E_UNSUPPORTED, "only host pointers can be imported");
  if (!imports_host_memory())
    throw Failure(WEFT_E_UNSUPPORTED, context_.facts.name + " keeps to memory of its own here");
  if (!external.ptr) throw Failure(WEFT_E_INVALID, "import of a null pointer");
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
    *out = plugin::handle(device_of(device).import(plugin::read_struct(external)));
  });
}

weft_status WEFT_CALL export_buffer(weft_buffer*, uint32_t, weft_external*, weft_error* error) {
  return plugin::report(error, WEFT_E_UNSUPPORTED, "opencl exports no memory");
}

}  // namespace

const weft_ext_external_memory_1 kExternalMemory = {kinds, import_buffer, export_buffer, nullptr,
                                                    nullptr};

}  // namespace weft::opencl
