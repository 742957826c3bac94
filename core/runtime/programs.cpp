#include "core/runtime/programs.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/partition/fingerprint.h"

namespace weft::runtime {

namespace {

// The island's content with the plugin and the driver that compile it.
Hash128 key_of(const plan::IslandPlan& island, const host::Device& device) {
  const std::string text = hex(partition::fingerprint(island.graph->get())) + "|" +
                           device.plugin()->name() + "|" + device.plugin()->build() + "|" +
                           device.info().name + "|" + device.info().driver;
  return hash128(text);
}

// The program, and whether it came from a blob.
Result<host::ProgramPtr> compile(const plan::IslandPlan& island, host::Device& device,
                                 const ProgramCache& cache) {
  host::CompileRequest request;
  request.graph = &island.graph->get();
  const Hash128 key = cache.enabled() ? key_of(island, device) : Hash128{};
  if (const auto blob = cache.find(key)) {
    request.blob = blob->bytes;
    request.keep = blob->owner;
  }
  host::ProgramPtr program = TRY(device.compile(request));
  if (program->from_blob() || !cache.enabled() || !program->can_save()) return program;
  const Status stored =
      cache.store(key, [&](const ProgramCache::Sink& sink) { return program->save(sink); });
  if (!stored.ok()) log::warn("the next start will compile again: {}", stored.error().message);
  return program;
}

}  // namespace

Result<std::unique_ptr<Programs>> prepare(const plan::Plan& plan,
                                          std::span<const host::DevicePtr> devices,
                                          const ProgramCache& cache) {
  auto out = std::make_unique<Programs>();
  out->scratch_bytes.assign(plan.arena_bytes().size(), 0);
  for (const plan::IslandPlan& island : plan.islands()) {
    host::ProgramPtr program = TRY(compile(island, *devices[island.device], cache));
    ++(program->from_blob() ? out->cached : out->compiled);
    out->constant_bytes += program->info().constant_bytes;
    out->deterministic = out->deterministic && program->deterministic();
    int64_t& scratch = out->scratch_bytes[island.domain];
    scratch = std::max(scratch, int64_t(program->info().scratch_bytes));
    out->programs.push_back(std::move(program));
  }
  return out;
}

}  // namespace weft::runtime
