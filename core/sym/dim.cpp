// Normal form of Dims: see dim.h. Every constructor ends in make_dim(), which sorts and combines.
#include "core/sym/dim.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "core/base/check.h"
#include "core/sym/saturating.h"

namespace weft::sym {

namespace {

int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

// Interned atoms. Never shrinks; an entry never moves (deque), so references stay good.
class AtomTable {
 public:
  AtomId intern(Atom atom) {
    atom.text = print(atom);
    const std::lock_guard lock(mutex_);
    const auto [entry, fresh] = ids_.emplace(atom.text, AtomId(atoms_.size()));
    if (fresh) atoms_.push_back(std::move(atom));
    return entry->second;
  }
  const Atom& at(AtomId id) {
    const std::lock_guard lock(mutex_);
    return atoms_[size_t(id)];
  }
  static AtomTable& instance() {
    static AtomTable table;
    return table;
  }

 private:
  static std::string print(const Atom& atom) {
    constexpr const char* kFunctions[] = {"", "floordiv", "mod", "max", "min"};
    if (atom.kind == Atom::Kind::symbol) return atom.name;
    return std::string(kFunctions[int(atom.kind)]) + "(" + atom.operands[0].str() + ", " +
           atom.operands[1].str() + ")";
  }
  std::mutex mutex_;
  std::deque<Atom> atoms_;
  std::unordered_map<std::string, AtomId> ids_;
};

// Symbols before functions, then by name: an order that does not depend on what was interned first.
bool atom_less(AtomId a, AtomId b) {
  if (a == b) return false;
  const Atom &x = atom(a), &y = atom(b);
  const bool x_symbol = x.kind == Atom::Kind::symbol, y_symbol = y.kind == Atom::Kind::symbol;
  return x_symbol != y_symbol ? x_symbol : x.text < y.text;
}

// Higher degree first, then by atoms: gives "past*seq + seq + 1" its usual reading order.
bool factors_less(const std::vector<AtomId>& a, const std::vector<AtomId>& b) {
  if (a.size() != b.size()) return a.size() > b.size();
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), atom_less);
}

}  // namespace

// Sorts factors and terms, combines like terms and drops zeros.
Dim make_dim(std::vector<Term> terms) {
  for (Term& term : terms) std::sort(term.factors.begin(), term.factors.end(), atom_less);
  std::sort(terms.begin(), terms.end(),
            [](const Term& a, const Term& b) { return factors_less(a.factors, b.factors); });
  Dim dim;
  for (Term& term : terms) {
    if (!dim.terms_.empty() && dim.terms_.back().factors == term.factors) {
      dim.terms_.back().coefficient =
          saturating_add(dim.terms_.back().coefficient, term.coefficient);
    } else {
      if (!dim.terms_.empty() && dim.terms_.back().coefficient == 0) dim.terms_.pop_back();
      dim.terms_.push_back(std::move(term));
    }
  }
  if (!dim.terms_.empty() && dim.terms_.back().coefficient == 0) dim.terms_.pop_back();
  return dim;
}

namespace {

Dim from_atom(Atom a) { return make_dim({Term{1, {AtomTable::instance().intern(std::move(a))}}}); }

Dim from_operands(Atom::Kind kind, const Dim& a, const Dim& b) {
  return from_atom(Atom{kind, {}, {}, {a, b}});
}

}  // namespace

Dim::Dim(int64_t constant) {
  if (constant != 0) terms_.push_back(Term{constant, {}});
}

Dim Dim::symbol(std::string_view name) {
  return from_atom(Atom{Atom::Kind::symbol, std::string(name), {}, {}});
}

int64_t Dim::constant() const {
  WEFT_CHECK(is_constant());
  return terms_.empty() ? 0 : terms_[0].coefficient;
}

std::optional<std::string> Dim::as_symbol() const {
  if (terms_.size() != 1 || terms_[0].coefficient != 1 || terms_[0].factors.size() != 1) return {};
  const Atom& a = atom(terms_[0].factors[0]);
  if (a.kind != Atom::Kind::symbol) return {};
  return a.name;
}

