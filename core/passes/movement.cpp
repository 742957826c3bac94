// One rule per op that moves elements; see movement.h.
#include "core/passes/movement.h"

#include <algorithm>

namespace weft::passes {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::Value;
using ir::ValueId;
using sym::Bounds;
using sym::Dim;
using sym::Shape;
using sym::Truth;

using Index = std::vector<Dim>;

namespace {

const Shape& shape_of(const Graph& graph, ValueId id) { return graph[id].type.shape; }

// Integers of an input that are known and constant.
std::optional<std::vector<int64_t>> integers(const Graph& graph, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == ValueId::none) return {};
  const auto& contents = graph[node.inputs[input]].contents;
  if (!contents) return {};
  std::vector<int64_t> numbers;
  for (const Dim& dim : *contents) {
    if (!dim.is_constant()) return {};
    numbers.push_back(dim.constant());
  }
  return numbers;
}

struct Division {
  Dim quotient, remainder;
};

// number = quotient * by + remainder, with what the bounds say about the parts `by` divides not.
Division divide(const Bounds& bounds, const Dim& number, const Dim& by) {
  Dim out, rest;
  for (const Dim& part : sym::summands(number)) {
    if (const auto exact = divide_exactly(part, by)) {
      out = out + *exact;
    } else {
      rest = rest + part;
    }
  }
  if (bounds.ge(rest, 0) == Truth::yes && bounds.ge(by - 1, rest) == Truth::yes) return {out, rest};
  return {out + floordiv(rest, by), mod(rest, by)};
}

// k * floordiv(x, k) + mod(x, k) = x: what a split axis is when it is joined again.
Dim rejoined(const Dim& number) {
  for (const sym::Term& term : number.terms()) {
    if (term.factors.size() != 1) continue;
    const sym::Atom& a = sym::atom(term.factors[0]);
    if (a.kind != sym::Atom::Kind::mod) continue;
    const Dim &x = a.operands[0], &k = a.operands[1];
    const Dim joined = number + Dim(term.coefficient) * (x - mod(x, k) - k * floordiv(x, k));
    if (joined.terms().size() < number.terms().size()) return rejoined(joined);
  }
  return number;
}

// Runs of dims of equal product: [1, seq, 576] and [1, seq, 9, 64] meet in 1|1, seq|seq, 576|9 64.
// Within a run the elements are renumbered; across runs they do not mix.
std::optional<Index> reshaped(const Bounds& bounds, const Shape& from, const Shape& to,
                              const Index& index) {
  Index out(from.size());
  size_t i = 0, k = 0;
  while (i < from.size() || k < to.size()) {
    const size_t i0 = i, k0 = k;
    Dim in_run = i < from.size() ? from[i++] : Dim(1);
    Dim out_run = k < to.size() ? to[k++] : Dim(1);
    while (in_run != out_run) {
      const bool grow_in = i < from.size() && (divide_exactly(out_run, in_run) || k == to.size());
      if (grow_in) {
        in_run = in_run * from[i++];
      } else if (k < to.size()) {
        out_run = out_run * to[k++];
      } else {
        return {};
      }
    }
    Dim number;
    for (size_t d = k0; d < k; ++d) number = number * to[d] + index[d];
    number = rejoined(number);
    for (size_t d = i; d-- > i0;) {
      if (from[d] == Dim(1)) continue;
      const bool last = std::all_of(from.begin() + int64_t(i0), from.begin() + int64_t(d),
                                    [](const Dim& dim) { return dim == Dim(1); });
      if (last) {
        out[d] = number;
        break;
      }
      const Division parts = divide(bounds, number, from[d]);
      out[d] = parts.remainder;
      number = parts.quotient;
    }
  }
  return out;
}

std::optional<Index> transposed(const Node& node, const Index& index) {
  const auto perm = node.attrs.integers("perm");
  Index out(index.size());
  for (size_t k = 0; k < index.size(); ++k) {
    out[perm.empty() ? index.size() - 1 - k : size_t(perm[k])] = index[k];
  }
  return out;
}

std::optional<Index> expanded(const Shape& from, const Shape& to, const Index& index) {
  Index out;
  for (size_t d = 0; d < from.size(); ++d) {
    const size_t k = to.size() - from.size() + d;
    if (from[d] != to[k] && from[d] != Dim(1)) return {};
    out.push_back(from[d] == Dim(1) ? Dim(0) : index[k]);
  }
  return out;
}

// Repeats begin again at 0.
Index tiled(const Shape& from, const Shape& to, const Index& index) {
  Index out;
  for (size_t d = 0; d < from.size(); ++d) {
    const Dim once = from[d] == Dim(1) ? Dim(0) : mod(index[d], from[d]);
    out.push_back(from[d] == to[d] ? index[d] : once);
  }
  return out;
}

std::optional<Index> sliced(const Graph& graph, const Bounds& bounds, const Node& node,
                            Index index) {
  const Shape& from = shape_of(graph, node.inputs[0]);
  const bool has_axes = node.inputs.size() > 3 && node.inputs[3] != ValueId::none;
  const auto axes = integers(graph, node, 3);
  const auto steps = integers(graph, node, 4);
  const auto& starts = graph[node.inputs[1]].contents;
  if (!starts || (has_axes && !axes) || (node.inputs.size() > 4 && !steps)) return {};
  for (size_t i = 0; i < starts->size(); ++i) {
    const int64_t step = steps ? (*steps)[i] : 1;
    if (step < 1) return {};
    const int64_t axis = axes ? (*axes)[i] : int64_t(i);
    const size_t d = size_t(axis < 0 ? axis + int64_t(from.size()) : axis);
    Dim start = (*starts)[i];
    if (bounds.ge(start, 0) == Truth::no) {
      // From the end; before the beginning is the beginning.
      const bool all =
          start.is_constant() && bounds.ge(Dim(start.constant()), Dim(0) - from[d]) == Truth::no;
      start = all ? Dim(0) : from[d] + start;
    }
    if (bounds.ge(start, 0) != Truth::yes) return {};
    index[d] = index[d] * Dim(step) + start;
  }
  return index;
}

std::optional<Place> joined(const Graph& graph, const Bounds& bounds, const Node& node,
                            Index index) {
  const size_t axis = axis_of(node, index.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Dim& size = shape_of(graph, node.inputs[i])[axis];
    // What is beyond all others is in the last one.
    const bool is_last = i + 1 == node.inputs.size();
    const Truth beyond = is_last ? Truth::no : bounds.ge(index[axis], size);
    if (beyond == Truth::unknown) return {};
    if (beyond == Truth::no) return Place{node.inputs[i], std::move(index)};
    index[axis] = index[axis] - size;
  }
  return {};
}

std::optional<Index> part_of(const Graph& graph, const Node& node, ValueId output, Index index) {
  const size_t axis = axis_of(node, index.size());
  for (const ValueId part : node.outputs) {
    if (part == output) return index;
    if (part == ValueId::none) return {};
    index[axis] = index[axis] + shape_of(graph, part)[axis];
  }
  return {};
}

// Gather where the index is known: the only one, or one of a list at a place that is known.
std::optional<Index> gathered(const Graph& graph, const Node& node, Index index) {
  const Value& indices = graph[node.inputs[1]];
  const Shape& from = shape_of(graph, node.inputs[0]);
  if (!indices.contents) return {};
  const size_t axis = axis_of(node, from.size());
  const auto begin = index.begin() + int64_t(axis);
  Dim number;
  for (size_t d = 0; d < indices.type.shape.size(); ++d)
    number = number * indices.type.shape[d] + *(begin + int64_t(d));
  if (indices.contents->size() == 1) number = 0;
  if (!number.is_constant() || number.constant() >= int64_t(indices.contents->size())) return {};
  Dim at = (*indices.contents)[size_t(number.constant())];
  if (at.is_constant() && at.constant() < 0) at = at + from[axis];
  index.erase(begin, begin + int64_t(indices.type.shape.size()));
  index.insert(index.begin() + int64_t(axis), at);
  return index;
}

}  // namespace

