// Equal, Less, LessOrEqual, Greater, GreaterOrEqual; And, Or, Not: a boolean each.
#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

enum class Relation { equal, less, less_equal, both, either };

// Greater is Less with its inputs exchanged.
struct Named {
  const char* op;
  Relation relation;
  bool exchanged;
};
constexpr Named kNamed[] = {{"Equal", Relation::equal, false},
                            {"Less", Relation::less, false},
                            {"LessOrEqual", Relation::less_equal, false},
                            {"Greater", Relation::less, true},
                            {"GreaterOrEqual", Relation::less_equal, true},
                            {"And", Relation::both, false},
                            {"Or", Relation::either, false}};

const Named& named(const char* op) {
  for (const Named& item : kNamed)
    if (std::strcmp(item.op, op) == 0) return item;
  return kNamed[0];
}

void check(const NodeView& node) {
  need_input(node, 0);
  need_input(node, 1);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  const Relation relation = named(node->op_type).relation;
  const bool logical = relation == Relation::both || relation == Relation::either;
  if (logical) need_dtype(node, 0, WEFT_BOOL);
  const bool known = dtype == WEFT_F32 || dtype == WEFT_I64 || dtype == WEFT_I32 ||
                     dtype == WEFT_U8 || dtype == WEFT_BOOL;
  if (!known) need_dtype(node, 0, WEFT_F32);
  need_dtype(node, 1, dtype);
}

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<Named>(named(context.node->op_type));
}

template <typename T, typename Test>
void each_pair(const Step& step, const Team& team, Test&& test) {
  const T *a = data<T>(step.in[0]), *b = data<T>(step.in[1]);
  uint8_t* y = data_out<uint8_t>(step);
  each_run(step, team, [&](int64_t i, int64_t j, int64_t o, int64_t n, int64_t da, int64_t db) {
    for (int64_t c = 0; c < n; c++) y[o + c] = test(a[i + c * da], b[j + c * db]);
  });
}

template <typename T>
void compare(const Step& step, const Team& team, const Named& how) {
  switch (how.relation) {
    case Relation::equal:
      return each_pair<T>(step, team, [](T a, T b) { return a == b; });
    case Relation::less:
      if (how.exchanged) return each_pair<T>(step, team, [](T a, T b) { return b < a; });
      return each_pair<T>(step, team, [](T a, T b) { return a < b; });
    case Relation::less_equal:
      if (how.exchanged) return each_pair<T>(step, team, [](T a, T b) { return b <= a; });
      return each_pair<T>(step, team, [](T a, T b) { return a <= b; });
    case Relation::both:
      return each_pair<T>(step, team, [](T a, T b) { return a && b; });
    case Relation::either:
      return each_pair<T>(step, team, [](T a, T b) { return a || b; });
  }
}

void run(const Step& step, const Team& team) {
  const Named& how = *static_cast<const Named*>(step.state);
  switch (step.in[0]->dtype) {
    case WEFT_F32:
      return compare<float>(step, team, how);
    case WEFT_I64:
      return compare<int64_t>(step, team, how);
    case WEFT_I32:
      return compare<int32_t>(step, team, how);
    default:
      return compare<uint8_t>(step, team, how);
  }
}

void check_not(const NodeView& node) {
  need_input(node, 0);
  need_dtype(node, 0, WEFT_BOOL);
}

void run_not(const Step& step, const Team& team) {
  const uint8_t* x = data<uint8_t>(step.in[0]);
  const Range mine = share(step.out[0]->count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) data_out<uint8_t>(step)[i] = !x[i];
}

}  // namespace

extern const OpRow compare_row = {"",  "",      check,   prepare,
                                  run, nullptr, nullptr, threads_by_elements};
extern const OpRow not_row = {"",      "Not",   check_not, nullptr,
                              run_not, nullptr, nullptr,   threads_by_elements};

}  // namespace weft::cpu
