#include "core/engine.h"

namespace weft {

Result<std::unique_ptr<Engine>> Engine::build(ir::Graph graph,
                                              const std::vector<host::PluginPtr>& plugins,
                                              EngineOptions options) {
  return build(TRY(EnginePlan::make(std::move(graph), plugins, std::move(options))));
}

Result<std::unique_ptr<Engine>> Engine::build(std::unique_ptr<EnginePlan> plan) {
  std::unique_ptr<Engine> engine(new Engine);
  engine->plan_ = std::move(plan);
  const EnginePlan& made = *engine->plan_;
  const Status compiled = engine->compile_phases();
  if (!compiled.ok()) {
    auto rest = made.without(compiled.error());
    if (!rest.ok()) return compiled.error();
    return build(std::move(*rest));
  }
  engine->memory_ = runtime::Session::memory_use(engine->setup());
  return engine;
}

Status Engine::compile_phases() {
  prefill_ = TRY(compile(plan_->prefill()));
  if (&plan_->decode() != &plan_->prefill()) decode_ = TRY(compile(plan_->decode()));
  return {};
}

Result<std::unique_ptr<runtime::Programs>> Engine::compile(const plan::Plan& plan) {
  const runtime::ProgramCache cache(options().cache_folder, options().cache_limit, options().model);
  auto programs = TRY(runtime::prepare(plan, plan_->devices(), cache));
  cached_programs_ += programs->cached;
  compiled_programs_ += programs->compiled;
  return programs;
}

runtime::Session::Setup Engine::setup() const {
  runtime::Session::Setup setup;
  setup.prefill = {&plan_->prefill(), prefill_.get()};
  setup.decode = {&plan_->decode(), decode_ ? decode_.get() : prefill_.get()};
  setup.devices = plan_->devices();
  setup.domains = plan_->domains();
  setup.shared_domains = plan_->shared_domains();
  setup.capacity = options().capacity;
  setup.chunk = options().chunk;
  setup.courtesy = options().courtesy;
  setup.schedule = options().schedule;
  setup.cache_folder = options().cache_folder;
  return setup;
}

Result<std::unique_ptr<runtime::GraphRun>> Engine::open_graph_run() {
  return runtime::GraphRun::create(setup());
}

Result<std::unique_ptr<runtime::Verifier>> Engine::open_verifier(const ops::Tolerance& tolerance) {
  return runtime::Verifier::create(setup(), tolerance);
}

}  // namespace weft
