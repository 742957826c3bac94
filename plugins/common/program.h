// A compiled island: one Operand per value, one Step per unit of nodes, kernels from a table.
//
//   compile   copies what it needs of the graph (which dies with the call), prepares every node
//   execute   slots changed? -> shapes;  pointers;  then all steps, in order, by a team of threads
//
// Execute allocates nothing, except to stage an input or output whose view has gaps.
// Threads: runs of one program are serialised by a lock.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plugins/common/backend.h"
#include "plugins/common/constant_store.h"
#include "plugins/common/host_memory.h"
#include "plugins/common/island.h"
#include "plugins/common/row.h"
#include "plugins/common/team_size.h"

namespace weft::common {

class TableProgram final : public plugin::Program {
 public:
  struct Context {
    const BackendTraits& traits;
    const DeviceSettings& settings;
    const weft_host& host;
    ConstantPool& pool;
  };
  // Throws Failure: a node no row takes, a malformed graph, a stale blob.
  TableProgram(const Context& context, const weft_compile_args& args);

  void info(weft_program_info& out) override;
  void save(const weft_writer& writer) override;
  // Runs to completion; throws Failure.
  void run(const weft_execute_args& args);

 private:
  using Where = Island::Where;
  struct Node {
    const OpRow* row = nullptr;
    std::string name;
    Step step{};
    std::vector<const Operand*> in;
    std::vector<Operand*> out;
    std::shared_ptr<const void> state;
    uint32_t threads = 1, phases = 1;
  };
  struct Walk;  // one run, shared by its team

  // program_build.cpp
  void make_operands();
  void read_nodes(const plugin::GraphView& graph, ConstantStore& store);
  void read_step(const plugin::GraphView& graph, ConstantStore& store, const Fusion& fusion);
  void read_operands(const plugin::GraphView& graph, ConstantStore& store, uint32_t n, Node& step);
  void keep_constant(const plugin::GraphView& graph, ConstantStore& store, uint32_t value);
  void measure_scratch(const plugin::GraphView& graph);
  // program_run.cpp
  void take_shape(size_t value, const int64_t* slots);
  void refresh(const int64_t* slots);
  void resolve(const weft_execute_args& args);
  void bind(const weft_view& view, uint32_t value, std::vector<char>& staging, bool is_output);
  void walk(Walk& run, uint32_t id);
  static void WEFT_CALL walk_entry(void* run, uint32_t id);
  void copy_back(const weft_execute_args& args);

  Context context_;
  std::mutex mutex_;
  Island island_;
  std::vector<Operand> operands_;                     // one per value
  std::vector<std::unique_ptr<int64_t[]>> contents_;  // of values that have them, evaluated
  std::vector<Node> nodes_;
  uint64_t scratch_bytes_ = 0;
  TeamSize team_size_;
  std::vector<ConstantRef> constants_;
  bool keeps_host_constants_ = false;
  std::vector<std::vector<char>> staged_inputs_, staged_outputs_;
  // Of each thread, the barrier of this run after which it leaves the team; 0: none.
  std::vector<std::atomic<uint32_t>> leaves_;
  Fault fault_{};
};

}  // namespace weft::common
