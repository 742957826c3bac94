// Elementwise arithmetic with broadcasting: f32 through the vector kernels, integers by plain
// loops.
#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

struct Named {
  const char* name;
  uint32_t op;
};
constexpr Named kBinary[] = {{"Add", kAdd}, {"Sub", kSub}, {"Mul", kMul}, {"Div", kDiv},
                             {"Max", kMax}, {"Min", kMin}, {"Pow", kPow}, {"Mod", kMod}};
constexpr Named kUnary[] = {
    {"Neg", kNeg},     {"Abs", kAbs},         {"Sqrt", kSqrt}, {"Exp", kExp},
    {"Log", kLog},     {"Erf", kErf},         {"Tanh", kTanh}, {"Cos", kCos},
    {"Sin", kSin},     {"Sigmoid", kSigmoid}, {"Relu", kRelu}, {"Gelu", kGelu},
    {"Swish", kSwish}, {"Floor", kFloor},     {"Ceil", kCeil}, {"Reciprocal", kReciprocal},
    {"Round", kRound}};

template <size_t n>
uint32_t op_of(const Named (&list)[n], const char* name) {
  for (const Named& item : list)
    if (std::strcmp(item.name, name) == 0) return item.op;
  return 0;
}

struct State {
  const Kernels* k;
  uint32_t op;
  float alpha;
};

template <typename T>
bool integer_op(uint32_t op, T a, T b, T& out) {
  using U = std::make_unsigned_t<T>;  // wraps instead of overflowing
  switch (op) {
    case kAdd:
      out = T(U(a) + U(b));
      return true;
    case kSub:
      out = T(U(a) - U(b));
      return true;
    case kMul:
      out = T(U(a) * U(b));
      return true;
    case kMax:
      out = std::max(a, b);
      return true;
    case kMin:
      out = std::min(a, b);
      return true;
    case kDiv:
      if (b == 0) return false;
      out = b == T(-1) ? T(U(0) - U(a)) : T(a / b);
      return true;
    case kMod:  // of the divisor's sign
    case kFmod:
      if (b == 0) return false;
      out = b == T(-1) ? 0 : T(a % b);
      if (op == kMod && out != 0 && (out < 0) != (b < 0)) out = T(out + b);
      return true;
    default:
      return false;
  }
}

template <typename T>
void run_integers(const Step& step, const Team& team, uint32_t op) {
  const T *a = data<T>(step.in[0]), *b = data<T>(step.in[1]);
  T* y = data_out<T>(step);
  each_run(step, team, [&](int64_t i, int64_t j, int64_t o, int64_t n, int64_t da, int64_t db) {
    for (int64_t c = 0; c < n; c++)
      if (!integer_op(op, a[i + c * da], b[j + c * db], y[o + c]))
        return fault(step, WEFT_E_INVALID, "division by zero");
  });
}

void check_binary(const NodeView& node) {
  need_plain(node);
  if (node->input_count != 2)
    throw Refusal{WEFT_REFUSE_OTHER, "exactly two inputs", WEFT_NONE, {}, node->input_count, 2};
  need_input(node, 0);
  const uint32_t dtype = node.in(0).dtype;
  const bool integer =
      (dtype == WEFT_I64 || dtype == WEFT_I32) && op_of(kBinary, node->op_type) != kPow;
  if (dtype != WEFT_F32 && !integer) need_dtype(node, 0, WEFT_F32);
  need_dtype(node, 1, dtype);
}

std::shared_ptr<const void> prepare_binary(Prepare& context) {
  State s{&kernels(context), op_of(kBinary, context.node->op_type), 0};
  if (s.op == kMod && context.node.integer("fmod", 0) != 0) s.op = kFmod;
  return std::make_shared<State>(s);
}

void run_binary(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  if (step.in[0]->dtype == WEFT_I64) return run_integers<int64_t>(step, team, s.op);
  if (step.in[0]->dtype == WEFT_I32) return run_integers<int32_t>(step, team, s.op);
  const float *a = data<float>(step.in[0]), *b = data<float>(step.in[1]);
  float* y = data_out<float>(step);
  each_run(step, team, [&](int64_t i, int64_t j, int64_t o, int64_t n, int64_t da, int64_t db) {
    s.k->binary(s.op, n, a + i, da, b + j, db, y + o);
  });
}

bool takes_integers(uint32_t op) { return op == kNeg || op == kAbs || op == kRelu; }

void check_unary(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype == WEFT_I64 || dtype == WEFT_I32) {
    if (takes_integers(op_of(kUnary, node->op_type))) return;
  }
  need_dtype(node, 0, WEFT_F32);
}

std::shared_ptr<const void> prepare_unary(Prepare& context) {
  const NodeView& node = context.node;
  State s{&kernels(context), op_of(kUnary, node->op_type), node.real("alpha", 1.0f)};
  if (s.op == kGelu && node.string("approximate", "none") == "tanh") s.op = kGeluTanh;
  return std::make_shared<State>(s);
}

template <typename T>
void map_integers(const Step& step, Range mine, uint32_t op) {
  const T* x = data<T>(step.in[0]);
  T* y = data_out<T>(step);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    const T negated = T(0 - std::make_unsigned_t<T>(x[i]));
    y[i] = op == kNeg ? negated : x[i] >= 0 ? x[i] : op == kAbs ? negated : 0;
  }
}

void run_unary(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const int64_t n = step.out[0]->count;
  const Range blocks = share((n + 15) / 16, team.id, team.size);
  const Range mine = {blocks.begin * 16, std::min(blocks.end * 16, n)};
  if (mine.begin >= mine.end) return;
  if (step.in[0]->dtype == WEFT_I64) return map_integers<int64_t>(step, mine, s.op);
  if (step.in[0]->dtype == WEFT_I32) return map_integers<int32_t>(step, mine, s.op);
  s.k->unary(s.op, mine.end - mine.begin, data<float>(step.in[0]) + mine.begin,
             data_out<float>(step) + mine.begin, s.alpha);
}

// ------------------------------------------------------------------ Clip
void check_clip(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32) need_dtype(node, 0, WEFT_F32);
  for (uint32_t i = 1; i < 3; i++)
    if (node.has(i)) need_dtype(node, i, dtype);
}

// min(max(x, lo), hi): what both bounds exclude is hi.
template <typename T>
void clip(const Step& step, const Team& team) {
  const T* bounds[2] = {};
  for (uint32_t i = 1; i < 3; i++)
    if (i < step.in_count && step.in[i]) bounds[i - 1] = data<T>(step.in[i]);
  const T* x = data<T>(step.in[0]);
  T* y = data_out<T>(step);
  const Range mine = share(step.out[0]->count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    T v = x[i];
    if (bounds[0] && v < *bounds[0]) v = *bounds[0];
    if (bounds[1] && v > *bounds[1]) v = *bounds[1];
    y[i] = v;
  }
}

void run_clip(const Step& step, const Team& team) {
  if (step.in[0]->dtype == WEFT_I64) return clip<int64_t>(step, team);
  if (step.in[0]->dtype == WEFT_I32) return clip<int32_t>(step, team);
  clip<float>(step, team);
}

}  // namespace

extern const OpRow binary_row = {"",         "",      check_binary, prepare_binary,
                                 run_binary, nullptr, nullptr,      threads_by_elements};
extern const OpRow clip_row = {"",       "Clip",  check_clip, nullptr,
                               run_clip, nullptr, nullptr,    threads_by_elements};
extern const OpRow unary_row = {"",        "",      check_unary, prepare_unary,
                                run_unary, nullptr, nullptr,     threads_by_elements};

}  // namespace weft::cpu