size_t axis_of(const Node& node, size_t rank, int64_t otherwise) {
  const int64_t axis = node.attrs.integer("axis", otherwise);
  return size_t(axis < 0 ? axis + int64_t(rank) : axis);
}

Place Movement::operand(const Node& node, size_t slot, const Place& place) const {
  const Shape& from = shape_of(graph_, node.inputs[slot]);
  Place out{node.inputs[slot], {}};
  for (size_t d = 0; d < from.size(); ++d) {
    const size_t here = place.index.size() - from.size() + d;
    out.index.push_back(from[d] == Dim(1) ? Dim(0) : place.index[here]);
  }
  return out;
}

std::vector<Dim> Movement::indices(ValueId value) {
  Index index;
  for (const Dim& dim : shape_of(graph_, value)) {
    const std::string name = "@" + std::to_string(index.size());
    const int64_t most = bounds_.of(dim).hi;
    bounds_.set(name, {0, most == sym::kUnbounded ? most : std::max<int64_t>(most - 1, 0)});
    index.push_back(dim == Dim(1) ? Dim(0) : Dim::symbol(name));
  }
  return index;
}

std::optional<Place> Movement::step(const Place& place) const {
  const Node* node = graph_.producer(place.value);
  if (!node || node->inputs.empty() || node->inputs[0] == ValueId::none) return {};
  const ValueId input = node->inputs[0];
  std::optional<Index> index;
  switch (node->op) {
    case Op::Identity:
      index = place.index;
      break;
    case Op::Cast:
      if (graph_[input].type.dtype == graph_[place.value].type.dtype) index = place.index;
      break;
    case Op::Reshape:
    case Op::Flatten:
    case Op::Squeeze:
    case Op::Unsqueeze:
      index =
          reshaped(bounds_, shape_of(graph_, input), shape_of(graph_, place.value), place.index);
      break;
    case Op::Transpose:
      index = transposed(*node, place.index);
      break;
    case Op::Expand:
      index = expanded(shape_of(graph_, input), shape_of(graph_, place.value), place.index);
      break;
    case Op::Tile:
      index = tiled(shape_of(graph_, input), shape_of(graph_, place.value), place.index);
      break;
    case Op::Slice:
      index = sliced(graph_, bounds_, *node, place.index);
      break;
    case Op::Split:
      index = part_of(graph_, *node, place.value, place.index);
      break;
    case Op::Gather:
      index = gathered(graph_, *node, place.index);
      break;
    case Op::Concat:
      return joined(graph_, bounds_, *node, place.index);
    default:
      break;
  }
  if (!index) return {};
  return Place{input, std::move(*index)};
}

std::vector<Place> Movement::trail(Place place) const {
  std::vector<Place> places{std::move(place)};
  while (auto next = step(places.back())) places.push_back(std::move(*next));
  return places;
}

ValueId Movement::origin(ValueId value) {
  const Index index = indices(value);
  ValueId same = value;
  for (const Place& place : trail({value, index})) {
    if (place.index == index && graph_[place.value].type == graph_[value].type) same = place.value;
  }
  return same;
}

}  // namespace weft::passes
