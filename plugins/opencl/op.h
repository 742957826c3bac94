// One line of the table of ops (ops.def): whether a node is one this backend runs, and what to make
// of it.
//
//   check    throws Refusal; reads types, bounds and attributes, not the bytes of constants
//   prepare  once per compile: uploads constants, makes kernels; returns what each run does
//   packs    whether prepare repacks constant input `i`, so that no plain copy is uploaded
#pragma once

#include <functional>
#include <string>

#include "plugins/common/row.h"
#include "plugins/opencl/context.h"
#include "plugins/opencl/submission.h"
#include "plugins/opencl/tensor.h"

namespace weft::opencl {

using common::Refusal;
using plugin::NodeView;

// Sets arguments and enqueues; shapes and places are those of the tensors at the time.
using Run = std::function<void(Submission&)>;

// What prepare() works with. Tensors live as long as the program.
struct Prepare {
  const NodeView& node;
  Context& context;
  const std::vector<const Tensor*>& in;  // nullptr for an absent input
  const std::vector<const Tensor*>& out;
  std::vector<ConstantRef>& constants;  // what the program keeps alive

  Kernel kernel(const std::string& name) const;
  // A constant made from input `i` by `fill`; `layout` tells apart what is made of the same bytes.
  Tensor constant(uint32_t i, uint64_t layout, uint64_t size,
                  const std::function<void(char*)>& fill) const;
};

struct OpRow {
  void (*check)(const NodeView& node, const Limits& limits);
  Run (*prepare)(Prepare& context);
  bool (*packs)(const NodeView& node, uint32_t i) = nullptr;
};

// The row of an op, or nullptr.
const OpRow* find_op(const char* domain, const char* op);

// ---- what checks share
void need_input(const NodeView& node, uint32_t i);
// f32, not quantized, row-major.
void need_plain_f32(const NodeView& node, uint32_t i);
// Whether two dims are known to be the same number.
bool same_dim(const weft_dim& a, const weft_dim& b);
inline uint32_t axis_of(int64_t axis, uint32_t rank) {
  return uint32_t(axis < 0 ? axis + int64_t(rank) : axis);
}

}  // namespace weft::opencl
