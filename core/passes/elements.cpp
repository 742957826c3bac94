// One rule per op that masks are built from; see elements.h.
#include "core/passes/elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/passes/constants.h"

namespace weft::passes {

using ir::Node;
using ir::Op;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;
using sym::Dim;
using sym::Truth;

namespace {

Element of_constant(const Value& value) {
  const auto same = uniform(value);
  if (!same) return {};
  if (ir::is_float(value.type.dtype)) return Choice{{}, *same, 0};
  return Dim(int64_t(*same));
}

Element of_contents(const Value& value, const std::vector<Dim>& index) {
  const auto& contents = *value.contents;
  if (contents.empty()) return {};
  const bool all_equal = std::all_of(contents.begin(), contents.end(),
                                     [&](const Dim& dim) { return dim == contents[0]; });
  if (all_equal) return contents[0];
  Dim flat;
  for (size_t d = 0; d < index.size(); ++d) flat = flat * value.type.shape[d] + index[d];
  if (!flat.is_constant() || flat.constant() >= int64_t(contents.size())) return {};
  return contents[size_t(flat.constant())];
}

Element of_input(const Value& value, const std::vector<Dim>& index) {
  const Dim past = Dim::symbol("past");
  const ir::Shape all{1, past + Dim::symbol("seq")};
  if (value.name == "attention_mask" && value.type.shape == all) return Dim(1);
  if (value.name == "position_ids" && index.size() == 2) return past + index[1];
  return {};
}

}  // namespace

Condition Elements::at_least(const Dim& a, const Dim& b) const {
  const Truth known = movement_.bounds().ge(a, b);
  if (known == Truth::unknown) return {{a - b}};
  return {{}, known == Truth::no};
}

// Both hold; an inequality that follows from another is left out.
Condition Elements::both(Condition a, const Condition& b) const {
  if (a.never || b.never) return {{}, true};
  const auto follows = [&](const Dim& weak, const Dim& strong) {
    return movement_.bounds().ge(weak, strong) == Truth::yes;
  };
  for (const Dim& dim : b.all) {
    const bool known = std::any_of(a.all.begin(), a.all.end(),
                                   [&](const Dim& other) { return follows(dim, other); });
    if (known) continue;
    std::erase_if(a.all, [&](const Dim& other) { return follows(other, dim); });
    a.all.push_back(dim);
  }
  return a;
}

// Two reals: one of them the same everywhere, two masks added, or 0 where either is.
Element Elements::combined(Op op, const Choice& a, const Choice& b) const {
  const auto calculate = [op](double x, double y) {
    return op == Op::Add ? x + y : op == Op::Sub ? x - y : x * y;
  };
  Element out;
  if (b.when.always()) {
    out = Choice{a.when, calculate(a.yes, b.yes), calculate(a.no, b.yes)};
  } else if (a.when.always()) {
    out = Choice{b.when, calculate(a.yes, b.yes), calculate(a.yes, b.no)};
  } else if (op == Op::Add && a.yes == 0 && b.yes == 0 && a.no <= kHidden && b.no <= kHidden) {
    out = Choice{both(a.when, b.when), 0, std::max(a.no, b.no)};
  } else if (op == Op::Mul && a.no == 0 && b.no == 0) {
    out = Choice{both(a.when, b.when), a.yes * b.yes, 0};
  }
  // 0 * -inf of a condition that is always true is never looked at.
  const auto* choice = std::get_if<Choice>(&out);
  return choice && std::isnan(choice->yes) ? Element{} : out;
}

Element Elements::at(const Place& place) {
  const bool outermost = depth_ == 0;
  if (outermost) unknown_ = ValueId::none;
  ++depth_;
  Element element = --steps_left_ < 0 ? Element{} : known_at(place);
  --depth_;
  // What stops deepest is told first.
  if (element.index() == 0 && unknown_ == ValueId::none) unknown_ = place.value;
  return element;
}

Element Elements::known_at(const Place& place) {
  const Value& value = graph_[place.value];
  if (value.contents) {
    if (Element known = of_contents(value, place.index); known.index() != 0) return known;
  }
  if (value.kind == ValueKind::constant) {
    if (Element same = of_constant(value); same.index() != 0) return same;
    return of_table(place.value, place);
  }
  if (value.kind == ValueKind::input) return in_session_ ? of_input(value, place.index) : Element{};
  if (const auto next = movement_.step(place)) return at(*next);
  const Node* node = graph_.producer(place.value);
  return node ? compute(*node, place) : Element{};
}

// The element of input `slot` that broadcasts to `place`.
Element Elements::input(const Node& node, size_t slot, const Place& place) {
  const ValueId id = node.inputs[slot];
  if (id == ValueId::none) return {};
  if (graph_[id].type.shape.size() > place.index.size()) return {};
  return at(movement_.operand(node, slot, place));
}

Element Elements::compute(const Node& node, const Place& place) {
  // input `more` - input `less` >= by
  const auto compared = [&](size_t more, size_t less, int64_t by) -> Element {
    const Element a = input(node, more, place), b = input(node, less, place);
    if (ir::is_float(graph_[node.inputs[0]].type.dtype))
      return compare_reals(a, b, [by](double x, double y) { return by == 0 ? x >= y : x > y; });
    const auto *x = std::get_if<Dim>(&a), *y = std::get_if<Dim>(&b);
    return x && y ? Element(at_least(*x, *y + Dim(by))) : Element{};
  };
  switch (node.op) {
    case Op::Range: {
      const Element start = at({node.inputs[0], {}}), delta = at({node.inputs[2], {}});
      const auto *from = std::get_if<Dim>(&start), *by = std::get_if<Dim>(&delta);
      return from && by ? Element(*from + place.index[0] * *by) : Element{};
    }
    case Op::Cast:
      return cast(input(node, 0, place), graph_[place.value].type.dtype);
    case Op::GreaterOrEqual:
      return compared(0, 1, 0);
    case Op::Greater:
      return compared(0, 1, 1);
    case Op::LessOrEqual:
      return compared(1, 0, 0);
    case Op::Less:
      return compared(1, 0, 1);
    case Op::Equal: {
      if (ir::is_float(graph_[node.inputs[0]].type.dtype))
        return compare_reals(input(node, 0, place), input(node, 1, place), std::equal_to<>());
      const auto a = condition_of(compared(0, 1, 0)), b = condition_of(compared(1, 0, 0));
      return a && b ? Element(both(*a, *b)) : Element{};
    }
    case Op::And: {
      const auto a = condition_of(input(node, 0, place)), b = condition_of(input(node, 1, place));
      return a && b ? Element(both(*a, *b)) : Element{};
    }
    case Op::Not:
      return negation(input(node, 0, place));
    case Op::Or: {
      // a or b = not (not a and not b), where that is a conjunction.
      const auto a = condition_of(negation(input(node, 0, place)));
      const auto b = condition_of(negation(input(node, 1, place)));
      return a && b ? negation(both(*a, *b)) : Element{};
    }
    case Op::CumSum:
      return sum_along(node, place);
    case Op::Trilu:
      return triangle(node, place);
    case Op::Where:
      return choose(node, place);
    case Op::ConstantOfShape: {
      const double fill = node.attrs.real("value", double(node.attrs.integer("value", 0)));
      if (ir::is_float(graph_[place.value].type.dtype)) return Choice{{}, fill, 0};
      return Dim(int64_t(fill));
    }
    case Op::ScatterND:
      return scattered(node, place);
    case Op::Concat:
      return joined(node, place);
    case Op::Expand:
      return stretched(node, place);
    case Op::Gather:
      return gather(node, place);
    default:
      return arithmetic(node, place);
  }
}

Element Elements::arithmetic(const Node& node, const Place& place) {
  if (node.op != Op::Add && node.op != Op::Sub && node.op != Op::Mul) return {};
  const Element a = input(node, 0, place), b = input(node, 1, place);
  if (ir::is_float(graph_[place.value].type.dtype)) {
    const auto x = choice_of(a), y = choice_of(b);
    return x && y ? combined(node.op, *x, *y) : Element{};
  }
  const auto *x = std::get_if<Dim>(&a), *y = std::get_if<Dim>(&b);
  if (!x || !y) return {};
  return node.op == Op::Add ? *x + *y : node.op == Op::Sub ? *x - *y : *x * *y;
}

Element Elements::choose(const Node& node, const Place& place) {
  const auto when = condition_of(input(node, 0, place));
  if (!when) return {};
  if (when->always()) return input(node, 1, place);
  if (when->never) return input(node, 2, place);
  const auto yes = choice_of(input(node, 1, place)), no = choice_of(input(node, 2, place));
  if (!yes || !no) return {};
  if (yes->when.always() && no->when.always()) return Choice{*when, yes->yes, no->yes};
  // A mask inside a mask, hiding with the same strength or more.
  if (no->when.always() && yes->yes == 0 && yes->no <= kHidden && no->yes <= kHidden)
    return Choice{both(*when, yes->when), 0, std::max(yes->no, no->yes)};
  return {};
}

// A table that is a band.
Element Elements::of_table(ValueId id, const Place& place) {
  if (!bands_.contains(id)) bands_[id] = band_of(graph_[id]);
  const auto& band = bands_[id];
  if (!band) return {};
  const Dim distance = place.index[place.index.size() - 2] - place.index.back();
  Condition in = at_least(distance, band->low);
  if (band->high) in = both(in, at_least(*band->high, distance));
  const ir::DType dtype = graph_[id].type.dtype;
  if (ir::is_float(dtype)) return Choice{in, band->inside, band->outside};
  if (band->outside == 0 && band->inside == 1) return in;
  return band->inside == 0 && band->outside == 1 ? negation(in) : Element{};
}

// Expand of seq to r + seq, which runs only where r = 0, and then moves nothing, or where seq = 1,
// and then repeats one element. Counted from the end both are the same where the one row of a run
// of one token attends everything (GenAI's builder makes causal masks so).
Element Elements::stretched(const Node& node, const Place& place) {
  const auto &from = graph_[node.inputs[0]].type.shape, &to = graph_[place.value].type.shape;
  if (from.size() != to.size()) return {};
  auto index = place.index;
  sym::Substitution one_row;
  for (size_t d = 0; d < from.size(); ++d) {
    if (from[d] == to[d]) continue;
    const Dim more = to[d] - from[d];
    const auto symbol = place.index[d].as_symbol();
    if (!from[d].as_symbol() || !symbol || !one_row.empty() ||
        movement_.bounds().ge(more, 0) != Truth::yes)
      return {};
    index[d] = place.index[d] - more;
    one_row[*symbol] = more - Dim::symbol("@before");
    for (size_t e = 0; e < to.size(); ++e) {
      const auto row = place.index[e].as_symbol();
      if (row && to[e] == from[d]) one_row[*row] = 0;
    }
  }
  const Element element = at({node.inputs[0], std::move(index)});
  const auto* choice = std::get_if<Choice>(&element);
  if (!choice || choice->when.never) return {};
  sym::Bounds bounds = movement_.bounds();
  bounds.set("@before", {0, sym::kUnbounded});
  for (const Dim& dim : choice->when.all)
    if (bounds.ge(dim.substitute(one_row), 0) != Truth::yes) return {};
  return element;
}

// Two parts where it is not known in which one the index lies: the rule of the second holds for the
// first too (what lies in the past is attended, and not only by its distance).
Element Elements::joined(const Node& node, const Place& place) {
  const size_t rank = place.index.size();
  const size_t axis = axis_of(node, rank);
  if (node.inputs.size() != 2 || axis >= rank) return {};
  const Dim size = graph_[node.inputs[0]].type.shape[axis];
  const Dim before = size - Dim(1) - place.index[axis];  // >= 0 in the first part
  const auto first = choice_of(at({node.inputs[0], place.index}));
  auto index = place.index;
  index[axis] = index[axis] - size;
  const auto second = choice_of(at({node.inputs[1], std::move(index)}));
  if (!first || !second || !first->when.always() || first->yes != second->yes) return {};
  for (const Dim& dim : second->when.all)
    if (movement_.bounds().ge(dim, before) != Truth::yes) return {};
  return second->when.never ? Element{} : Element(*second);
}

// ScatterND that puts every update where it comes from: all of x is overwritten.
Element Elements::scattered(const Node& node, const Place& place) {
  const auto& indices = graph_[node.inputs[1]].type.shape;
  const size_t rank = place.index.size();
  const bool all =
      indices.size() == rank + 1 && indices.back() == Dim(int64_t(rank)) &&
      graph_[node.inputs[2]].type.shape == graph_[place.value].type.shape &&
      std::equal(indices.begin(), indices.end() - 1, graph_[place.value].type.shape.begin());
  for (size_t d = 0; all && d < rank; ++d) {
    auto index = place.index;
    index.push_back(Dim(int64_t(d)));
    const Element target = at({node.inputs[1], std::move(index)});
    const auto* number = std::get_if<Dim>(&target);
    if (!number || *number != place.index[d]) return {};
  }
  return all ? at({node.inputs[2], place.index}) : Element{};
}

// Of one number everywhere along the axis.
Element Elements::sum_along(const Node& node, const Place& place) {
  const auto axis = scalar(graph_, node.inputs[1]);
  const Element x = input(node, 0, place);
  const auto* each = std::get_if<Dim>(&x);
  const bool reverse = node.attrs.integer("reverse", 0) != 0;
  if (!axis || !each || reverse) return {};
  const size_t d = size_t(*axis < 0 ? *axis + double(place.index.size()) : *axis);
  if (d >= place.index.size()) return {};
  const auto along = place.index[d].symbols();
  for (const std::string& symbol : each->symbols()) {
    if (along.contains(symbol)) return {};
  }
  const int64_t counted = node.attrs.integer("exclusive", 0) != 0 ? 0 : 1;
  return *each * (place.index[d] + Dim(counted));
}

// The kept triangle of x, zero in the other.
Element Elements::triangle(const Node& node, const Place& place) {
  Dim k;
  if (node.inputs.size() > 1 && node.inputs[1] != ValueId::none) {
    const Element stated =
        at({node.inputs[1], std::vector<Dim>(graph_[node.inputs[1]].type.shape.size(), Dim(0))});
    const auto* number = std::get_if<Dim>(&stated);
    if (!number) return {};
    k = *number;
  }
  const Dim diagonal = place.index.back() - place.index[place.index.size() - 2];
  const bool upper = node.attrs.integer("upper", 1) != 0;
  const Condition kept = upper ? at_least(diagonal, k) : at_least(k, diagonal);
  const Element x = input(node, 0, place);
  if (graph_[place.value].type.dtype == ir::DType::boolean) {
    const auto condition = condition_of(x);
    return condition ? Element(both(kept, *condition)) : Element{};
  }
  const auto choice = choice_of(x);
  return choice && choice->when.always() ? Element(Choice{kept, choice->yes, 0}) : Element{};
}

// Gather with indices that are expressions. An index that is unknown does not matter where all
// elements along the axis are alike: a symbol without bounds stands for it.
Element Elements::gather(const Node& node, const Place& place) {
  const size_t rank = graph_[node.inputs[0]].type.shape.size();
  const size_t index_rank = graph_[node.inputs[1]].type.shape.size();
  const size_t axis = axis_of(node, rank);
  const auto begin = place.index.begin() + int64_t(axis);
  const Element found = at({node.inputs[1], {begin, begin + int64_t(index_rank)}});
  const auto* number = std::get_if<Dim>(&found);
  std::vector<Dim> index(place.index.begin(), begin);
  index.push_back(number ? *number : Dim::symbol("@any"));
  index.insert(index.end(), begin + int64_t(index_rank), place.index.end());
  const Element element = at({node.inputs[0], std::move(index)});
  const auto* dim = std::get_if<Dim>(&element);
  const bool depends = dim && dim->symbols().contains("@any");
  const auto* condition = std::get_if<Condition>(&element);
  const bool holds_everywhere = condition && (condition->always() || condition->never);
  if (number || (dim && !depends) || holds_everywhere) return element;
  return {};
}

}  // namespace weft::passes
