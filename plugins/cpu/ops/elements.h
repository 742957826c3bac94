// Elements one at a time, whatever their type: for ops that are rare or move little. What matters
// for speed has typed loops or kernels instead.
#pragma once

#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

// f32, f64, f16 and bf16; integers of 8 to 64 bits and bool.
bool is_real(uint32_t dtype);
bool is_whole(uint32_t dtype);

// Element i, counted as it lies in memory, of a real and of an integer operand.
double real_at(const Operand& x, int64_t i);
int64_t integer_at(const Operand& x, int64_t i);
// The same, written; integers keep their low bits, a bool is `v != 0`.
void put_real(const Operand& y, int64_t i, double v);
void put_integer(const Operand& y, int64_t i, int64_t v);

// Strides of an input as the output's dims see it: 0 where it is broadcast.
inline void broadcast_strides(const Operand& x, const Operand& y, int64_t* stride) {
  for (uint32_t d = 0; d < y.rank; d++) {
    const int64_t mine = int64_t(d) - (int64_t(y.rank) - int64_t(x.rank));
    stride[d] = mine < 0 || x.shape[mine] == 1 ? 0 : x.stride[mine];
  }
}
// Offset of row-major position `index` of y within an operand broadcast to y.
inline int64_t broadcast_offset(const Operand& x, const Operand& y, int64_t index) {
  int64_t offset = 0;
  for (uint32_t d = y.rank; d-- > 0;) {
    const int64_t at = index % y.shape[d];
    index /= y.shape[d];
    const int64_t mine = int64_t(d) - (int64_t(y.rank) - int64_t(x.rank));
    if (mine >= 0 && x.shape[mine] != 1) offset += at * x.stride[mine];
  }
  return offset;
}

// Calls run(a, b, y, length, a_step, b_step) for every run of the output that is contiguous in it
// and has steps of 0 or 1 in both inputs; offsets in elements. Runs are shared among the team.
template <typename Run>
void each_run(const Step& step, const Team& team, Run&& run) {
  const Operand& y = *step.out[0];
  int64_t a_stride[common::kMaxRank], b_stride[common::kMaxRank];
  broadcast_strides(*step.in[0], y, a_stride);
  broadcast_strides(*step.in[1], y, b_stride);
  if (y.count == 0) return;
  // Inner dims join while both inputs go on contiguously or stand still.
  uint32_t outer = y.rank;
  int64_t length = 1, a_step = -1, b_step = -1;
  while (outer > 0) {
    const uint32_t d = outer - 1;
    if (y.shape[d] != 1) {
      const int64_t a = a_stride[d] == length ? 1 : a_stride[d] == 0 ? 0 : -1;
      const int64_t b = b_stride[d] == length ? 1 : b_stride[d] == 0 ? 0 : -1;
      if ((a_step >= 0 && a != a_step) || (b_step >= 0 && b != b_step) || a < 0 || b < 0) break;
      a_step = a, b_step = b;
      length *= y.shape[d];
    }
    outer--;
  }
  if (a_step < 0) a_step = 0;
  if (b_step < 0) b_step = 0;
  const int64_t runs = y.count / length;
  // One long run is cut, many runs are dealt out.
  const Range part = runs == 1 ? share((length + 15) / 16, team.id, team.size) : Range{0, 0};
  if (runs == 1) {
    const int64_t from = part.begin * 16, to = std::min(part.end * 16, length);
    if (from < to) run(from * a_step, from * b_step, from, to - from, a_step, b_step);
    return;
  }
  const Range mine = share(runs, team.id, team.size);
  for (int64_t r = mine.begin; r < mine.end; r++) {
    int64_t a = 0, b = 0, rest = r;
    for (uint32_t d = outer; d-- > 0;) {
      a += rest % y.shape[d] * a_stride[d];
      b += rest % y.shape[d] * b_stride[d];
      rest /= y.shape[d];
    }
    run(a, b, r * length, length, a_step, b_step);
  }
}

// Lines along one axis: the first element of line i, and the step from one to the next.
struct Lines {
  int64_t count, length, step;
  int64_t first(int64_t line) const { return line / step * step * length + line % step; }
};
inline Lines lines_of(const Operand& x, uint32_t axis) {
  const int64_t inner = product(x, axis + 1, x.rank);
  return {product(x, 0, axis) * inner, x.shape[axis], inner};
}

// Position `index` of `size` counted from the front; a fault and false when there is none.
bool in_axis(const Step& step, int64_t given, int64_t size, int64_t& out);

// Threads where each of the output's elements takes as much work as a copy of 8.
uint32_t threads_by_elements(const Step& step, uint32_t most);

// Refuses unless input i is of integers that index: i64 or i32.
void need_indices(const NodeView& node, uint32_t i);
// Refuses unless the elements have a size, and the inputs are neither quantized nor column-major.
void need_movable(const NodeView& node);

}  // namespace weft::cpu
