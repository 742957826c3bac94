// read_slopes: a bias of Attention that grows with the distance of the key, at a rate of its head,
// becomes slopes (ALiBi):
//
//   bias[b, h, i, j] = slope[h] * (j + what is the same for all keys)      becomes
//   SinkAttention(q, k, v, slopes)
//
// A softmax takes no notice of what is the same for all keys of a row, so exporters count j from
// anywhere: from the first key, from the query, from the end of a constant table. After read_masks,
// which leaves such a bias alone. Press et al., "Train Short, Test Long", 2021.
#include <algorithm>
#include <cmath>

#include "core/passes/attention.h"
#include "core/passes/constants.h"
#include "core/passes/elements.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

using Rates = std::vector<double>;  // per key, of each head

class Bias {
 public:
  Bias(const Graph& graph, bool in_session, int64_t heads)
      : graph_(graph), elements_(graph, in_session), heads_(heads) {}

  // The rate at which the bias of each head grows per key; nothing when it does not so.
  std::optional<Rates> slopes(ValueId bias) {
    const size_t rank = graph_[bias].type.shape.size();
    if (rank < 3) return {};
    auto index = elements_.movement().indices(bias);
    head_ = index[rank - 3];
    key_ = index[rank - 1];
    return grows({bias, std::move(index)});
  }

 private:
  // The constants a factor has for each head: it depends on nothing else.
  std::optional<Rates> by_head(Place place) {
    place = elements_.movement().trail(std::move(place)).back();
    const auto array = constant_array(graph_[place.value]);
    if (!array || !ir::is_float(array->dtype)) return {};
    Rates rates;
    for (int64_t head = 0; head < heads_; ++head) {
      Dim flat;
      for (size_t d = 0; d < place.index.size(); ++d)
        flat = flat * graph_[place.value].type.shape[d] + place.index[d];
      sym::Bindings at;
      if (const auto symbol = head_.as_symbol()) at[*symbol] = head;
      const auto number = flat.eval(at);
      if (!number || *number < 0 || *number >= array->count()) return {};
      rates.push_back(ops::load(*array, *number));
    }
    return rates;
  }

  // `distance` is the key's number and something that is the same for all keys.
  bool counts_keys(const Dim& distance) const {
    const auto rest = (distance - key_).symbols();
    const auto key = key_.symbols();
    return std::none_of(key.begin(), key.end(),
                        [&](const std::string& symbol) { return rest.contains(symbol); });
  }

  // A constant [.., keys] whose rows are straight lines.
  std::optional<Rates> table(Place place) {
    const auto array = constant_array(graph_[place.value]);
    if (!array || array->rank() < 1 || array->shape.back() < 2 || !counts_keys(place.index.back()))
      return {};
    const auto column = [&](int64_t key) {
      Place here = place;
      here.index.back() = Dim(key);
      return by_head(std::move(here));
    };
    const int64_t last = array->shape.back() - 1;
    const auto from = column(0), to = column(last);
    if (!from || !to) return {};
    Rates rates;
    for (size_t h = 0; h < from->size(); ++h)
      rates.push_back(((*to)[h] - (*from)[h]) / double(last));
    for (int64_t key = 1; key < last; ++key) {
      const auto found = column(key);
      for (size_t h = 0; h < rates.size(); ++h) {
        const double wanted = (*from)[h] + rates[h] * double(key);
        if (!found || std::abs((*found)[h] - wanted) > 1e-5 * std::abs(rates[h]) * double(last))
          return {};
      }
    }
    return rates;
  }

  std::optional<Rates> grows(Place place) {
    place = elements_.movement().trail(std::move(place)).back();
    const Node* node = graph_.producer(place.value);
    if (!node) return table(place);
    switch (node->op) {
      case Op::Cast: {
        const Element element = elements_.at({node->inputs[0], place.index});
        const auto* number = std::get_if<Dim>(&element);
        if (!number) return grows({node->inputs[0], place.index});
        return counts_keys(*number) ? std::optional(Rates(size_t(heads_), 1)) : std::nullopt;
      }
      case Op::Add: {
        auto sum = grows(elements_.movement().operand(*node, 0, place));
        const auto more = grows(elements_.movement().operand(*node, 1, place));
        if (!sum || !more) return {};
        for (size_t h = 0; h < sum->size(); ++h) (*sum)[h] += (*more)[h];
        return sum;
      }
      case Op::Mul:
      case Op::Div:
        return product(*node, place);
      default:
        return {};
    }
  }

  std::optional<Rates> product(const Node& node, const Place& place) {
    for (const size_t side : {size_t{1}, size_t{0}}) {
      if (side == 0 && node.op == Op::Div) break;
      const auto factors = by_head(elements_.movement().operand(node, side, place));
      auto rates =
          factors ? grows(elements_.movement().operand(node, 1 - side, place)) : std::nullopt;
      if (!rates) continue;
      for (size_t h = 0; h < rates->size(); ++h)
        (*rates)[h] =
            node.op == Op::Div ? (*rates)[h] / (*factors)[h] : (*rates)[h] * (*factors)[h];
      return rates;
    }
    return {};
  }

  const Graph& graph_;
  Elements elements_;
  int64_t heads_;
  Dim head_, key_;
};

int64_t query_heads(const Graph& graph, const Node& node) {
  const auto& q = graph[node.inputs[ops::kQ]].type.shape;
  if (q.size() == 4 && q[1].is_constant()) return q[1].constant();
  return node.attrs.integer("q_num_heads", 0);
}

ValueId constant(Graph& graph, const std::vector<double>& numbers) {
  ops::Tensor tensor = ops::Tensor::zeros(ir::DType::f32, {int64_t(numbers.size())});
  ops::store_all(tensor.view(), numbers);
  return graph.add_constant("slopes", {ir::DType::f32, {int64_t(numbers.size())}},
                            ir::make_constant(std::move(tensor.bytes)));
}

}  // namespace

Status read_slopes(Graph& graph, Context& context) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    const ValueId bias = is_attention(node) ? input(node, ops::kMask) : ValueId::none;
    if (bias == ValueId::none || !ir::is_float(graph[bias].type.dtype) ||
        input(node, ops::kSlopes) != ValueId::none)
      continue;
    const int64_t heads = query_heads(graph, node);
    const auto slopes = Bias(graph, !context.options.keep_interface, heads).slopes(bias);
    if (!slopes || slopes->empty()) continue;
    const ValueId rates = constant(graph, *slopes);
    Node& changed = graph[id];
    changed.op = Op::SinkAttention;
    set_input(changed, ops::kSlopes, rates);
    set_input(changed, ops::kMask, ValueId::none);
    context.note(changed.name, "the bias grows with the distance of the key: slopes (ALiBi)");
  }
  return {};
}

}  // namespace weft::passes
