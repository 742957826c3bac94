// learn_bounds: what ops say about the sizes they join becomes equations and bounds.
//
//   Concat([1, 2, past, dim], [1, 2, seq, 16]) {axis = 2}     only runs where dim = 16
//   Add([1, seq, 64], [1, min(256, seq), 64])                 only runs where seq <= 256
//
// The first is how GenAI's builder leaves the size of a head. The second is how a table of 256
// positions shows in a graph: BERT slices it by the length. With the bound min(256, seq) is seq,
// and shapes are simple again.
#include <algorithm>
#include <optional>

#include "core/ops/op_def.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

struct Limit {
  std::string symbol;
  int64_t most;
};

// `cut` is min(c, s) and `whole` is s: they are equal only up to s = c. Being 1, which broadcasts,
// is no way out: then c were 1.
std::optional<Limit> limit_of(const Dim& whole, const Dim& cut) {
  const auto symbol = whole.as_symbol();
  if (!symbol || cut.terms().size() != 1) return {};
  const sym::Term& term = cut.terms()[0];
  if (term.coefficient != 1 || term.factors.size() != 1) return {};
  const sym::Atom& atom = sym::atom(term.factors[0]);
  if (atom.kind != sym::Atom::Kind::min) return {};
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const Dim &constant = atom.operands[side], &other = atom.operands[1 - side];
    if (other == whole && constant.is_constant() && constant.constant() > 1)
      return Limit{*symbol, constant.constant()};
  }
  return {};
}

// Sizes that a node joins must be equal: pairs of them.
std::vector<std::pair<Dim, Dim>> equations(const Graph& graph, const Node& node) {
  std::vector<std::pair<Dim, Dim>> pairs;
  const auto shape = [&](size_t slot) { return graph[node.inputs[slot]].type.shape; };
  if (node.op == Op::Concat) {
    const ir::Shape first = shape(0);
    const size_t axis = axis_of(node, first.size());
    for (size_t i = 1; i < node.inputs.size(); ++i)
      for (size_t d = 0; d < first.size(); ++d)
        if (d != axis) pairs.push_back({first[d], shape(i)[d]});
  }
  if (node.op == Op::MatMul && shape(0).size() >= 2 && shape(1).size() >= 2)
    pairs.push_back({shape(0).back(), shape(1)[shape(1).size() - 2]});
  return pairs;
}

// A bare symbol on one side becomes the other side, everywhere. Of two symbols the one that is
// bounded more stays, within the bounds of both.
void unify(Graph& graph, Context& context, const Node& node, const Dim& a, const Dim& b) {
  if (a == b) return;
  const auto left = a.as_symbol(), right = b.as_symbol();
  const bool may_left = left && !b.symbols().contains(*left);
  const bool may_right = right && !a.symbols().contains(*right);
  if (!may_left && !may_right) return;
  bool replaces_left = may_left;
  if (may_left && may_right) {
    const auto x = graph.bounds.of(a), y = graph.bounds.of(b);
    replaces_left = x.hi > y.hi;
    graph.bounds.set(replaces_left ? *right : *left, {std::max(x.lo, y.lo), std::min(x.hi, y.hi)});
  }
  const std::string symbol = replaces_left ? *left : *right;
  const Dim value = replaces_left ? b : a;
  graph.substitute({{symbol, value}});
  context.note(node.name,
               "joins " + a.str() + " and " + b.str() + ", so " + symbol + " is " + value.str());
}

void limit(Graph& graph, Context& context, const Node& node) {
  if (ops::def(node.op).row_wise != ops::RowWise::broadcast || node.inputs.size() != 2) return;
  if (node.inputs[0] == ValueId::none || node.inputs[1] == ValueId::none) return;
  const auto &a = graph[node.inputs[0]].type.shape, &b = graph[node.inputs[1]].type.shape;
  for (size_t d = 1; d <= std::min(a.size(), b.size()); ++d) {
    const Dim &x = a[a.size() - d], &y = b[b.size() - d];
    auto found = limit_of(x, y);
    if (!found) found = limit_of(y, x);
    if (!found || graph.bounds.of(found->symbol).hi <= found->most) continue;
    graph.bounds.set(found->symbol, {graph.bounds.of(found->symbol).lo, found->most});
    context.note(node.name, "joins " + x.str() + " and " + y.str() + ", so " + found->symbol +
                                " is at most " + std::to_string(found->most));
  }
}

}  // namespace

Status learn_bounds(Graph& graph, Context& context) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    for (const auto& [a, b] : equations(graph, node)) unify(graph, context, node, a, b);
    limit(graph, context, node);
  }
  return {};
}

}  // namespace weft::passes
