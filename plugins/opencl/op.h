// One line of the table of ops (ops.def): whether a node is one this backend runs, and what to make
// of it.
//
//   check    throws Refusal; reads types, bounds and attributes, not the bytes of constants
//   prepare  once per compile: uploads constants, makes kernels; returns what each run does
//   packs    whether prepare repacks constant input `i`, so that no plain copy is uploaded
//   on_host  whether input `i` is read here and not by a kernel: Tensor::known, which check() asks
//            for with need_known()
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
  const Tensor& scratch;                // memory that is this node's while it runs
  uint64_t& scratch_bytes;              // the most that any node asks for

  Kernel kernel(const std::string& name) const;
  // A constant made from input `i` by `fill`; `layout` tells apart what is made of the same bytes.
  Tensor constant(uint32_t i, uint64_t layout, uint64_t size,
                  const std::function<void(char*)>& fill) const;
};

struct OpRow {
  void (*check)(const NodeView& node, const Limits& limits);
  Run (*prepare)(Prepare& context);
  bool (*packs)(const NodeView& node, uint32_t i) = nullptr;
  bool (*on_host)(const NodeView& node, uint32_t i) = nullptr;
};

// on_host: every input but the first.
bool parameters_on_host(const NodeView& node, uint32_t i);

// The row of an op, or nullptr.
const OpRow* find_op(const char* domain, const char* op);

// ---- what checks share
void need_input(const NodeView& node, uint32_t i);
// f32, not quantized, row-major.
void need_plain_f32(const NodeView& node, uint32_t i);
// Not quantized, row-major; whatever it is made of.
void need_plain(const NodeView& node, uint32_t i);
void need_plain(const NodeView& node);
void need_dtype(const NodeView& node, uint32_t i, uint32_t dtype);
// Integers that the host knows before the run: contents, or a constant of up to kMostKnown bytes.
constexpr uint64_t kMostKnown = 512;
bool is_known(const NodeView& node, uint32_t i);
void need_known(const NodeView& node, uint32_t i);
// Integers that index: i64 or i32.
void need_indices(const NodeView& node, uint32_t i);
// Elements of a size, plain, in buffers that the device can have: what only moves.
void check_movable(const NodeView& node, const Limits& limits);
// f32, f16 and bf16; integers of 8 to 64 bits and bool.
bool is_real(uint32_t dtype);
bool is_whole(uint32_t dtype);
// Whether two dims are known to be the same number.
bool same_dim(const weft_dim& a, const weft_dim& b);
inline uint32_t axis_of(int64_t axis, uint32_t rank) {
  return uint32_t(axis < 0 ? axis + int64_t(rank) : axis);
}

}  // namespace weft::opencl
