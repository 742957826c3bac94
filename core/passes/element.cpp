// See element.h.
#include "core/passes/element.h"

namespace weft::passes {

using sym::Dim;

std::optional<Condition> opposite(const Condition& condition) {
  if (condition.never) return Condition{};
  if (condition.all.empty()) return Condition{{}, true};
  if (condition.all.size() > 1) return {};
  return Condition{{Dim(-1) - condition.all[0]}};
}

std::optional<Condition> condition_of(const Element& element) {
  if (const auto* condition = std::get_if<Condition>(&element)) return *condition;
  const auto* number = std::get_if<Dim>(&element);
  if (number && number->is_constant()) return Condition{{}, number->constant() == 0};
  const auto* choice = std::get_if<Choice>(&element);
  if (choice && choice->when.always()) return Condition{{}, choice->yes == 0};
  if (choice && choice->yes != 0 && choice->no == 0) return choice->when;
  if (choice && choice->yes == 0 && choice->no != 0) return opposite(choice->when);
  return {};
}

Element negation(const Element& element) {
  const auto condition = condition_of(element);
  const auto other = condition ? opposite(*condition) : std::nullopt;
  return other ? Element(*other) : Element{};
}

std::optional<Choice> choice_of(const Element& element) {
  if (const auto* choice = std::get_if<Choice>(&element)) return *choice;
  const auto* number = std::get_if<Dim>(&element);
  if (number && number->is_constant()) return Choice{{}, double(number->constant()), 0};
  return {};
}

Element cast(const Element& x, ir::DType to) {
  if (to == ir::DType::boolean) {
    const auto condition = condition_of(x);
    return condition ? Element(*condition) : Element{};
  }
  if (!ir::is_float(to)) return std::holds_alternative<Choice>(x) ? Element{} : x;
  if (const auto* condition = std::get_if<Condition>(&x)) return Choice{*condition, 1, 0};
  const auto choice = choice_of(x);
  return choice ? Element(*choice) : Element{};
}

Element compare_reals(const Element& a, const Element& b,
                      const std::function<bool(double, double)>& compare) {
  const auto x = choice_of(a), y = choice_of(b);
  if (!x || !y || (!x->when.always() && !y->when.always())) return {};
  const Choice& varies = y->when.always() ? *x : *y;
  const bool yes = compare(x->yes, y->yes);
  const bool no = y->when.always() ? compare(x->no, y->yes) : compare(x->yes, y->no);
  if (varies.when.always() || yes == no) return Condition{{}, !yes};
  const auto condition = yes ? std::optional(varies.when) : opposite(varies.when);
  return condition ? Element(*condition) : Element{};
}

}  // namespace weft::passes
