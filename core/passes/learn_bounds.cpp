// learn_bounds: what an elementwise op says about the sizes it joins becomes a bound.
//
//   Add([1, seq, 64], [1, min(256, seq), 64])     only runs where seq <= 256
//
// which is how a table of 256 positions shows in a graph: BERT slices it by the length. With the
// bound min(256, seq) is seq, and shapes are simple again.
#include <optional>

#include "core/ops/op_def.h"
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

}  // namespace

Status learn_bounds(Graph& graph, Context& context) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (ops::def(node.op).row_wise != ops::RowWise::broadcast || node.inputs.size() != 2) continue;
    if (node.inputs[0] == ValueId::none || node.inputs[1] == ValueId::none) continue;
    const auto &a = graph[node.inputs[0]].type.shape, &b = graph[node.inputs[1]].type.shape;
    for (size_t d = 1; d <= std::min(a.size(), b.size()); ++d) {
      const Dim &x = a[a.size() - d], &y = b[b.size() - d];
      auto limit = limit_of(x, y);
      if (!limit) limit = limit_of(y, x);
      if (!limit || graph.bounds.of(limit->symbol).hi <= limit->most) continue;
      graph.bounds.set(limit->symbol, {graph.bounds.of(limit->symbol).lo, limit->most});
      context.note(node.name, "joins " + x.str() + " and " + y.str() + ", so " + limit->symbol +
                                  " is at most " + std::to_string(limit->most));
    }
  }
  return {};
}

}  // namespace weft::passes
