// One open device: claims, compiling, and the objects it makes; see plugin.h.
#include <algorithm>
#include <cstring>

#include "core/base/counters.h"
#include "core/host/plugin.h"

namespace weft::host {

static weft_error empty_error() {
  weft_error error{};
  error.struct_size = sizeof error;
  error.node = WEFT_NONE;
  return error;
}

Device::Device(PluginPtr plugin, weft_device* raw, DeviceInfo info)
    : plugin_(std::move(plugin)), raw_(raw), info_(std::move(info)) {}

Device::~Device() { plugin_->api().device_close(raw_); }

// ---- claims: the sink copies what the plugin says, and believes no index of it

struct ClaimSink {
  Claims claims;
  uint32_t node_count;
  std::string fault;  // the first answer that cannot be meant
};

static std::string text_of(const char* text) { return text ? text : ""; }

// Runs inside the plugin's call: nothing may unwind from here.
template <typename Fn>
static weft_status guarded(ClaimSink& sink, Fn fn) {
  try {
    fn();
  } catch (...) {
    return WEFT_E_OUT_OF_MEMORY;
  }
  return sink.fault.empty() ? WEFT_OK : WEFT_E_INVALID;
}

static weft_status WEFT_CALL add_claim(void* ctx, const weft_claim* from) {
  ClaimSink& sink = *static_cast<ClaimSink*>(ctx);
  weft_claim claim;
  if (weft_copy_in(&claim, sizeof claim, from) < 0) return WEFT_E_UNSUPPORTED;
  return guarded(sink, [&] {
    if (claim.node_count == 0 || !claim.nodes) {
      sink.fault = "a claim has no node";
      return;
    }
    for (uint32_t i = 0; i < claim.node_count; ++i)
      if (claim.nodes[i] >= sink.node_count) {
        sink.fault = "a claim names node " + std::to_string(claim.nodes[i]) + " of " +
                     std::to_string(sink.node_count);
        return;
      }
    sink.claims.claims.push_back({{claim.nodes, claim.nodes + claim.node_count},
                                  claim.flags,
                                  claim.pattern,
                                  claim.est_time_ns,
                                  claim.est_workspace,
                                  text_of(claim.reason)});
  });
}

static weft_status WEFT_CALL decline(void* ctx, const weft_refusal* from) {
  ClaimSink& sink = *static_cast<ClaimSink*>(ctx);
  weft_refusal refusal;
  if (weft_copy_in(&refusal, sizeof refusal, from) < 0) return WEFT_E_UNSUPPORTED;
  return guarded(sink, [&] {
    if (refusal.node >= sink.node_count) {
      sink.fault = "a refusal names node " + std::to_string(refusal.node) + " of " +
                   std::to_string(sink.node_count);
      return;
    }
    sink.claims.refusals.push_back({refusal.node, refusal.code, refusal.value,
                                    text_of(refusal.what), text_of(refusal.why), refusal.found,
                                    refusal.limit});
  });
}

Result<Claims> Device::claim(const weft_graph& graph) {
  ClaimSink sink{{}, graph.node_count, ""};
  weft_claim_sink table{};
  table.struct_size = sizeof table;
  table.ctx = &sink;
  table.add = add_claim;
  table.decline = decline;
  weft_error error = empty_error();
  weft_status status;
  {
    const std::lock_guard lock(mutex_);
    status = plugin_->api().claim(raw_, &graph, &table, &error);
  }
  if (!sink.fault.empty())
    return Error("plugin '" + plugin_->name() + "': claim: " + sink.fault, ErrorKind::plugin);
  if (status < 0) return plugin_->failure("claim", status, error);
  return std::move(sink.claims);
}

// ---- programs

Result<uint32_t> Device::check_blob(std::span<const std::byte> head) {
  if (!plugin_->api().blob_check) return WEFT_BLOB_STALE;
  weft_error error = empty_error();
  uint32_t verdict = WEFT_BLOB_STALE;
  const std::lock_guard lock(mutex_);
  const weft_status status =
      plugin_->api().blob_check(raw_, head.data(), head.size(), &verdict, &error);
  if (status < 0) return plugin_->failure("blob_check", status, error);
  return verdict;
}

Result<ProgramPtr> Device::compile(const CompileRequest& request, weft_status* status_out) {
  weft_compile_args args{};
  args.struct_size = sizeof args;
  args.pattern = request.pattern;
  args.graph = request.graph;
  args.slots = request.slots;
  args.options = request.options.data();
  args.option_count = uint32_t(request.options.size());
  args.blob = request.blob.empty() ? nullptr : request.blob.data();
  args.blob_size = request.blob.size();
  if (request.share_constants_with) args.share_constants_with = request.share_constants_with->get();

  const weft_api& api = plugin_->api();
  weft_error error = empty_error();
  weft_program* raw = nullptr;
  const std::lock_guard lock(mutex_);
  weft_status status = api.compile(raw_, &args, &raw, &error);
  bool from_blob = args.blob != nullptr;
  if (status == WEFT_E_STALE_BLOB && from_blob) {
    from_blob = false;
    args.blob = nullptr;
    args.blob_size = 0;
    error = empty_error();
    status = api.compile(raw_, &args, &raw, &error);
  }
  if (status_out) *status_out = status;
  if (status < 0) return plugin_->failure("compile", status, error);
  if (!raw) return plugin_->no_object("compile");
  auto program = std::make_shared<Program>(shared_from_this(), raw, request, from_blob);
  status = api.program_info(raw, &program->info_, &error);
  if (status_out) *status_out = status;
  if (status < 0) {
    program->info_.constant_bytes = 0;
    return plugin_->failure("program_info", status, error);
  }
  program->info_.blob_key[sizeof program->info_.blob_key - 1] = 0;
  counters().program_bytes += program->info_.constant_bytes;
  return program;
}

// ---- buffers, queues, events

Result<Buffer> Device::allocate(uint64_t size_bytes, uint32_t memory_kind, const char* debug_name,
                                weft_status* status_out) {
  weft_buffer_desc desc{};
  desc.struct_size = sizeof desc;
  desc.memory_kind = memory_kind;
  desc.size = size_bytes;
  desc.debug_name = debug_name;
  weft_error error = empty_error();
  weft_buffer* raw = nullptr;
  const weft_status status = plugin_->api().buffer_alloc(raw_, &desc, &raw, &error);
  if (status_out) *status_out = status;
  if (status < 0) return plugin_->failure("buffer_alloc", status, error);
  if (!raw) return plugin_->no_object("buffer_alloc");
  return Buffer(shared_from_this(), raw, size_bytes);
}

Result<Queue> Device::create_queue(int32_t priority, bool out_of_order) {
  weft_queue_desc desc{};
  desc.struct_size = sizeof desc;
  desc.priority = priority;
  desc.flags = out_of_order ? 1 : 0;
  weft_error error = empty_error();
  weft_queue* raw = nullptr;
  const weft_status status = plugin_->api().queue_create(raw_, &desc, &raw, &error);
  if (status < 0) return plugin_->failure("queue_create", status, error);
  if (!raw) return plugin_->no_object("queue_create");
  return Queue(shared_from_this(), raw);
}

Result<Queue> Device::create_queue(const Courtesy& courtesy, std::string& note) {
  Queue queue = TRY(create_queue(courtesy.priority));
  if (!courtesy.is_bound()) return queue;
  const auto* table =
      static_cast<const weft_ext_throttle_1*>(plugin_->extension(WEFT_EXT_THROTTLE));
  if (!table) {
    note = plugin_->name() + " has no " WEFT_EXT_THROTTLE ": its work is not bounded";
    return queue;
  }
  const weft_throttle bounds = {sizeof bounds, 0, uint64_t(courtesy.in_flight.count()),
                                uint64_t(courtesy.kernel.count()),
                                uint64_t(courtesy.pause.count())};
  weft_error error = empty_error();
  const weft_status status = table->set(queue.get(), &bounds, &error);
  if (status < 0) return plugin_->failure("throttle.set", status, error);
  return queue;
}

bool Device::has_host_events() const {
  return plugin_->api().event_create && plugin_->api().event_signal;
}

bool Device::has_callbacks() const { return plugin_->api().event_on_done != nullptr; }

Result<Event> Device::create_event() {
  weft_error error = empty_error();
  if (!has_host_events()) return plugin_->failure("event_create", WEFT_E_UNSUPPORTED, error);
  weft_event* raw = nullptr;
  const weft_status status = plugin_->api().event_create(raw_, &raw, &error);
  if (status < 0) return plugin_->failure("event_create", status, error);
  if (!raw) return plugin_->no_object("event_create");
  return Event(shared_from_this(), raw);
}

Status Device::wait_idle() {
  if (!plugin_->api().device_wait_idle) return {};
  weft_error error = empty_error();
  const weft_status status = plugin_->api().device_wait_idle(raw_, &error);
  if (status < 0) return plugin_->failure("device_wait_idle", status, error);
  return {};
}

}  // namespace weft::host
