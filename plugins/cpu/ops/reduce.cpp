// ReduceSum, ReduceMean, ReduceMax, ReduceMin and ReduceProd over any axes; CumSum along one.
//
// Sums of f32 are taken in double, one element after the other: their bits depend on the elements
// alone. Integers wrap. An empty group gives 0, 1 for the product, NaN for the mean and the type's
// least or greatest value for max and min.
#include <cmath>
#include <limits>

#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

enum class Kind { sum, mean, max, min, prod };

struct State {
  Kind kind;
  bool nothing;  // no axes are named, and that means none
};

Kind kind_of(const char* op) {
  if (std::strcmp(op, "ReduceMean") == 0) return Kind::mean;
  if (std::strcmp(op, "ReduceMax") == 0) return Kind::max;
  if (std::strcmp(op, "ReduceMin") == 0) return Kind::min;
  if (std::strcmp(op, "ReduceProd") == 0) return Kind::prod;
  return Kind::sum;
}

void need_number(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32) need_dtype(node, 0, WEFT_F32);
}

void check(const NodeView& node) {
  need_number(node);
  if (node.has(1)) need_dtype(node, 1, WEFT_I64);
}

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<State>(
      State{kind_of(context.node->op_type), context.node.integer("noop_with_empty_axes", 0) != 0});
}

// The groups: kept dims count them, reduced dims walk one.
struct Groups {
  uint32_t kept = 0, reduced = 0;
  int64_t kept_shape[common::kMaxRank], kept_stride[common::kMaxRank];
  int64_t shape[common::kMaxRank], stride[common::kMaxRank];
  int64_t size = 1;
};

Groups groups_of(const Step& step, const State& state) {
  const Operand& x = *step.in[0];
  const Operand* axes = step.in_count > 1 ? step.in[1] : nullptr;
  const bool stated = axes && axes->count > 0;
  uint32_t chosen = stated || state.nothing ? 0 : ~0u;
  for (int64_t i = 0; stated && i < axes->count; i++)
    chosen |= 1u << axis_of(integer_at(*axes, i), x.rank);
  Groups g;
  for (uint32_t d = 0; d < x.rank; d++) {
    if (chosen >> d & 1) {
      g.shape[g.reduced] = x.shape[d];
      g.stride[g.reduced++] = x.stride[d];
      g.size *= x.shape[d];
    } else {
      g.kept_shape[g.kept] = x.shape[d];
      g.kept_stride[g.kept++] = x.stride[d];
    }
  }
  return g;
}

// Calls visit(offset) for every element of the group that begins at `base`, row-major.
template <typename Visit>
void each_of(const Groups& g, int64_t base, Visit&& visit) {
  if (g.size == 0) return;
  if (g.reduced == 0) return visit(base);
  const uint32_t last = g.reduced - 1;
  int64_t index[common::kMaxRank] = {};
  while (true) {
    for (int64_t i = 0; i < g.shape[last]; i++) visit(base + i * g.stride[last]);
    uint32_t d = last;
    for (; d > 0; d--) {
      base += g.stride[d - 1];
      if (++index[d - 1] < g.shape[d - 1]) break;
      base -= index[d - 1] * g.stride[d - 1];
      index[d - 1] = 0;
    }
    if (d == 0) return;
  }
}

// T holds the elements, Sum what they are added in.
template <typename T, typename Sum>
T reduce(const Groups& g, Kind kind, const T* x, int64_t base) {
  if (kind == Kind::max || kind == Kind::min) {
    using Limits = std::numeric_limits<T>;
    const bool largest = kind == Kind::max;
    T best = largest ? Limits::lowest() : Limits::max();
    if (Limits::has_infinity) best = largest ? -Limits::infinity() : Limits::infinity();
    each_of(g, base, [&](int64_t i) {
      // A NaN, once met, stays.
      if (best == best && !(largest ? best > x[i] : best < x[i])) best = x[i];
    });
    return best;
  }
  Sum sum = kind == Kind::prod ? Sum(1) : Sum(0);
  if (kind == Kind::prod) {
    each_of(g, base, [&](int64_t i) { sum *= Sum(x[i]); });
  } else {
    each_of(g, base, [&](int64_t i) { sum += Sum(x[i]); });
  }
  if (kind != Kind::mean) return T(sum);
  if (std::numeric_limits<T>::is_integer) return g.size == 0 ? T(0) : T(int64_t(sum) / g.size);
  return T(double(sum) / double(g.size));
}

template <typename T, typename Sum>
void reduce_all(const Step& step, const Team& team) {
  const State& state = *static_cast<const State*>(step.state);
  const Groups g = groups_of(step, state);
  const Range mine = share(step.out[0]->count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    int64_t base = 0, rest = i;
    for (uint32_t d = g.kept; d-- > 0;) {
      base += rest % g.kept_shape[d] * g.kept_stride[d];
      rest /= g.kept_shape[d];
    }
    data_out<T>(step)[i] = reduce<T, Sum>(g, state.kind, data<T>(step.in[0]), base);
  }
}

void run(const Step& step, const Team& team) {
  if (step.in[0]->dtype == WEFT_I64) return reduce_all<int64_t, uint64_t>(step, team);
  if (step.in[0]->dtype == WEFT_I32) return reduce_all<int32_t, uint64_t>(step, team);
  reduce_all<float, double>(step, team);
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.in[0]->count, 8 * 1024, most);
}

// ------------------------------------------------------------------ CumSum
struct Direction {
  bool exclusive, reverse;
};

void check_cumsum(const NodeView& node) {
  need_number(node);
  need_indices(node, 1);
}

std::shared_ptr<const void> prepare_cumsum(Prepare& context) {
  return std::make_shared<Direction>(Direction{context.node.integer("exclusive", 0) != 0,
                                               context.node.integer("reverse", 0) != 0});
}

template <typename T, typename Sum>
void sum_lines(const Step& step, const Team& team) {
  const Direction way = *static_cast<const Direction*>(step.state);
  const Operand& x = *step.in[0];
  if (x.count == 0) return;
  const Lines lines = lines_of(x, axis_of(integer_at(*step.in[1], 0), x.rank));
  const Range mine = share(lines.count, team.id, team.size);
  for (int64_t line = mine.begin; line < mine.end; line++) {
    Sum sum = 0;
    for (int64_t k = 0; k < lines.length; k++) {
      const int64_t along = way.reverse ? lines.length - 1 - k : k;
      const int64_t i = lines.first(line) + along * lines.step;
      const Sum before = sum;
      sum += Sum(data<T>(&x)[i]);
      data_out<T>(step)[i] = T(way.exclusive ? before : sum);
    }
  }
}

void run_cumsum(const Step& step, const Team& team) {
  if (step.in[0]->dtype == WEFT_I64) return sum_lines<int64_t, uint64_t>(step, team);
  if (step.in[0]->dtype == WEFT_I32) return sum_lines<int32_t, uint64_t>(step, team);
  sum_lines<float, double>(step, team);
}

}  // namespace

extern const OpRow reduce_row = {"", "", check, prepare, run, nullptr, nullptr, threads};
extern const OpRow cumsum_row = {"",         "CumSum", check_cumsum, prepare_cumsum,
                                 run_cumsum, nullptr,  nullptr,      threads};

}  // namespace weft::cpu
