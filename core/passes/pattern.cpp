// Matching with backtracking over commuting inputs; see pattern.h.
#include "core/passes/pattern.h"

#include <algorithm>
#include <cmath>

#include "core/passes/constants.h"

namespace weft::passes {

using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

bool commutes(Op op) { return op == Op::Add || op == Op::Mul || op == Op::Equal || op == Op::And; }

bool all_match(Match& match, const std::vector<Pattern>& patterns,
               const std::vector<ValueId>& values) {
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (!patterns[i](match, values[i])) return false;
  }
  return true;
}

}  // namespace

Pattern any(size_t slot) {
  return Pattern([slot](Match& match, ValueId value) {
    if (match.values[slot] == ValueId::none) match.values[slot] = value;
    return value != ValueId::none && match.values[slot] == value;
  });
}

Pattern scalar_in(size_t slot) {
  return Pattern([slot, capture = any(slot)](Match& match, ValueId value) {
    return scalar(match.graph, value) && capture(match, value);
  });
}

Pattern number(double wanted) {
  return Pattern([wanted](Match& match, ValueId value) {
    const auto found = scalar(match.graph, value);
    return found && std::abs(*found - wanted) <= 2e-7 * std::abs(wanted);
  });
}

Pattern op(Op kind, std::vector<Pattern> patterns) {
  return Pattern([kind, patterns = std::move(patterns)](Match& match, ValueId value) {
    const Node* node = match.graph.producer(value);
    if (!node || node->op != kind || node->inputs.size() < patterns.size()) return false;
    const bool rest_absent =
        std::all_of(node->inputs.begin() + int64_t(patterns.size()), node->inputs.end(),
                    [](ValueId id) { return id == ValueId::none; });
    if (!rest_absent || node->outputs[0] != value) return false;
    const auto before = match.values;
    if (all_match(match, patterns, node->inputs)) return true;
    match.values = before;
    if (!commutes(kind) || patterns.size() != 2) return false;
    if (all_match(match, patterns, {node->inputs[1], node->inputs[0]})) return true;
    match.values = before;
    return false;
  });
}

Pattern either(Pattern a, Pattern b) {
  return Pattern([a = std::move(a), b = std::move(b)](Match& match, ValueId value) {
    const auto before = match.values;
    if (a(match, value)) return true;
    match.values = before;
    return b(match, value);
  });
}

namespace {

// Splits the factors between the two sides of a Mul in every way.
bool is_product(Match& match, ValueId value, const std::vector<Pattern>& factors) {
  if (factors.size() == 1) return factors[0](match, value);
  const Node* node = match.graph.producer(value);
  if (!node || node->op != Op::Mul) return false;
  const auto before = match.values;
  for (size_t left = 1; left + 1 < size_t{1} << factors.size(); ++left) {
    std::vector<Pattern> sides[2];
    for (size_t i = 0; i < factors.size(); ++i) sides[left >> i & 1].push_back(factors[i]);
    if (is_product(match, node->inputs[0], sides[1]) &&
        is_product(match, node->inputs[1], sides[0]))
      return true;
    match.values = before;
  }
  return false;
}

}  // namespace

Pattern product(std::vector<Pattern> factors) {
  return Pattern([factors = std::move(factors)](Match& match, ValueId value) {
    return is_product(match, value, factors);
  });
}

Pattern named(size_t slot, Pattern pattern) {
  return Pattern([capture = any(slot), pattern = std::move(pattern)](Match& match, ValueId value) {
    return pattern(match, value) && capture(match, value);
  });
}

bool Match::operator()(ValueId value, const Pattern& pattern) {
  values.fill(ValueId::none);
  return pattern(*this, value);
}

double Match::number(size_t slot) const { return scalar(graph, values[slot]).value_or(NAN); }

}  // namespace weft::passes
