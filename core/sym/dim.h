// Symbolic integers: the dims of tensors whose sizes are known only when a prompt arrives.
//
//   A Dim is a polynomial in normal form: terms of coefficient * product of atoms, sorted, like
//   terms combined. An atom is a symbol ("seq", "past") or one of floordiv, mod, max, min of Dims
//   that could not be simplified; atoms are interned once per process. So two Dims are equal
//   exactly when their normal forms are, and `==` needs no prover.
//
//   Arithmetic saturates at the int64 limits; no tensor that large passes the importer's checks.
//
// Transformer-Lite (Li et al., 2024), "symbolic expression-based dynamic shape inference".
// Threads: values are immutable; the atom table is shared and locked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft::sym {

enum class AtomId : uint32_t {};
class Dim;

struct Term {
  int64_t coefficient = 0;
  std::vector<AtomId> factors;  // sorted by name; a square holds its atom twice
  bool operator==(const Term&) const = default;
};

// Values of symbols, by name.
using Bindings = std::map<std::string, int64_t, std::less<>>;
using Substitution = std::map<std::string, Dim, std::less<>>;

class Dim {
 public:
  Dim(int64_t constant = 0);
  static Dim symbol(std::string_view name);
  // Reads what str() prints, and the "a + b" spellings that exporters put into dim_param.
  static Result<Dim> parse(std::string_view text);

  bool is_constant() const {
    return terms_.empty() || (terms_.size() == 1 && terms_[0].factors.empty());
  }
  // The value of a constant Dim; a broken invariant otherwise.
  int64_t constant() const;
  // The name of a Dim that is one bare symbol, else nothing.
  std::optional<std::string> as_symbol() const;

  // Every symbol in the expression, inside floordiv and the like too.
  std::set<std::string> symbols() const;
  // The value under `bindings`; nothing when a symbol is unbound or a divisor is zero.
  std::optional<int64_t> eval(const Bindings& bindings) const;
  Dim substitute(const Substitution& by) const;
  // "2*past*seq + floordiv(seq, 64) + 1"
  std::string str() const;

  const std::vector<Term>& terms() const { return terms_; }
  bool operator==(const Dim&) const = default;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);

 private:
  friend Dim make_dim(std::vector<Term> terms);
  std::vector<Term> terms_;  // sorted by factors; no zero coefficients; empty is 0
};

// Rounds toward minus infinity; the divisor is positive. floordiv(k*e + r, k) = e + floordiv(r, k).
Dim floordiv(const Dim& a, const Dim& b);
Dim ceildiv(const Dim& a, const Dim& b);
Dim mod(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);
Dim min(const Dim& a, const Dim& b);
// a / b when b divides a as a polynomial, else nothing. b is not zero.
std::optional<Dim> divide_exactly(const Dim& a, const Dim& b);

using Shape = std::vector<Dim>;
// Product of all dims; 1 for a scalar.
Dim product(const Shape& shape);
// The terms of a sum, each as a Dim of its own.
std::vector<Dim> summands(const Dim& dim);
// "[1, seq, 576]"
std::string str(const Shape& shape);
Shape substitute(const Shape& shape, const Substitution& by);

// What an atom is, for code that walks expressions (evaluation programs, bounds).
struct Atom {
  enum class Kind : uint8_t { symbol, floordiv, mod, max, min };
  Kind kind = Kind::symbol;
  std::string name;           // symbols
  std::string text;           // how it prints
  std::vector<Dim> operands;  // the others: two
};
const Atom& atom(AtomId id);

}  // namespace weft::sym