std::set<std::string> Dim::symbols() const {
  std::set<std::string> names;
  for (const Term& term : terms_) {
    for (const AtomId id : term.factors) {
      const Atom& a = atom(id);
      if (a.kind == Atom::Kind::symbol) names.insert(a.name);
      for (const Dim& operand : a.operands) names.merge(operand.symbols());
    }
  }
  return names;
}

namespace {

std::optional<int64_t> eval_atom(const Atom& a, const Bindings& bindings) {
  if (a.kind == Atom::Kind::symbol) {
    const auto found = bindings.find(a.name);
    if (found == bindings.end()) return {};
    return found->second;
  }
  const auto x = a.operands[0].eval(bindings), y = a.operands[1].eval(bindings);
  if (!x || !y) return {};
  switch (a.kind) {
    case Atom::Kind::max:
      return std::max(*x, *y);
    case Atom::Kind::min:
      return std::min(*x, *y);
    default:
      break;
  }
  if (*y <= 0) return {};
  const int64_t quotient = floor_divide(*x, *y);
  return a.kind == Atom::Kind::floordiv ? quotient : *x - quotient * *y;
}

}  // namespace

std::optional<int64_t> Dim::eval(const Bindings& bindings) const {
  int64_t sum = 0;
  for (const Term& term : terms_) {
    int64_t value = term.coefficient;
    for (const AtomId id : term.factors) {
      const auto factor = eval_atom(atom(id), bindings);
      if (!factor) return {};
      value = saturating_mul(value, *factor);
    }
    sum = saturating_add(sum, value);
  }
  return sum;
}

Dim Dim::substitute(const Substitution& by) const {
  Dim sum;
  for (const Term& term : terms_) {
    Dim value = term.coefficient;
    for (const AtomId id : term.factors) {
      const Atom& a = atom(id);
      if (a.kind == Atom::Kind::symbol) {
        const auto found = by.find(a.name);
        value = value * (found == by.end() ? Dim::symbol(a.name) : found->second);
        continue;
      }
      const Dim x = a.operands[0].substitute(by), y = a.operands[1].substitute(by);
      switch (a.kind) {
        case Atom::Kind::floordiv:
          value = value * floordiv(x, y);
          break;
        case Atom::Kind::mod:
          value = value * mod(x, y);
          break;
        case Atom::Kind::max:
          value = value * max(x, y);
          break;
        default:
          value = value * min(x, y);
          break;
      }
    }
    sum = sum + value;
  }
  return sum;
}

std::string Dim::str() const {
  if (terms_.empty()) return "0";
  std::string out;
  for (const Term& term : terms_) {
    const bool negative = term.coefficient < 0;
    if (!out.empty()) out += negative ? " - " : " + ";
    const std::string magnitude = std::to_string(term.coefficient).substr(negative ? 1 : 0);
    if (out.empty() && negative) out += "-";
    if (term.factors.empty() || magnitude != "1") out += magnitude;
    for (size_t i = 0; i < term.factors.size(); ++i) {
      if (i > 0 || magnitude != "1") out += "*";
      out += atom(term.factors[i]).text;
    }
  }
  return out;
}

