// TopK: the k largest or smallest elements of each line along an axis, best first, equal ones by
// lower index. The output of indices is the list that is kept in order while a line is read: no
// memory besides, and for the small k of routers and samplers little more than one pass.
#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

struct State {
  int64_t axis;
  bool largest;
};

void check(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32) need_dtype(node, 0, WEFT_F32);
  if (node.output(1) == WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "TopK whose indices nobody reads"};
}

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<State>(
      State{context.node.integer("axis", -1), context.node.integer("largest", 1) != 0});
}

template <typename T>
void select(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const Operand& x = *step.in[0];
  const uint32_t axis = axis_of(s.axis, x.rank);
  const Lines from = lines_of(x, axis), to = lines_of(*step.out[1], axis);
  if (to.length > from.length) {
    if (team.id == 0) fault(step, WEFT_E_INVALID, "k is larger than the axis");
    return;
  }
  if (to.length == 0) return;
  const auto better = [&](T a, T b) { return s.largest ? a > b : a < b; };
  const Range mine = share(from.count, team.id, team.size);
  for (int64_t line = mine.begin; line < mine.end; line++) {
    const T* elements = data<T>(&x) + from.first(line);
    int64_t* best = data_out<int64_t>(step, 1) + to.first(line);
    int64_t count = 0;
    for (int64_t i = 0; i < from.length; i++) {
      const T v = elements[i * from.step];
      if (count == to.length && !better(v, elements[best[(count - 1) * to.step] * from.step]))
        continue;
      int64_t at = count < to.length ? count++ : count - 1;
      for (; at > 0 && better(v, elements[best[(at - 1) * to.step] * from.step]); at--)
        best[at * to.step] = best[(at - 1) * to.step];
      best[at * to.step] = i;
    }
    if (!step.out[0]) continue;
    T* values = data_out<T>(step, 0) + to.first(line);
    for (int64_t i = 0; i < to.length; i++)
      values[i * to.step] = elements[best[i * to.step] * from.step];
  }
}

void run(const Step& step, const Team& team) {
  if (step.in[0]->dtype == WEFT_I64) return select<int64_t>(step, team);
  if (step.in[0]->dtype == WEFT_I32) return select<int32_t>(step, team);
  select<float>(step, team);
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.in[0]->count, 8 * 1024, most);
}

}  // namespace

extern const OpRow topk_row = {"", "TopK", check, prepare, run, nullptr, nullptr, threads};

}  // namespace weft::cpu
