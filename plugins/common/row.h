// One line of a backend's kernel table: which op it is, whether this node is one it can run, what
// to make of its constants, and the kernel. A row of its own runs nodes that were claimed as one
// (backend.h); its step has the inputs of all of them, node after node, and all their outputs.
// Values between the nodes have a shape and no memory.
//
//   check    throws Refusal when the node is not for this kernel; reads types and attributes, and
//            constants' descriptors but not their bytes
//   prepare  once per compile: repacks constants, reads attributes; its result is Step::state
//   run      called by every thread that takes part, at the same time; must not throw nor allocate
//   scratch  bytes of Step::scratch for `threads` threads, from what is fixed at compile time
//   threads  how many of `most` threads are worthwhile for the shapes of this run
//   phases   how often run is called for the shapes of this run, a barrier between
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plugins/common/claim.h"
#include "plugins/common/operand.h"
#include "plugins/common/team.h"
#include "weft/plugin.hpp"

namespace weft::common {

class ConstantStore;

struct Prepare {
  const plugin::NodeView& node;  // the first of `nodes`
  const std::vector<plugin::NodeView>& nodes;
  ConstantStore& constants;
  const void* device_state;    // Backend::Settings::state
  const void* plan = nullptr;  // Fusion::plan, where the nodes run as one
};

struct OpRow {
  const char* domain;
  const char* op;
  void (*check)(const plugin::NodeView& node);
  std::shared_ptr<const void> (*prepare)(Prepare& context);  // nullptr: no state
  void (*run)(const Step& step, const Team& team);
  // Whether prepare repacks constant input `i`, so that no plain copy of it is kept.
  bool (*packs)(const plugin::NodeView& node, uint32_t i) = nullptr;
  uint64_t (*scratch)(const Step& step, uint32_t threads) = nullptr;
  uint32_t (*threads)(const Step& step, uint32_t most) = nullptr;  // nullptr: one
  uint32_t (*phases)(const Step& step) = nullptr;                  // nullptr: one
};

// Records an error of a running step; the first one stands. `message` is copied.
void fault(const Step& step, int32_t status, const char* message);

// Bytes of one element; 0 for unknown and for 4-bit types, which activations never have.
uint32_t element_size(uint32_t dtype);
// "f32" and so on, for messages.
const char* dtype_name(uint32_t dtype);

}  // namespace weft::common
