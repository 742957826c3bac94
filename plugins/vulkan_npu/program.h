// A compiled island: units of integer work (unit.h) one after the other, at fixed shapes.
//
//   compile   every dim becomes a number, weights are packed, kernels warmed up
//   execute   the views' addresses -> recorded commands (kept for the next run with the same ones)
//
// Threads: bind() and commands() may be called by several queues.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "plugins/vulkan_npu/commands.h"
#include "plugins/vulkan_npu/tuner.h"

namespace weft::vulkan_npu {

class NpuProgram final : public plugin::Program {
 public:
  struct Context {
    Core& core;
    Kernels& kernels;
    Tuner& tuner;
    WeightPool& weights;
  };
  // Throws Failure: a shape that is not fixed, a node the NPU does not run, a stale blob.
  NpuProgram(const Context& context, const weft_compile_args& args);

  void info(weft_program_info& out) override;
  void save(const weft_writer& writer) override;

  // Where the tensors of a run are: inputs, outputs, workspace, scratch.
  struct Address {
    const Block* block = nullptr;
    uint64_t offset = 0;
  };
  using Addresses = std::vector<Address>;
  // Throws Failure when the arguments do not fit the program.
  Addresses bind(const weft_execute_args& args) const;
  // The commands of a run with these addresses; `stamped`: with a timestamp before the first and
  // after every node.
  std::shared_ptr<Commands> commands(const Addresses& addresses, bool stamped);
  // Names of the units, for profiles.
  const std::vector<std::string>& labels() const { return labels_; }

 private:
  // Where a value is: an index into Addresses, and bytes from there.
  struct Place {
    size_t address = 0;
    uint64_t offset = 0;
  };
  struct Step {
    Unit unit;
    WeightsRef weights;
    VkPipeline kernel = nullptr, pack = nullptr;
    Place x, x2, y;
    Choice choice;  // of products, as what follows
    uint64_t rows = 0, words = 0;
    uint64_t count = 0;  // elements of the others
  };
  struct Interface {
    uint32_t dtype = 0;
    std::vector<int64_t> shape;
  };
  struct Recording {
    std::vector<std::pair<uint64_t, uint64_t>> key;  // block id and offset of every address
    bool stamped = false;
    std::shared_ptr<Commands> commands;
  };

  void read_steps(const plugin::GraphView& graph, const weft_compile_args& args);
  void add_step(const plugin::GraphView& graph, const std::vector<uint32_t>& nodes,
                const int64_t* slots, WeightBlob* blob);
  static Shape shape_of(const Step& step);
  void use_workspace(const Place& place, uint64_t bytes);
  void read_interface(const plugin::GraphView& graph, const int64_t* slots);
  Place place_of(const plugin::GraphView& graph, uint32_t value) const;
  uint64_t pitch(const Step& step) const;
  uint64_t rows_at_once(const Step& step) const;
  uint64_t panels_at_once(const Step& step) const;
  bool reads_in_place(const Step& step, uint64_t offset) const;
  uint32_t most_dispatches() const;
  static Address at(const Addresses& addresses, const Place& place);
  Bound bound(const Address& address, uint64_t bytes, uint64_t& lead) const;
  void record(Commands& commands, const Step& step, const Addresses& addresses,
              uint32_t& packed) const;
  void record_elements(Commands& commands, const Step& step, const Addresses& addresses) const;
  void record_pack(Commands& commands, const Step& step, const Address& from,
                   const Address& to) const;
  void record_product(Commands& commands, const Step& step, const Address& a,
                      const Address& y) const;

  Context context_;
  std::vector<Step> steps_;
  std::vector<std::string> labels_;
  std::vector<Interface> inputs_, outputs_;
  std::vector<uint32_t> input_values_, output_values_;
  uint64_t kernel_ns_ = 0;                          // spent on kernels while compiling
  std::vector<std::pair<uint32_t, int64_t>> pins_;  // slots the shapes were fixed at
  uint64_t workspace_bytes_ = 0, scratch_bytes_ = 0;
  std::mutex mutex_;
  std::deque<Recording> recordings_;  // newest last
};

}  // namespace weft::vulkan_npu
