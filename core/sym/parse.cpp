// Reads Dims back from text: what Dim::str() prints, and the expressions exporters put into
// dim_param
// ("past_sequence_length + sequence_length"). A recursive descent over
//
//   sum = product {("+" | "-") product}      product = unary {("*" | "//") unary}
//   unary = "-" unary | number | name | name "(" sum "," sum ")" | "(" sum ")"
#include <cctype>

#include "core/sym/dim.h"

namespace weft::sym {

namespace {

constexpr int kMaxDepth = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Dim> whole() {
    Dim dim = TRY(sum(0));
    skip_space();
    if (at_ != text_.size()) return unexpected();
    return dim;
  }

 private:
  Result<Dim> sum(int depth) {
    if (depth > kMaxDepth) return Error{"the expression is nested too deeply"};
    Dim total = TRY(product(depth));
    while (true) {
      if (take("+")) {
        total = total + TRY(product(depth));
      } else if (take("-")) {
        total = total - TRY(product(depth));
      } else {
        return total;
      }
    }
  }

  Result<Dim> product(int depth) {
    Dim total = TRY(unary(depth));
    while (true) {
      if (take("//")) {
        total = floordiv(total, TRY(unary(depth)));
      } else if (take("*")) {
        total = total * TRY(unary(depth));
      } else {
        return total;
      }
    }
  }

  Result<Dim> unary(int depth) {
    if (depth > kMaxDepth) return Error{"the expression is nested too deeply"};
    if (take("-")) return Dim(0) - TRY(unary(depth + 1));
    if (take("(")) {
      Dim inner = TRY(sum(depth + 1));
      if (!take(")")) return unexpected();
      return inner;
    }
    skip_space();
    if (at_ < text_.size() && std::isdigit(byte())) return number();
    if (at_ < text_.size() && (std::isalpha(byte()) || byte() == '_')) return name_or_call(depth);
    return unexpected();
  }

  Result<Dim> number() {
    int64_t value = 0;
    for (; at_ < text_.size() && std::isdigit(byte()); ++at_) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, byte() - '0', &value)) {
        return Error{"a number does not fit 64 bits"};
      }
    }
    return Dim(value);
  }

  Result<Dim> name_or_call(int depth) {
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(byte()) || byte() == '_' || byte() == '.')) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (!take("(")) return Dim::symbol(name);
    const Dim a = TRY(sum(depth + 1));
    if (!take(",")) return unexpected();
    const Dim b = TRY(sum(depth + 1));
    if (!take(")")) return unexpected();
    if (name == "floordiv") return floordiv(a, b);
    if (name == "mod") return mod(a, b);
    if (name == "max" || name == "Max") return max(a, b);
    if (name == "min" || name == "Min") return min(a, b);
    return Error{"unknown function '" + std::string(name) + "'; known are floordiv, mod, max, min"};
  }

  unsigned char byte() const { return static_cast<unsigned char>(text_[at_]); }
  void skip_space() {
    while (at_ < text_.size() && std::isspace(byte())) ++at_;
  }
  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  Error unexpected() const {
    if (at_ >= text_.size()) return Error{"'" + std::string(text_) + "' ends too early"};
    return Error{"unexpected '" + std::string(text_.substr(at_, 1)) + "' in '" +
                 std::string(text_) + "'"};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Dim> Dim::parse(std::string_view text) { return Parser(text).whole(); }

}  // namespace weft::sym
