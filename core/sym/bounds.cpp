// Proofs from intervals: see bounds.h.
#include "core/sym/bounds.h"

#include <algorithm>
#include <array>

namespace weft::sym {

namespace {

// Interval ends as 128-bit numbers, so that products of two 64-bit ends are exact before clamping.
__extension__ typedef __int128 Wide;

int64_t clamp(Wide value) {
  return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : int64_t(value);
}

// "Unbounded" times zero is zero, not unknown.
Interval multiply(Interval a, Interval b) {
  const std::array<Wide, 4> ends = {Wide(a.lo) * b.lo, Wide(a.lo) * b.hi, Wide(a.hi) * b.lo,
                                    Wide(a.hi) * b.hi};
  return {clamp(*std::min_element(ends.begin(), ends.end())),
          clamp(*std::max_element(ends.begin(), ends.end()))};
}

Interval add(Interval a, Interval b) {
  // An end at the int64 limit means "unbounded" and stays so.
  const auto end = [](int64_t x, int64_t y, int64_t unbounded) {
    return x == unbounded || y == unbounded ? unbounded : clamp(Wide(x) + y);
  };
  return {end(a.lo, b.lo, INT64_MIN), end(a.hi, b.hi, INT64_MAX)};
}

Interval of_atom(const Bounds& bounds, const Atom& a) {
  if (a.kind == Atom::Kind::symbol) return bounds.of(a.name);
  const Interval x = bounds.of(a.operands[0]), y = bounds.of(a.operands[1]);
  switch (a.kind) {
    case Atom::Kind::max:
      return {std::max(x.lo, y.lo), std::max(x.hi, y.hi)};
    case Atom::Kind::min:
      return {std::min(x.lo, y.lo), std::min(x.hi, y.hi)};
    case Atom::Kind::mod:
      return {0, y.hi == kUnbounded ? kUnbounded : std::max<int64_t>(y.hi - 1, 0)};
    default:
      break;
  }
  // floordiv by a positive divisor: a nonnegative dividend shrinks, a negative one may keep its
  // size.
  const int64_t least = std::max<int64_t>(y.lo, 1);
  const int64_t hi = x.hi == kUnbounded ? kUnbounded : x.hi >= 0 ? x.hi / least : 0;
  return {x.lo >= 0 ? (y.hi == kUnbounded ? 0 : x.lo / std::max<int64_t>(y.hi, 1)) : x.lo, hi};
}

}  // namespace

Interval Bounds::of(std::string_view symbol) const {
  const auto found = intervals_.find(symbol);
  return found == intervals_.end() ? Interval{} : found->second;
}

Interval Bounds::of(const Dim& dim) const {
  Interval sum{0, 0};
  for (const Term& term : dim.terms()) {
    Interval value{term.coefficient, term.coefficient};
    for (const AtomId id : term.factors) value = multiply(value, of_atom(*this, atom(id)));
    sum = add(sum, value);
  }
  return sum;
}

Truth Bounds::ge(const Dim& a, const Dim& b) const {
  const Dim difference = a - b;
  // Shift every symbol by its lower bound: s = s' + lo(s), s' >= 0.
  Substitution shift;
  for (const std::string& name : difference.symbols()) {
    const int64_t lo = of(name).lo;
    if (lo != 0) shift.emplace(name, Dim::symbol(name) + Dim(lo));
  }
  const Dim shifted = shift.empty() ? difference : difference.substitute(shift);
  const auto plain = [](const Term& term) {
    return std::all_of(term.factors.begin(), term.factors.end(),
                       [](AtomId id) { return atom(id).kind == Atom::Kind::symbol; });
  };
  const auto& terms = shifted.terms();
  if (std::all_of(terms.begin(), terms.end(), plain)) {
    if (std::all_of(terms.begin(), terms.end(), [](const Term& t) { return t.coefficient > 0; })) {
      return Truth::yes;
    }
    const bool all_negative =
        std::all_of(terms.begin(), terms.end(), [](const Term& t) { return t.coefficient < 0; });
    if (all_negative && !terms.empty() && terms.back().factors.empty()) return Truth::no;
  }
  const Interval range = of(difference);
  if (range.lo >= 0) return Truth::yes;
  if (range.hi < 0) return Truth::no;
  return Truth::unknown;
}

}  // namespace weft::sym
