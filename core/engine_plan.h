// Everything that is decided before a plugin compiles: the rewritten graph, where each node runs
// and why, what runs when, and how much memory that takes. Nothing of the weights is read.
//
//   Graph -> passes -> claims -> islands -> plan        Engine::build goes on from here
//
// Immutable once made. `weft inspect` shows one; an Engine is one with programs.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/graph.h"
#include "core/partition/claims.h"
#include "core/passes/pass.h"
#include "core/plan/plan.h"
#include "core/runtime/pipeline.h"

namespace weft {

struct EngineOptions {
  // Backends by plugin name, most wanted first; each node goes to the first that claims it.
  std::vector<std::string> backends;
  std::vector<std::string> prefill, decode;  // per phase; empty: as `backends`
  std::string require;                       // a node of any other backend is an error
  // What products with weights compute with: "f32", "bf16", "int8" or "auto"; a device's option
  // (weft_api.device_open).
  std::string compute = "f32";
  std::map<std::string, uint32_t> devices;  // of a backend by its number; 0 where none is given
  host::Courtesy courtesy;                  // of every queue
  int64_t capacity = 2048;                  // positions of the KV cache
  int64_t chunk = 512;                      // most tokens of one run
  runtime::ScheduleOptions schedule;        // of the chunks of a prompt
  bool usual_chunk = false;  // nobody asked for `chunk`: 256 at most where an NPU runs prompts
  // Element types of cached keys and values: f32, f16 at half the bytes, or i8 at a quarter and a
  // bit: rows of codes (quant/code_rows.h), called q8_0. Where none is given,
  // f16 if `compute` is not f32 and of each phase the most wanted device that knows floats knows
  // f16, else f32.
  std::optional<ir::DType> key_type, value_type;
  // The graph keeps the inputs and outputs of the file: none gets a role, caches are no states, and
  // an Engine gives graph runs instead of sessions.
  bool keep_interface = false;
  plan::MemoryPlan memory = plan::MemoryPlan::max;  // of activations
  std::filesystem::path cache_folder;               // preparation cache; empty: none
  int64_t cache_limit = int64_t{4} << 30;           // bytes of its entries (runtime/cache_folder.h)
  std::string model;                                // what the cache lists its entries under
};

// Nodes per backend over all phases, with the reasons of those that did not get their first choice.
struct PlacementSummary {
  struct Row {
    std::string backend;
    size_t nodes = 0;
    std::map<std::string, size_t> ops;  // those nodes by op
  };
  std::vector<Row> rows;
  // "2 x TopK: cpu has no such op", most frequent first
  std::vector<std::string> reasons;
  // "backend 'cpu' is asked for but not there: ..."
  std::vector<std::string> missing;
  std::string line() const;  // "342 of 342 nodes on cpu"
};

// Bytes as the plan knows them. What programs want on top (packed weights, scratch) is the plugins'
// word, given when they compile.
struct PlannedMemory {
  int64_t weights = 0;  // constants the graph reads, each once, as the graph holds them
  int64_t cache = 0;    // KV, at full capacity
  int64_t arena = 0;    // activations, at the longest run
  // A backend that packs weights holds them twice while it does.
  int64_t total() const { return weights + cache + arena; }
};

// Who was asked for the nodes of a phase, in which order, and what each backend answered.
struct Placement {
  std::vector<uint32_t> preference;  // indices of devices, most wanted first
  partition::Assignment assignment;
};

class EnginePlan {
 public:
  // `plugins` are the loaded ones; only those the options name are used, and at least one must be
  // there (ErrorKind::plugin). Takes the graph as the importer left it. Fails with
  // ErrorKind::placement where `require` is not met. `observer` sees the graph after each pass.
  static Result<std::unique_ptr<EnginePlan>> make(ir::Graph graph,
                                                  const std::vector<host::PluginPtr>& plugins,
                                                  EngineOptions options,
                                                  const passes::Observer& observer = {});

  // The same graph planned again without the backend whose device failed, which the error names as
  // host::Plugin::failure does. Fails when it names none,
  // when it is a processor's (nothing is left then that is any better), when it is required, or
  // when no other backend of a phase takes its nodes. The last line of placement().missing tells
  // users.
  Result<std::unique_ptr<EnginePlan>> without(const Error& failure) const;

  const EngineOptions& options() const { return options_; }
  const ir::Graph& graph() const { return graph_; }
  const PlacementSummary& placement() const { return placement_; }
  const std::vector<passes::Note>& rewrites() const { return rewrites_; }
  PlannedMemory memory() const;

  // The plans of prompt and token; the same one when both phases have the same backends.
  const plan::Plan& prefill() const { return *prefill_; }
  const plan::Plan& decode() const { return decode_ ? *decode_ : *prefill_; }
  // The answers behind each plan.
  const Placement& prefill_placement() const { return prefill_placement_; }
  const Placement& decode_placement() const {
    return decode_ ? decode_placement_ : prefill_placement_;
  }
  // One device per usable backend, its memory domain, and whether a domain is host memory that
  // devices import.
  const std::vector<host::DevicePtr>& devices() const { return devices_; }
  const std::vector<uint32_t>& domains() const { return domains_; }
  const std::vector<bool>& shared_domains() const { return shared_domains_; }

 private:
  EnginePlan() = default;
  Status open_devices(const std::vector<host::PluginPtr>& plugins);
  void find_domains();
  ir::DType default_cache_type() const;
  bool prefill_has_npu() const;
  Result<std::unique_ptr<plan::Plan>> plan_for(const std::vector<std::string>& backends,
                                               Placement& out);
  Status summarize(const partition::Assignment& assignment, const std::string& first_choice);
  void note_copied_updates(const plan::Plan& plan);

  EngineOptions options_;
  ir::Graph graph_;
  std::vector<host::DevicePtr> devices_;
  std::vector<uint32_t> domains_;
  std::vector<bool> shared_domains_;
  std::unique_ptr<plan::Plan> prefill_, decode_;
  Placement prefill_placement_, decode_placement_;
  PlacementSummary placement_;
  std::vector<passes::Note> rewrites_;
};

}  // namespace weft
