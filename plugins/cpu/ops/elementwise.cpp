// Elementwise ops with broadcasting: f32 through the vector kernels, the rest by plain loops.
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

struct Named {
  const char* name;
  uint32_t op;
};
constexpr Named kBinary[] = {{"Add", kAdd}, {"Sub", kSub}, {"Mul", kMul}, {"Div", kDiv},
                             {"Max", kMax}, {"Min", kMin}, {"Pow", kPow}};
constexpr Named kUnary[] = {
    {"Neg", kNeg},     {"Abs", kAbs},         {"Sqrt", kSqrt}, {"Exp", kExp},
    {"Log", kLog},     {"Erf", kErf},         {"Tanh", kTanh}, {"Cos", kCos},
    {"Sin", kSin},     {"Sigmoid", kSigmoid}, {"Relu", kRelu}, {"Gelu", kGelu},
    {"Swish", kSwish}, {"Floor", kFloor},     {"Ceil", kCeil}, {"Reciprocal", kReciprocal}};

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

// Strides of an input as the output's dims see it: 0 where it is broadcast.
void broadcast_strides(const Operand& x, const Operand& y, int64_t* stride) {
  for (uint32_t d = 0; d < y.rank; d++) {
    const int64_t mine = int64_t(d) - (int64_t(y.rank) - int64_t(x.rank));
    stride[d] = mine < 0 || x.shape[mine] == 1 ? 0 : x.stride[mine];
  }
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
  return std::make_shared<State>(
      State{&kernels(context), op_of(kBinary, context.node->op_type), 0});
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

void check_unary(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  need_dtype(node, 0, WEFT_F32);
}

std::shared_ptr<const void> prepare_unary(Prepare& context) {
  const NodeView& node = context.node;
  State s{&kernels(context), op_of(kUnary, node->op_type), node.real("alpha", 1.0f)};
  if (s.op == kGelu && node.string("approximate", "none") == "tanh") s.op = kGeluTanh;
  return std::make_shared<State>(s);
}

void run_unary(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const int64_t n = step.out[0]->count;
  const Range blocks = share((n + 15) / 16, team.id, team.size);
  const int64_t from = blocks.begin * 16, to = std::min(blocks.end * 16, n);
  if (from < to)
    s.k->unary(s.op, to - from, data<float>(step.in[0]) + from, data_out<float>(step) + from,
               s.alpha);
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count, 8 * 1024, most);
}

}  // namespace

extern const OpRow binary_row = {"",         "",      check_binary, prepare_binary,
                                 run_binary, nullptr, nullptr,      threads};
extern const OpRow unary_row = {"",        "",      check_unary, prepare_unary,
                                run_unary, nullptr, nullptr,     threads};

}  // namespace weft::cpu
