// ConstantOfShape, Pad and Trilu: tensors that are one value in places or everywhere.
#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

// An element of any type, as its bytes.
struct Item {
  char bytes[8] = {};
};

Item item_of(uint32_t dtype, double real, int64_t whole) {
  Item item;
  Operand one{};
  one.data = item.bytes;
  one.dtype = dtype;
  is_real(dtype) ? put_real(one, 0, real) : put_integer(one, 0, whole);
  return item;
}

// ------------------------------------------------------------------ ConstantOfShape
void check_constant(const NodeView& node) {
  if (!is_real(node.out(0).dtype) && !is_whole(node.out(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, text("a fill of %s", common::dtype_name(node.out(0).dtype)),
                  node.output(0)};
}

std::shared_ptr<const void> prepare_constant(Prepare& context) {
  const NodeView& node = context.node;
  const int64_t whole = node.integer("value", 0);
  return std::make_shared<Item>(
      item_of(node.out(0).dtype, double(node.real("value", float(whole))), whole));
}

void run_constant(const Step& step, const Team& team) {
  const Item& item = *static_cast<const Item*>(step.state);
  const size_t size = element_size(step.out[0]->dtype);
  const Range mine = share(step.out[0]->count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++)
    std::memcpy(step.out[0]->data + size_t(i) * size, item.bytes, size);
}

// ------------------------------------------------------------------ Trilu
std::shared_ptr<const void> prepare_trilu(Prepare& context) {
  return std::make_shared<bool>(context.node.integer("upper", 1) != 0);
}

void check_trilu(const NodeView& node) {
  need_movable(node);
  if (node.has(1)) need_dtype(node, 1, WEFT_I64);
}

void run_trilu(const Step& step, const Team& team) {
  const bool upper = *static_cast<const bool*>(step.state);
  const Operand &x = *step.in[0], &y = *step.out[0];
  const int64_t k = step.in_count > 1 && step.in[1] ? *data<int64_t>(step.in[1]) : 0;
  const int64_t m = x.shape[x.rank - 2], n = x.shape[x.rank - 1];
  const size_t size = element_size(x.dtype);
  const Range mine = share(y.count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    // Far diagonals must not wrap: column minus row lies within (-m, n).
    const int64_t diagonal = i % n - i / n % m;
    if (upper ? diagonal >= k : diagonal <= k) {
      std::memcpy(y.data + size_t(i) * size, x.data + size_t(i) * size, size);
    } else {
      std::memset(y.data + size_t(i) * size, 0, size);
    }
  }
}

// ------------------------------------------------------------------ Pad
enum class Mode { constant, edge, reflect, wrap };

void check_pad(const NodeView& node) {
  need_movable(node);
  need_indices(node, 1);
  if (node.has(2)) need_dtype(node, 2, node.in(0).dtype);
  if (node.has(3)) need_indices(node, 3);
}

std::shared_ptr<const void> prepare_pad(Prepare& context) {
  const std::string mode = context.node.string("mode", "constant");
  return std::make_shared<Mode>(mode == "edge"      ? Mode::edge
                                : mode == "reflect" ? Mode::reflect
                                : mode == "wrap"    ? Mode::wrap
                                                    : Mode::constant);
}

// The element of an axis of n that stands at position i, inside or outside; -1: the fill.
int64_t source(Mode mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == Mode::edge) return i < 0 ? 0 : n - 1;
  if (mode == Mode::wrap) return (i % n + n) % n;
  if (mode != Mode::reflect) return -1;
  if (n == 1) return 0;
  const int64_t period = 2 * (n - 1), at = (i % period + period) % period;
  return at < n ? at : period - at;
}

void run_pad(const Step& step, const Team& team) {
  const Mode mode = *static_cast<const Mode*>(step.state);
  const Operand &x = *step.in[0], &pads = *step.in[1], &y = *step.out[0];
  const Operand* value = step.in_count > 2 ? step.in[2] : nullptr;
  const Operand* axes = step.in_count > 3 ? step.in[3] : nullptr;
  const size_t size = element_size(x.dtype);
  if (y.count && !x.count && mode != Mode::constant) {
    if (team.id == 0) fault(step, WEFT_E_INVALID, "there is nothing to repeat");
    return;
  }
  int64_t before[common::kMaxRank] = {};
  for (int64_t i = 0; i < pads.count / 2; i++)
    before[axes ? axis_of(integer_at(*axes, i), x.rank) : uint32_t(i)] = integer_at(pads, i);
  const Range mine = share(y.count, team.id, team.size);
  for (int64_t i = mine.begin; i < mine.end; i++) {
    int64_t from = 0, rest = i;
    for (uint32_t d = y.rank; d-- > 0 && from >= 0;) {
      const int64_t at = source(mode, rest % y.shape[d] - before[d], x.shape[d]);
      rest /= y.shape[d];
      from = at < 0 ? -1 : from + at * x.stride[d];
    }
    char* to = y.data + size_t(i) * size;
    if (from >= 0) {
      std::memcpy(to, x.data + size_t(from) * size, size);
    } else if (value && value->count) {
      std::memcpy(to, value->data, size);
    } else {
      std::memset(to, 0, size);
    }
  }
}

}  // namespace

extern const OpRow constant_of_shape_row = {
    "",           "ConstantOfShape", check_constant, prepare_constant,
    run_constant, nullptr,           nullptr,        threads_by_elements};
extern const OpRow trilu_row = {"",        "Trilu", check_trilu, prepare_trilu,
                                run_trilu, nullptr, nullptr,     threads_by_elements};
extern const OpRow pad_row = {"",      "Pad",   check_pad, prepare_pad,
                              run_pad, nullptr, nullptr,   threads_by_elements};

}  // namespace weft::cpu