Dim operator+(const Dim& a, const Dim& b) {
  std::vector<Term> terms = a.terms_;
  terms.insert(terms.end(), b.terms_.begin(), b.terms_.end());
  return make_dim(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  std::vector<Term> terms;
  for (const Term& x : a.terms_) {
    for (const Term& y : b.terms_) {
      Term term{saturating_mul(x.coefficient, y.coefficient), x.factors};
      term.factors.insert(term.factors.end(), y.factors.begin(), y.factors.end());
      terms.push_back(std::move(term));
    }
  }
  return make_dim(std::move(terms));
}

std::optional<Dim> divide_exactly(const Dim& a, const Dim& b) {
  if (b.terms().empty()) return {};
  // Long division by the leading term; terms are sorted, so the leading term comes first.
  const Term& lead = b.terms()[0];
  Dim rest = a, quotient;
  while (!rest.terms().empty()) {
    const Term& top = rest.terms()[0];
    Term factor;
    if (top.coefficient % lead.coefficient != 0) return {};
    factor.coefficient = top.coefficient / lead.coefficient;
    if (!std::includes(top.factors.begin(), top.factors.end(), lead.factors.begin(),
                       lead.factors.end(), atom_less)) {
      return {};
    }
    std::set_difference(top.factors.begin(), top.factors.end(), lead.factors.begin(),
                        lead.factors.end(), std::back_inserter(factor.factors), atom_less);
    const Dim step = make_dim({factor});
    const Dim next = rest - step * b;
    // A lower leading term each round; anything else would never end.
    if (!next.terms().empty() && !factors_less(top.factors, next.terms()[0].factors)) return {};
    quotient = quotient + step;
    rest = next;
  }
  return quotient;
}

Dim floordiv(const Dim& a, const Dim& b) {
  if (b == Dim(1)) return a;
  if (a.is_constant() && b.is_constant() && b.constant() > 0) {
    return floor_divide(a.constant(), b.constant());
  }
  if (b.is_constant() && b.constant() > 0) {
    // Terms whose coefficient the divisor divides come out: floordiv(k*e + r, k) = e + floordiv(r,
    // k).
    const int64_t k = b.constant();
    std::vector<Term> whole, part;
    for (Term term : a.terms()) {
      const int64_t quotient = floor_divide(term.coefficient, k);
      const int64_t remainder = term.coefficient - quotient * k;
      if (remainder != 0 && !term.factors.empty()) {
        part.push_back(std::move(term));
        continue;
      }
      if (remainder != 0) part.push_back(Term{remainder, term.factors});
      whole.push_back(Term{quotient, term.factors});
    }
    const Dim rest = make_dim(std::move(part));
    const Dim out = make_dim(std::move(whole));
    if (rest.is_constant()) return out + Dim(floor_divide(rest.constant(), k));
    return out + from_operands(Atom::Kind::floordiv, rest, b);
  }
  if (const auto exact = divide_exactly(a, b)) return *exact;
  return from_operands(Atom::Kind::floordiv, a, b);
}

Dim ceildiv(const Dim& a, const Dim& b) { return Dim(0) - floordiv(Dim(0) - a, b); }

Dim mod(const Dim& a, const Dim& b) {
  if (b == Dim(1)) return 0;
  if (a.is_constant() && b.is_constant() && b.constant() > 0) {
    return a.constant() - floor_divide(a.constant(), b.constant()) * b.constant();
  }
  if (b.is_constant() && b.constant() > 0) {
    std::vector<Term> part;
    for (const Term& term : a.terms()) {
      if (term.coefficient % b.constant() != 0) part.push_back(term);
    }
    const Dim rest = make_dim(std::move(part));
    if (rest.is_constant()) return mod(rest, b);
    return from_operands(Atom::Kind::mod, rest, b);
  }
  if (divide_exactly(a, b)) return 0;
  return from_operands(Atom::Kind::mod, a, b);
}

namespace {

// max and min do not care about order: the operand that prints first comes first.
Dim ordered(Atom::Kind kind, const Dim& a, const Dim& b) {
  return a.str() < b.str() ? from_operands(kind, a, b) : from_operands(kind, b, a);
}

}  // namespace

Dim max(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (difference.is_constant()) return difference.constant() >= 0 ? a : b;
  return ordered(Atom::Kind::max, a, b);
}

Dim min(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (difference.is_constant()) return difference.constant() <= 0 ? a : b;
  return ordered(Atom::Kind::min, a, b);
}

std::vector<Dim> summands(const Dim& dim) {
  std::vector<Dim> out;
  for (const Term& term : dim.terms()) out.push_back(make_dim({term}));
  return out;
}

Dim product(const Shape& shape) {
  Dim total = 1;
  for (const Dim& dim : shape) total = total * dim;
  return total;
}

std::string str(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + shape[i].str();
  return out + "]";
}

Shape substitute(const Shape& shape, const Substitution& by) {
  Shape out;
  for (const Dim& dim : shape) out.push_back(dim.substitute(by));
  return out;
}

const Atom& atom(AtomId id) { return AtomTable::instance().at(id); }

}  // namespace weft::sym
