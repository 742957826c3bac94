// The front door: a graph and some plugins in, something that answers prompts out.
//
//   ir::Graph graph = TRY(onnx::import(path));
//   auto engine = TRY(Engine::build(std::move(graph), plugins, options));
//   auto session = TRY(engine->open_session());
//   auto logits = TRY(session->feed(ids, 1));
//
//   Graph -> passes -> claims -> islands -> plan -> programs (from the cache, or compiled)
//
// An engine is immutable after build() and may serve sessions on several threads. When a device
// fails, sessions go on with an engine that has only the others.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "core/base/result.h"
#include "core/engine_plan.h"
#include "core/runtime/graph_run.h"
#include "core/runtime/program_cache.h"
#include "core/runtime/programs.h"
#include "core/runtime/session.h"
#include "core/runtime/verify.h"

namespace weft {

class Engine {
 public:
  // Plans (see EnginePlan::make) and compiles.
  static Result<std::unique_ptr<Engine>> build(ir::Graph graph,
                                               const std::vector<host::PluginPtr>& plugins,
                                               EngineOptions options);
  // Compiles what is planned, or takes it from the cache. A device that fails to is given up where
  // others can do its part (engine_failover.cpp).
  static Result<std::unique_ptr<Engine>> build(std::unique_ptr<EnginePlan> plan);

  // A session holds one conversation: its own KV cache and arena. The engine must outlive it.
  Result<std::unique_ptr<runtime::Session>> open_session();

  // The graph with memory of its own, for inputs of the caller's. The engine must outlive it.
  Result<std::unique_ptr<runtime::GraphRun>> open_graph_run();

  // The islands against the reference, one by one. The engine must outlive it.
  Result<std::unique_ptr<runtime::Verifier>> open_verifier(const ops::Tolerance& tolerance);

  const ir::Graph& graph() const { return plan_->graph(); }
  const EnginePlan& plan() const { return *plan_; }
  const PlacementSummary& placement() const { return plan_->placement(); }
  const std::vector<passes::Note>& rewrites() const { return plan_->rewrites(); }
  const EngineOptions& options() const { return plan_->options(); }
  const runtime::MemoryUse& memory() const { return memory_; }
  // What plugins made of the prompt's plan, island by island.
  const runtime::Programs& prefill_programs() const { return *prefill_; }
  // Programs that came from the cache, and that were compiled anew.
  uint64_t cached_programs() const { return cached_programs_; }
  uint64_t compiled_programs() const { return compiled_programs_; }
  // What failed since, one sentence each: a device that was given up, and what runs its part.
  std::vector<std::string> failures() const;
  // Whether every program is deterministic by its plugin's word: results do not depend on threads
  // or chunks (WEFT_PROGRAM_DETERMINISTIC).
  bool deterministic() const {
    return prefill_->deterministic && (!decode_ || decode_->deterministic);
  }

 private:
  Engine() = default;
  Status compile_phases();
  Result<std::unique_ptr<runtime::Programs>> compile(const plan::Plan& plan);
  runtime::Session::Setup setup() const;
  // A session of the engine without the backend that failed; the engine is made once.
  Result<std::unique_ptr<runtime::Session>> replacement(const Error& failure);

  std::unique_ptr<EnginePlan> plan_;
  // decode_ is empty when both phases share a plan.
  std::unique_ptr<runtime::Programs> prefill_, decode_;
  runtime::MemoryUse memory_;
  uint64_t cached_programs_ = 0, compiled_programs_ = 0;
  mutable std::mutex mutex_;  // of what follows
  std::unique_ptr<Engine> successor_;
  std::vector<std::string> failures_;
};

}  // namespace weft
