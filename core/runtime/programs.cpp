#include "core/runtime/programs.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/log.h"
#include "core/base/mapped_file.h"
#include "core/base/read_once.h"
#include "core/partition/fingerprint.h"
#include "core/runtime/check_weights.h"

namespace weft::runtime {

namespace {

// The contents of a plugin's file, hashed once for each plan: two builds of one version are two
// plugins.
std::string file_hash(const host::Plugin& plugin) {
  const auto file = MappedFile::open(plugin.path());
  return file.ok() ? hex(hash128((*file)->bytes())) : std::string();
}

// The island's content with the plugin and the driver that compile it.
Hash128 key_of(const plan::IslandPlan& island, const host::Device& device,
               const std::string& plugin_hash) {
  std::string fixed;
  for (const int64_t value : island.fixed_slots) fixed += "," + std::to_string(value);
  const std::string text = hex(partition::fingerprint(island.graph->get())) + fixed + "|" +
                           device.plugin()->name() + "|" + device.plugin()->build() + "|" +
                           plugin_hash + "|" + device.info().name + "|" + device.info().driver;
  return hash128(text);
}

// The program, and whether it came from a blob.
Result<host::ProgramPtr> compile(const ir::Graph& graph, const plan::IslandPlan& island,
                                 host::Device& device, const ProgramCache& cache,
                                 const Hash128& key, const host::ProgramPtr& sharing) {
  host::CompileRequest request;
  request.graph = &island.graph->get();
  request.share_constants_with = sharing;
  if (!island.fixed_slots.empty()) request.slots = island.fixed_slots.data();
  std::optional<ReadOnce> read_once;
  if (const auto blob = cache.find(key)) {
    request.blob = blob->bytes;
    request.keep = blob->owner;
  } else {
    read_once.emplace();
    TRY(check_weights(graph, island.nodes));
  }
  host::ProgramPtr program = TRY(device.compile(request));
  if (!request.blob.empty() && !program->from_blob()) TRY(check_weights(graph, island.nodes));
  if (program->from_blob() || !cache.enabled() || !program->can_save()) return program;
  CacheDescription description;
  description.plugin = device.plugin()->name() + " (" + device.plugin()->build() + ")";
  description.device = device.info().name + ", " + device.info().driver;
  description.nodes = int64_t(island.nodes.size());
  const Status stored = cache.store(
      key, [&](const ProgramCache::Sink& sink) { return program->save(sink); }, description);
  if (!stored.ok()) log::warn("the next start will compile again: {}", stored.error().message);
  return program;
}

}  // namespace

Result<std::unique_ptr<Programs>> prepare(const plan::Plan& plan,
                                          std::span<const host::DevicePtr> devices,
                                          const ProgramCache& cache) {
  auto out = std::make_unique<Programs>();
  out->scratch_bytes.assign(plan.arena_bytes().size(), 0);
  std::map<uint32_t, host::ProgramPtr> first;  // of each device
  std::map<uint32_t, std::string> hashes;      // of each device's plugin
  std::string identity;
  for (const plan::IslandPlan& island : plan.islands()) {
    host::ProgramPtr& sharing = first[island.device];
    host::Device& device = *devices[island.device];
    std::string& hash = hashes[island.device];
    if (cache.enabled() && hash.empty()) hash = file_hash(*device.plugin());
    const Hash128 key = cache.enabled() ? key_of(island, device, hash) : Hash128{};
    if (cache.enabled()) identity += hex(key);
    host::ProgramPtr program = TRY(compile(plan.graph(), island, device, cache, key, sharing));
    if (!sharing) sharing = program;
    ++(program->from_blob() ? out->cached : out->compiled);
    out->constant_bytes += program->info().constant_bytes;
    out->deterministic = out->deterministic && program->deterministic();
    int64_t& scratch = out->scratch_bytes[island.domain];
    scratch = std::max(scratch, int64_t(program->info().scratch_bytes));
    out->programs.push_back(std::move(program));
  }
  if (!identity.empty()) out->identity = hex(hash128(identity));
  return out;
}

}  // namespace weft::runtime
