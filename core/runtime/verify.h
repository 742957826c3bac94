// Whether each island of a plan computes what the reference computes, and which node does not.
//
//                reference run:  x -> [ island 0 ] -> y -> [ island 1 ] -> z       core/ops, in
//                double
//
//   own error         island 1 fed the reference's y, against z     what this island does wrong
//   inherited error   island 1 fed what island 0 made, against z    what arrives at the end
//
// An island whose own error is too large is searched: its units run one at a time on their device,
// on the reference's inputs, and the first that is wrong is cut out as a graph of its own.
//
// The islands run as in a session: the plan's programs, on the plan's memory. States are carried
// from step to step, those of the reference and those of the backends apart.
// Threads: one at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/cut.h"
#include "core/ops/difference.h"
#include "core/ops/evaluate.h"
#include "core/runtime/session.h"

namespace weft::runtime {

// A run to look at: a prompt, a token, or a graph with inputs.
struct VerifyStep {
  std::string name;                           // for reports
  bool decode = false;                        // by the plan of single tokens
  sym::Bindings bindings;                     // of every symbol in the graph
  std::map<ir::ValueId, ops::Tensor> inputs;  // all but states
};

// The value of several that is furthest from what is allowed.
struct ValueError {
  std::string value;
  ops::Difference difference;
  bool passes() const { return difference.passes(); }
};

struct IslandReport {
  uint32_t island = 0;  // of the plan
  uint32_t device = 0;
  std::vector<ir::NodeId> nodes;
  ValueError own, inherited;
  bool passes() const { return own.passes() && inherited.passes(); }
};

struct StepReport {
  std::string name;
  bool decode = false;
  std::vector<IslandReport> islands;  // in the order they run
};

// How much of an island it takes to see its error.
enum class Extent : uint8_t {
  node,      // one node
  unit,      // nodes that the plugin runs as one; none of them alone
  range,     // neighbouring units; none of them alone
  in_place,  // all of it, and only where the plan puts its values: alone it is right
};

struct Culprit {
  Extent extent = Extent::node;
  std::vector<ir::NodeId> nodes;
  ValueError error;
  // The part with its inputs and what the reference makes of them, in the part's order.
  ir::Cut part;
  std::vector<ops::Tensor> inputs, expected;
};

class Verifier {
 public:
  // All that `setup` refers to outlives this.
  static Result<std::unique_ptr<Verifier>> create(const Session::Setup& setup,
                                                  const ops::Tolerance& tolerance);

  // Runs a step in all three ways. Fails with the backend's error where an island cannot run.
  Result<StepReport> run(const VerifyStep& step);
  // Searches an island of the step that was run last.
  Result<Culprit> find(uint32_t island);
  // The reference's values in the step that was run last.
  ops::Evaluation& reference() { return *reference_; }

 private:
  using States = std::map<ir::ValueId, ops::Tensor>;
  Verifier(const Session::Setup& setup, const ops::Tolerance& tolerance)
      : setup_(setup), tolerance_(tolerance) {}
  Status run_reference(const VerifyStep& step);
  Status keep_reference_states();
  Status run_chain(const VerifyStep& step, StepReport& report);
  Status run_own(StepReport& report);
  Status feed_island(const plan::IslandPlan& island);
  Result<ValueError> compare_island(const plan::IslandPlan& island);
  std::vector<ir::ValueId> products(const plan::IslandPlan& island) const;
  Result<ops::Tensor> copy_of(ir::ValueId value);
  // Whether the nodes go wrong on reference inputs; `out` tells how.
  Result<bool> goes_wrong(std::span<const ir::NodeId> nodes, uint32_t device, Culprit& out);
  Result<Culprit> find_range(const plan::IslandPlan& island,
                             const std::vector<std::vector<ir::NodeId>>& units);

  const Session::Setup setup_;
  const ops::Tolerance tolerance_;
  SessionMemory memory_;
  std::unique_ptr<Runner> prefill_, decode_;  // decode_ empty: prefill_ serves both
  // Of the step that was run last.
  const plan::Plan* plan_ = nullptr;
  Runner* runner_ = nullptr;
  std::unique_ptr<ops::Evaluation> reference_;
  // The caches after it, as the reference and as the backends have them.
  States reference_states_, chain_states_;
  std::vector<std::byte> scratch_;
};

}  // namespace weft::runtime
