// What the op files of the cpu plugin share: types in reach, refusals in one line, threads worth
// using.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "plugins/common/constant_store.h"
#include "plugins/common/row.h"
#include "plugins/common/team.h"
#include "plugins/cpu/kernels/kernels.h"

namespace weft::cpu {

using common::element_size;
using common::fault;
using common::Operand;
using common::OpRow;
using common::Prepare;
using common::Range;
using common::Refusal;
using common::share;
using common::Step;
using common::Team;
using plugin::NodeView;
using plugin::text;

// Refuses unless the present input i has this dtype.
inline void need_dtype(const NodeView& node, uint32_t i, uint32_t dtype) {
  const weft_value& value = node.in(i);
  if (value.dtype != dtype)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("input %u is %s, the cpu kernel of %s takes %s", i,
                       common::dtype_name(value.dtype), node->op_type, common::dtype_name(dtype)),
                  node.input(i)};
}
// Refuses constants that only MatMul and Gather can decode.
inline void need_plain(const NodeView& node, uint32_t i) {
  if (!node.has(i)) return;
  const weft_value& value = node.in(i);
  if (value.quant)
    throw Refusal{WEFT_REFUSE_QUANT, text("%s takes no quantized input", node->op_type),
                  node.input(i)};
  if (value.order == WEFT_COLUMN_MAJOR)
    throw Refusal{WEFT_REFUSE_SHAPE, text("%s takes no column-major input", node->op_type),
                  node.input(i)};
}
inline void need_plain(const NodeView& node) {
  for (uint32_t i = 0; i < node->input_count; i++) need_plain(node, i);
}
inline void need_input(const NodeView& node, uint32_t i) {
  if (!node.has(i)) throw Refusal{WEFT_REFUSE_OTHER, text("%s without input %u", node->op_type, i)};
}

// As many threads as there are portions of `portion` units of work, at most `most`.
inline uint32_t threads_for(int64_t work, int64_t portion, uint32_t most) {
  return uint32_t(std::clamp<int64_t>(work / portion, 1, most));
}
// Dims before `axis`, and from `axis` on.
inline int64_t product(const Operand& x, uint32_t from, uint32_t to) {
  int64_t n = 1;
  for (uint32_t d = from; d < to; d++) n *= x.shape[d];
  return n;
}
// An axis attribute counted from the front.
inline uint32_t axis_of(int64_t axis, uint32_t rank) {
  return uint32_t(axis < 0 ? axis + int64_t(rank) : axis);
}

template <typename T>
const T* data(const Operand* x) {
  return reinterpret_cast<const T*>(x->data);
}
template <typename T>
T* data_out(const Step& step, uint32_t i = 0) {
  return reinterpret_cast<T*>(step.out[i]->data);
}
// What an open device is.
enum class Compute { f32, bf16, int8, automatic };
// The most rows of a short prompt, which automatic computes finer.
constexpr int64_t kFineRows = 64;
struct CpuDevice {
  Kernels kernels;
  Compute compute;  // of products with constants
};
inline const Kernels& kernels(Prepare& context) {
  return static_cast<const CpuDevice*>(context.device_state)->kernels;
}
// The whole state of ops that keep nothing else.
struct KernelsOnly {
  const Kernels* k;
};
inline std::shared_ptr<const void> prepare_kernels(Prepare& context) {
  return std::make_shared<KernelsOnly>(KernelsOnly{&kernels(context)});
}
inline const Kernels& kernels(const Step& step) {
  return *static_cast<const KernelsOnly*>(step.state)->k;
}

}  // namespace weft::cpu
