// QuantizeRows (domain weft): rows of a KV cache as codes, quant/code_rows.h.
//
//   x [..., n * size]    y [..., n * code_row_bytes(size)], i8
#include "plugins/cpu/ops/elements.h"
#include "quant/code_rows.h"

namespace weft::cpu {

namespace {

struct State {
  const Kernels* k;
  int64_t size;
};

void check(const NodeView& node) {
  need_input(node, 0);
  need_plain(node);
  need_dtype(node, 0, WEFT_F32);
  if (node.out(0).dtype != WEFT_I8)
    throw Refusal{WEFT_REFUSE_DTYPE, "rows of codes are i8", node.output(0)};
  if (node.integer("size", 0) <= 0)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "rows need the number of their elements", WEFT_NONE,
                  "size"};
}

std::shared_ptr<const void> prepare(Prepare& context) {
  return std::make_shared<State>(State{&kernels(context), context.node.integer("size", 0)});
}

void run(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  const float* x = data<float>(step.in[0]);
  const int64_t bytes = quant::code_row_bytes(s.size);
  const Range mine = share(step.out[0]->count / bytes, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++)
    s.k->encode(x + i * s.size, s.size, step.out[0]->data + i * bytes);
}

}  // namespace

extern const OpRow quantize_rows_row = {"weft", "QuantizeRows", check,   prepare,
                                        run,    nullptr,        nullptr, threads_by_elements};

}  // namespace weft::cpu
