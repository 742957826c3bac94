// fuse_gelu:
//
//   x * 0.5 * (1 + Erf(x / sqrt(2)))                                     becomes   Gelu(x)
//   x * 0.5 * (1 + Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))            becomes   Gelu(x) {tanh}
//
// with the factors in any order. Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016.
#include <cmath>
#include <numbers>

#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

constexpr size_t kX = 0;

Pattern gelu(Pattern bounded) {
  return product({any(kX), number(0.5), op(Op::Add, {std::move(bounded), number(1)})});
}

Pattern by_erf() {
  const double root = std::numbers::sqrt2;
  return gelu(op(Op::Erf, {either(op(Op::Div, {any(kX), number(root)}),
                                  op(Op::Mul, {any(kX), number(1 / root)}))}));
}

Pattern by_tanh() {
  const Pattern x = any(kX), scale = number(std::sqrt(2 / std::numbers::pi));
  const Pattern small = number(0.044715), cube = op(Op::Pow, {x, number(3)});
  const Pattern tail = either(product({small, x, x, x}), product({small, cube}));
  // x + c x^3, or x (1 + c x^2)
  const Pattern inner =
      either(product({scale, op(Op::Add, {x, tail})}),
             product({scale, x, op(Op::Add, {product({small, x, x}), number(1)})}));
  return gelu(op(Op::Tanh, {inner}));
}

}  // namespace

Status fuse_gelu(Graph& graph, Context& context) {
  const Pattern exact = by_erf(), approximate = by_tanh();
  Match match(graph);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::Mul) continue;
    const bool is_exact = match(node.outputs[0], exact);
    if (!is_exact && !match(node.outputs[0], approximate)) continue;
    ir::Attrs attrs{{"approximate", std::string(is_exact ? "none" : "tanh")}};
    replace_node(graph, id, graph.add(Op::Gelu, {match[kX]}, attrs, node.name));
    context.note(node.name, is_exact ? "x * Phi(x) is Gelu" : "the tanh formula is Gelu");
  }
  return {};
}

}  // namespace weft::passes
