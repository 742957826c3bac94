// One graph, run with whatever inputs the caller has: for checks, and for graphs that hold no
// conversation. A decoder that generates text is a Session's.
//
//   run.bind("batch", 2);  run.write(input, bytes);  run.run();  auto y = run.read(output);
//
// Threads: one at a time.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/runtime/session.h"

namespace weft::runtime {

class GraphRun {
 public:
  // Uses the prefill plan of `setup`, whose objects outlive this. States, if the graph has any, are
  // zeros.
  static Result<std::unique_ptr<GraphRun>> create(const Session::Setup& setup);

  // The value of a symbol in the shapes of inputs; all are bound before write().
  void bind(std::string_view symbol, int64_t value) { runner_->bind(symbol, value); }
  // The bytes of a graph input, row-major at the bound shape.
  Status write(ir::ValueId input, std::span<const std::byte> bytes);
  Status run() { return runner_->run(nullptr); }
  // The bytes of a graph output that a node computes or that is an input, valid until the next
  // call.
  Result<std::span<const std::byte>> read(ir::ValueId output) {
    return runner_->read_output(output, scratch_);
  }

 private:
  GraphRun() = default;
  SessionMemory memory_;
  std::unique_ptr<Runner> runner_;
  std::vector<std::byte> scratch_;
};

}  // namespace weft::runtime
