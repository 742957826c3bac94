#include "core/runtime/graph_run.h"

namespace weft::runtime {

Result<std::unique_ptr<GraphRun>> GraphRun::create(const Session::Setup& setup) {
  std::unique_ptr<GraphRun> run(new GraphRun);
  run->memory_ = TRY(Session::allocate(setup));
  run->runner_ = TRY(Runner::create(*setup.prefill.plan, *setup.prefill.programs, setup.devices,
                                    run->memory_, setup.courtesy));
  return run;
}

Status GraphRun::write(ir::ValueId input, std::span<const std::byte> bytes) {
  TRY(runner_->refresh());
  return runner_->write_input(input, bytes);
}

}  // namespace weft::runtime
