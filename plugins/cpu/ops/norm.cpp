// RMSNormalization, LayerNormalization and Softmax: rows shared among threads, each computed alone.
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

struct State {
  const Kernels* k;
  int64_t axis;
  float epsilon;
};

std::shared_ptr<const void> prepare_norm(Prepare& context) {
  return std::make_shared<State>(State{&kernels(context), context.node.integer("axis", -1),
                                       context.node.real("epsilon", 1e-5f)});
}

void check_norm(const NodeView& node) {
  const uint32_t rank = node.in(0).rank;
  need_plain(node);
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node.has(i)) need_dtype(node, i, WEFT_F32);
  need_input(node, 1);
  const int64_t stash = node.integer("stash_type", 1);
  if (stash != 1)
    throw Refusal{
        WEFT_REFUSE_ATTRIBUTE, "the mean is taken in f32", WEFT_NONE, "stash_type", stash, 1};
  // The weight must have one element for each of the row, in order.
  const uint32_t axis = axis_of(node.integer("axis", -1), rank);
  if (node.in(1).rank != rank - axis)
    throw Refusal{WEFT_REFUSE_RANK, "a scale that is broadcast over the normalized dims",
                  node.input(1),    {},
                  node.in(1).rank,  int64_t(rank - axis)};
  for (uint32_t d = axis; d < rank; d++) {
    const weft_dim &x = node.in(0).dims[d], &w = node.in(1).dims[d - axis];
    if (x.slot != w.slot || (x.slot == WEFT_NONE && x.value != w.value))
      throw Refusal{WEFT_REFUSE_SHAPE, "a scale that is broadcast over the normalized dims",
                    node.input(1)};
  }
  for (uint32_t i = 1; i < node->output_count; i++)
    if (node.output(i) != WEFT_NONE)
      throw Refusal{WEFT_REFUSE_OTHER, "only the first output is computed", node.output(i)};
}

template <typename Row>
void each_row(const Step& step, const Team& team, int64_t axis, Row&& row) {
  const Operand& x = *step.in[0];
  const int64_t n = product(x, axis_of(axis, x.rank), x.rank);
  if (n == 0) return;
  const Range rows = share(x.count / n, team.id, team.size);
  for (int64_t r = rows.begin; r < rows.end; r++)
    row(data<float>(&x) + r * n, data_out<float>(step) + r * n, n);
}

void run_rms(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const float* weight = data<float>(step.in[1]);
  each_row(step, team, s.axis,
           [&](const float* x, float* y, int64_t n) { s.k->rms_norm(x, weight, y, n, s.epsilon); });
}

void run_layer(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const float* weight = data<float>(step.in[1]);
  const float* bias = step.in_count > 2 && step.in[2] ? data<float>(step.in[2]) : nullptr;
  each_row(step, team, s.axis, [&](const float* x, float* y, int64_t n) {
    s.k->layer_norm(x, weight, bias, y, n, s.epsilon);
  });
}

void check_softmax(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  need_dtype(node, 0, WEFT_F32);
  const uint32_t rank = node.in(0).rank;
  const int64_t axis = node.integer("axis", -1);
  if (rank == 0 || axis_of(axis, rank) != rank - 1)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "softmax over the last axis only", WEFT_NONE, "axis", axis,
                  int64_t(rank) - 1};
}

void run_softmax(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  each_row(step, team, -1, [&](const float* x, float* y, int64_t n) { s.k->softmax(x, y, n); });
}

uint32_t threads(const Step& step, uint32_t most) {
  const Operand& x = *step.in[0];
  const int64_t rows = x.rank ? x.count / std::max<int64_t>(1, x.shape[x.rank - 1]) : 1;
  return rows < 2 ? 1 : threads_for(x.count, 8 * 1024, most);
}

}  // namespace

extern const OpRow rms_normalization_row = {
    "", "RMSNormalization", check_norm, prepare_norm, run_rms, nullptr, nullptr, threads};
extern const OpRow layer_normalization_row = {
    "", "LayerNormalization", check_norm, prepare_norm, run_layer, nullptr, nullptr, threads};
extern const OpRow softmax_row = {"",          "Softmax", check_softmax, prepare_norm,
                                  run_softmax, nullptr,   nullptr,       threads};

}  // namespace weft::cpu
