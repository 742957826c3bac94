// Gather: rows of an embedding, decoded from the same packed copy that a head's MatMul uses; or
// slices of anything else.
#include "plugins/cpu/ops/elements.h"
#include "plugins/cpu/pack.h"

namespace weft::cpu {

namespace {

// Smaller float tables are kept as they are: their rows are then copied, not collected from tiles.
constexpr int64_t kPackedBytes = 1 << 20;

struct State {
  const Kernels* k;
  bool packed;
  PackedMatrix w;
  int64_t axis;
};

bool is_packed(const NodeView& node) {
  if (!node.graph().is_constant(node.input(0)) || node.in(0).rank != 2) return false;
  const weft_value& value = node.in(0);
  const int64_t axis = node.integer("axis", 0);
  if (axis != 0 && axis != -2) return false;
  return value.quant || value.order == WEFT_COLUMN_MAJOR ||
         (value.dtype == WEFT_F32 && value.dims[0].value * value.dims[1].value * 4 >= kPackedBytes);
}

bool packs(const NodeView& node, uint32_t i) { return i == 0 && is_packed(node); }

void check(const NodeView& node) {
  need_input(node, 0);
  need_indices(node, 1);
  if (is_packed(node)) {
    check_packable(node.graph(), rows_of(node.graph(), node.input(0)));
  } else {
    need_plain(node, 0);
    if (!element_size(node.in(0).dtype))
      throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(0)};
  }
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const NodeView& node = context.node;
  auto state = std::make_shared<State>();
  state->k = &kernels(context);
  state->packed = is_packed(node);
  state->axis = node.integer("axis", 0);
  if (state->packed)
    state->w = pack(node.graph(), rows_of(node.graph(), node.input(0)), context.constants);
  return state;
}

// Index i counted from the front; a fault and false when there is no such element.
bool read_index(const Step& step, int64_t i, int64_t size, int64_t& out) {
  return in_axis(step, integer_at(*step.in[1], i), size, out);
}

void run(const Step& step, const Team& team) {
  const State& state = *static_cast<const State*>(step.state);
  const Operand &x = *step.in[0], &ids = *step.in[1];
  if (state.packed) {
    const Range mine = share(ids.count, team.id, team.size);
    float* y = data_out<float>(step);
    for (int64_t i = mine.begin, line; i < mine.end; i++) {
      if (!read_index(step, i, state.w.n, line)) return;
      state.k->gather(state.w, line, y + i * state.w.k);
    }
    return;
  }
  const uint32_t axis = axis_of(state.axis, x.rank);
  const int64_t size = x.shape[axis], outer = product(x, 0, axis);
  const int64_t bytes = product(x, axis + 1, x.rank) * element_size(x.dtype);
  char* y = data_out<char>(step);
  const Range mine = share(ids.count, team.id, team.size);
  for (int64_t i = mine.begin, at; i < mine.end; i++) {
    if (!read_index(step, i, size, at)) return;
    for (int64_t o = 0; o < outer; o++)
      std::memcpy(y + (o * ids.count + i) * bytes, x.data + (o * size + at) * bytes, size_t(bytes));
  }
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.out[0]->count, 16 * 1024, most);
}

}  // namespace

extern const OpRow gather_row = {"", "Gather", check, prepare, run, packs, nullptr, threads};

}  // namespace weft::cpu
