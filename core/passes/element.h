// What one element of a mask or of positions is (elements.h computes it), and the arithmetic that
// needs no graph.
#pragma once

#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "core/ir/graph.h"

namespace weft::passes {

// What a mask puts where attention must not look: no score survives it.
inline constexpr double kHidden = -1e4;

// True where every one of `all` is >= 0; never, when `never`.
struct Condition {
  std::vector<sym::Dim> all;
  bool never = false;
  bool always() const { return !never && all.empty(); }
};

// A real: `yes` where the condition holds, else `no`.
struct Choice {
  Condition when;
  double yes = 0, no = 0;
};

using Element = std::variant<std::monostate, sym::Dim, Condition, Choice>;

// Not `condition`, where that is one inequality or none.
std::optional<Condition> opposite(const Condition& condition);
// The truth of an element: a number or a real is true where it is not 0.
std::optional<Condition> condition_of(const Element& element);
Element negation(const Element& element);
// A real, or a number that is known.
std::optional<Choice> choice_of(const Element& element);
Element cast(const Element& element, ir::DType to);
// compare(a, b), where one of the two is the same number everywhere.
Element compare_reals(const Element& a, const Element& b,
                      const std::function<bool(double, double)>& compare);

}  // namespace weft::passes
