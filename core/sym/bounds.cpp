// Proofs from intervals: see bounds.h.
#include "core/sym/bounds.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

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

namespace {

// Whether the term's atoms are never negative, so that its sign is that of its coefficient.
bool sign_is_known(const Bounds& bounds, const Term& term) {
  return std::all_of(term.factors.begin(), term.factors.end(),
                     [&](AtomId id) { return of_atom(bounds, atom(id)).lo >= 0; });
}

// Least and largest value of a Dim that is linear in each of a few bounded symbols: the ends of
// such a Dim lie at corners of the box. Nothing for any other Dim.
std::optional<Interval> at_corners(const Bounds& bounds, const Dim& dim) {
  constexpr size_t kMaxSymbols = 6, kMaxDegree = 3;
  constexpr int64_t kMaxEnd = int64_t{1} << 24, kMaxCoefficient = int64_t{1} << 40;
  const std::set<std::string> names = dim.symbols();
  if (names.size() > kMaxSymbols || dim.terms().size() > (size_t{1} << 8)) return {};
  for (const std::string& name : names) {
    const Interval range = bounds.of(name);
    if (range.lo < -kMaxEnd || range.hi > kMaxEnd) return {};
  }
  for (const Term& term : dim.terms()) {
    const std::set<AtomId> distinct(term.factors.begin(), term.factors.end());
    const bool plain = std::all_of(distinct.begin(), distinct.end(),
                                   [](AtomId id) { return atom(id).kind == Atom::Kind::symbol; });
    if (!plain || distinct.size() != term.factors.size() || distinct.size() > kMaxDegree ||
        term.coefficient > kMaxCoefficient || term.coefficient < -kMaxCoefficient) {
      return {};
    }
  }
  Wide least = 0, most = 0;
  for (uint32_t corner = 0; corner < uint32_t{1} << names.size(); ++corner) {
    Wide sum = 0;
    for (const Term& term : dim.terms()) {
      Wide value = term.coefficient;
      for (const AtomId id : term.factors) {
        const auto position = std::distance(names.begin(), names.find(atom(id).name));
        const Interval range = bounds.of(atom(id).name);
        value *= corner >> position & 1 ? range.hi : range.lo;
      }
      sum += value;
    }
    least = corner == 0 ? sum : std::min(least, sum);
    most = corner == 0 ? sum : std::max(most, sum);
  }
  return Interval{clamp(least), clamp(most)};
}

}  // namespace

Truth Bounds::ge(const Dim& a, const Dim& b) const {
  if (a == b) return Truth::yes;
  const Dim difference = a - b;
  // Most pairs that are asked for are decided by signs alone.
  const auto grows = [&](const Term& t) { return t.coefficient > 0 && sign_is_known(*this, t); };
  if (std::all_of(difference.terms().begin(), difference.terms().end(), grows)) return Truth::yes;
  const Truth answer = ge_by_intervals(difference);
  if (answer != Truth::unknown || at_most_.empty()) return answer;
  const std::set<std::string> names = difference.symbols();
  for (const auto& [small, large] : at_most_) {
    if (!names.contains(small) || !names.contains(large)) continue;
    const Interval low = of(small), high = of(large);
    const std::string rest = large + " beyond " + small;
    Bounds bounds = *this;
    bounds.at_most_.clear();
    bounds.set(small, {low.lo, std::min(low.hi, high.hi)});
    bounds.set(rest, {0, high.hi == kUnbounded ? kUnbounded : clamp(Wide(high.hi) - low.lo)});
    const Dim put_in = difference.substitute({{large, Dim::symbol(small) + Dim::symbol(rest)}});
    return bounds.ge_by_intervals(put_in);
  }
  return Truth::unknown;
}

Truth Bounds::ge_by_intervals(const Dim& difference) const {
  // Shift every symbol by its lower bound: s = s' + lo(s), s' >= 0.
  Substitution shift;
  Bounds shifted_bounds;
  for (const std::string& name : difference.symbols()) {
    const Interval range = of(name);
    if (range.lo != 0) shift.emplace(name, Dim::symbol(name) + Dim(range.lo));
    shifted_bounds.set(name,
                       {0, range.hi == kUnbounded ? kUnbounded : clamp(Wide(range.hi) - range.lo)});
  }
  const Dim shifted = shift.empty() ? difference : difference.substitute(shift);
  const auto& terms = shifted.terms();
  if (std::all_of(terms.begin(), terms.end(),
                  [&](const Term& term) { return sign_is_known(shifted_bounds, term); })) {
    if (std::all_of(terms.begin(), terms.end(), [](const Term& t) { return t.coefficient > 0; })) {
      return Truth::yes;
    }
    const bool all_negative =
        std::all_of(terms.begin(), terms.end(), [](const Term& t) { return t.coefficient < 0; });
    if (all_negative && !terms.empty() && terms.back().factors.empty()) return Truth::no;
  }
  const Interval range = at_corners(*this, difference).value_or(of(difference));
  if (range.lo >= 0) return Truth::yes;
  if (range.hi < 0) return Truth::no;
  return Truth::unknown;
}

}  // namespace weft::sym
