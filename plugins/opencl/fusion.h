// Nodes that one kernel runs. They are claimed as one, so the memory plan knows that they are one
// step: what lies between them alone needs no place, and no output lies over an input.
//
//   gate   Swish and the product with another value     y = swish(a) * b
//   skip   Add and the normalization of the sum         s = a + b, y = rms(s) * scale
//
// Each gives the bits that its nodes give one after the other.
#pragma once

#include "plugins/opencl/op.h"

namespace weft::opencl {

struct Fusion {
  std::vector<uint32_t> nodes;  // in order
  // As OpRow::prepare, of the last node; `first` are the operands of the first.
  Run (*prepare)(Prepare& last, const Prepare& first) = nullptr;
};

// All that a graph has. No node is in two.
std::vector<Fusion> find_fusions(const plugin::GraphView& graph);
// Those that the host has left together in the graph to compile. Throws Failure where nodes that
// were claimed as one are neither that nor alone.
std::vector<Fusion> kept_fusions(const plugin::GraphView& graph);

}  // namespace weft::opencl
