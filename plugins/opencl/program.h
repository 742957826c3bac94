// A compiled island: tensors with their places, and one Run per node.
//
//   compile   copies what it needs of the graph, uploads constants, makes kernel objects
//   submit    slots changed? -> shapes;  places;  then every node enqueues its kernels
//
// Views with gaps are copied to tight memory before the nodes, and outputs that lie elsewhere after
// them.
// Threads: submissions of one program are serialised by a lock.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "plugins/opencl/buffer.h"
#include "plugins/opencl/op.h"

namespace weft::opencl {

class IslandProgram final : public plugin::Program {
 public:
  // Throws Failure: a node that is not of the table, a malformed graph, a stale blob.
  IslandProgram(Context& context, const weft_compile_args& args);

  void info(weft_program_info& out) override;
  void save(const weft_writer& writer) override { context_.kernels().save(writer); }
  // Enqueues the island; throws Failure before or after some of it was.
  void submit(const weft_execute_args& args, Submission& commands);

 private:
  enum class Where : uint8_t { constant, contents, input, output, workspace, view };
  struct Place {
    Where where = Where::workspace;
    bool dynamic = false;  // shape or offset depends on slots
    bool state = false;    // written in place
    uint32_t index = 0;    // of the input or output, or the parent value
    weft_dim offset{};
    weft_dim dims[kMaxRank]{};
    std::string name;
  };
  struct Node {
    std::string name;
    std::vector<const Tensor*> in, out;
    Run run;
  };

  // program_build.cpp
  void check_indices(const plugin::GraphView& graph) const;
  void read_values(const plugin::GraphView& graph, const int64_t* pins);
  void order_views();
  void read_nodes(const plugin::GraphView& graph);
  // program.cpp
  int64_t eval(const weft_dim& dim) const;
  void set_shape(size_t value);
  void refresh(const int64_t* slots);
  void resolve(const weft_execute_args& args, Submission& commands);
  void resolve_workspace(const weft_execute_args& args);
  void bind(const weft_view& view, uint32_t value, ClMemory& staging, bool is_output,
            Submission& commands);
  void copy_back(const weft_execute_args& args, Submission& commands);
  uint64_t bytes_of(size_t value) const;

  Context& context_;
  std::mutex mutex_;
  std::vector<Tensor> tensors_;
  std::vector<Place> places_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> inputs_, outputs_;
  std::vector<uint32_t> view_order_;  // views, parents first
  std::vector<ConstantRef> constants_;
  std::vector<int64_t> slots_;  // of the last run
  bool shapes_known_ = false;
  uint64_t workspace_bytes_ = 0;
  std::vector<ClMemory> staged_inputs_, staged_outputs_;
  std::unique_ptr<Kernel> copy_;  // of views with gaps; made when one comes
};

}  // namespace weft::opencl
