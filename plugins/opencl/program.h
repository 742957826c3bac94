// A compiled island: one Tensor per value, and one Run per node.
//
//   compile   copies what it needs of the graph, uploads constants, makes kernel objects
//   submit    slots changed? -> shapes;  places;  then every node enqueues its kernels
//
// Views with gaps are copied to tight memory before the nodes, and outputs that lie elsewhere after
// them.
// Threads: submissions of one program are serialised by a lock.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "plugins/common/island.h"
#include "plugins/opencl/buffer.h"
#include "plugins/opencl/fusion.h"

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
  using Where = common::Island::Where;
  struct Node {
    std::string name;
    std::vector<const Tensor*> in, out;
    Run run;
  };

  // program_build.cpp
  Prepare preparing(const NodeView& view, const Node& node);
  void read_fusion(const plugin::GraphView& graph, const Fusion& fusion);
  void read_known(const plugin::GraphView& graph);
  void read_places(const plugin::GraphView& graph, const NodeView& view, const OpRow& row,
                   Node& node);
  void read_nodes(const plugin::GraphView& graph);
  // program.cpp
  void refresh(const int64_t* slots);
  void refresh_contents(uint32_t v, const int64_t* slots);
  void resolve(const weft_execute_args& args, Submission& commands);
  void bind(const weft_view& view, uint32_t value, ClMemory& staging, bool is_output,
            Submission& commands);
  void copy_back(const weft_execute_args& args, Submission& commands);

  Context& context_;
  std::mutex mutex_;
  common::Island island_;
  std::vector<Tensor> tensors_;              // one per value
  std::vector<std::vector<int64_t>> known_;  // elements that the host has, per value
  std::map<uint32_t, ClMemory> uploads_;     // contents that kernels read
  std::vector<Node> nodes_;
  std::vector<ConstantRef> constants_;
  std::vector<ClMemory> staged_inputs_, staged_outputs_;
  Tensor scratch_;  // what the host sets aside for the nodes, one after the other
  uint64_t scratch_bytes_ = 0;
  std::unique_ptr<Kernel> copy_;  // of views with gaps; made when one comes
};

}  // namespace weft::opencl
