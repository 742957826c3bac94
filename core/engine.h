// The front door: a graph and some plugins in, something that answers prompts out.
//
//   ir::Graph graph = TRY(onnx::import(path));
//   auto engine = TRY(Engine::build(std::move(graph), plugins, options));
//   auto session = TRY(engine->open_session());
//   auto logits = TRY(session->feed(ids, 1));
//
//   Graph -> passes -> claims -> islands -> plan -> programs (from the cache, or compiled)
//
// An engine is immutable after build() and may serve sessions on several threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/graph.h"
#include "core/partition/claims.h"
#include "core/passes/pass.h"
#include "core/plan/plan.h"
#include "core/runtime/program_cache.h"
#include "core/runtime/programs.h"
#include "core/runtime/session.h"

namespace weft {

struct EngineOptions {
  // Backends by plugin name, most wanted first; each node goes to the first that claims it.
  std::vector<std::string> backends;
  std::vector<std::string> prefill, decode;  // per phase; empty: as `backends`
  std::string require;                       // a node of any other backend is an error
  int64_t capacity = 2048;                   // positions of the KV cache
  int64_t chunk = 512;                       // most tokens of one run
  std::filesystem::path cache_folder;        // preparation cache; empty: none
};

// Nodes per backend over all phases, with the reasons of those that did not get their first choice.
struct PlacementSummary {
  struct Row {
    std::string backend;
    size_t nodes = 0;
  };
  std::vector<Row> rows;
  // "2 x TopK: cpu has no such op", most frequent first
  std::vector<std::string> reasons;
  // "backend 'cpu' is asked for but not there: ..."
  std::vector<std::string> missing;
  std::string line() const;  // "342 of 342 nodes on cpu"
};

class Engine {
 public:
  // `plugins` are the loaded ones; only those the options name are used, and at least one must be
  // there (ErrorKind::plugin). Takes the graph as the importer left it.
  static Result<std::unique_ptr<Engine>> build(ir::Graph graph,
                                               const std::vector<host::PluginPtr>& plugins,
                                               EngineOptions options);

  // A session holds one conversation: its own KV cache and arena. The engine must outlive it.
  Result<std::unique_ptr<runtime::Session>> open_session();

  const ir::Graph& graph() const { return graph_; }
  const PlacementSummary& placement() const { return placement_; }
  const std::vector<passes::Note>& rewrites() const { return rewrites_; }
  const runtime::MemoryUse& memory() const { return memory_; }
  // Programs that came from the cache, and that were compiled anew.
  uint64_t cached_programs() const { return cached_programs_; }
  uint64_t compiled_programs() const { return compiled_programs_; }
  // Whether every program is deterministic by its plugin's word: results do not depend on threads
  // or chunks (WEFT_PROGRAM_DETERMINISTIC).
  bool deterministic() const {
    return prefill_.programs->deterministic &&
           (!decode_.programs || decode_.programs->deterministic);
  }
  const EngineOptions& options() const { return options_; }

 private:
  struct Phase {
    std::unique_ptr<plan::Plan> plan;
    std::unique_ptr<runtime::Programs> programs;
  };
  Engine() = default;
  Status open_devices(const std::vector<host::PluginPtr>& plugins);
  void find_domains();
  Result<Phase> prepare(const std::vector<std::string>& backends);
  Status summarize(const partition::Assignment& assignment, const std::string& first_choice);
  runtime::Session::Setup setup() const;

  EngineOptions options_;
  ir::Graph graph_;
  std::vector<host::DevicePtr> devices_;  // one per usable backend
  std::vector<uint32_t> domains_;         // of each device
  std::vector<bool> shared_domains_;
  Phase prefill_, decode_;  // decode_ is empty when both phases have the same backends
  PlacementSummary placement_;
  std::vector<passes::Note> rewrites_;
  runtime::MemoryUse memory_;
  uint64_t cached_programs_ = 0, compiled_programs_ = 0;
};

}  // namespace weft
