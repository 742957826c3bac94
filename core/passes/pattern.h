// Shapes of small expressions, written as they are read:
//
//   const Pattern x = any(kX);
//   const Pattern mean = op(Op::ReduceMean, {op(Op::Pow, {x, number(2)}), any(kAxes)});
//   Match match(graph);
//   if (match(value, op(Op::Mul, {any(kWeight), ...}))) use(match[kX]);
//
// A slot that occurs twice must match the same value. Ops that commute match in both orders.
// Patterns are values, cheap to copy, made once per pass.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <vector>

#include "core/ir/graph.h"

namespace weft::passes {

class Match;

class Pattern {
 public:
  using Test = std::function<bool(Match&, ir::ValueId)>;
  Pattern(Test test) : test_(std::move(test)) {}
  bool operator()(Match& match, ir::ValueId value) const { return test_(match, value); }

 private:
  Test test_;
};

// Any value; it is in match[slot] afterwards.
Pattern any(size_t slot);
// A constant of one element: of any number, which is in match.number(slot), or of this number (to
// seven digits, as exporters write constants of formulas).
Pattern scalar_in(size_t slot);
Pattern number(double value);
// A node of this op with inputs that match. More inputs than patterns match only when absent.
Pattern op(ir::Op op, std::vector<Pattern> inputs);
// The first alternative that matches.
Pattern either(Pattern a, Pattern b);
// A product of these factors, grouped and ordered in any way: x * (a * b), (b * x) * a, ...
Pattern product(std::vector<Pattern> factors);
// `pattern`, and the value itself is in match[slot].
Pattern named(size_t slot, Pattern pattern);

// One attempt at a time: what the slots of the last matching pattern hold.
class Match {
 public:
  static constexpr size_t kSlots = 8;
  explicit Match(const ir::Graph& g) : graph(g) {}
  bool operator()(ir::ValueId value, const Pattern& pattern);
  ir::ValueId operator[](size_t slot) const { return values[slot]; }
  double number(size_t slot) const;

  const ir::Graph& graph;
  std::array<ir::ValueId, kSlots> values{};
};

}  // namespace weft::passes
