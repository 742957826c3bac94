// Tests: value is defined, value is divisibleby(3), and the ones select and reject take by name.
#include "core/text/jinja_functions.h"
#include "core/text/jinja_operators.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

using Predicate = bool (*)(const Value&);

bool is_sequence(const Value& v) {
  if (v.is(Kind::list))
    return v.list().sequence == Sequence::list || v.list().sequence == Sequence::tuple;
  return v.is(Kind::string) || v.is(Kind::dict) || v.is(Kind::undefined);
}

bool is_iterable(const Value& v) { return v.is(Kind::list) || v.is(Kind::loop) || is_sequence(v); }

struct PredicateEntry {
  std::string_view name;
  Predicate holds;
};

// Tests that look at the value alone and cannot fail.
constexpr PredicateEntry predicates[] = {
    {"defined", [](const Value& v) { return !v.is(Kind::undefined); }},
    {"undefined", [](const Value& v) { return v.is(Kind::undefined); }},
    {"none", [](const Value& v) { return v.is(Kind::none); }},
    {"boolean", [](const Value& v) { return v.is(Kind::boolean); }},
    {"true", [](const Value& v) { return v.is(Kind::boolean) && v.boolean(); }},
    {"false", [](const Value& v) { return v.is(Kind::boolean) && !v.boolean(); }},
    {"integer", [](const Value& v) { return v.is(Kind::integer); }},
    {"float", [](const Value& v) { return v.is(Kind::real); }},
    {"number", [](const Value& v) { return v.is_number(); }},
    {"string", [](const Value& v) { return v.is(Kind::string); }},
    {"mapping", [](const Value& v) { return v.is(Kind::dict); }},
    {"sequence", is_sequence},
    {"iterable", is_iterable},
    {"callable", [](const Value& v) { return v.is(Kind::callable); }},
    {"escaped", [](const Value&) { return false; }},
};

// Names of comparisons and the operator each stands for.
constexpr std::pair<std::string_view, const char*> comparisons[] = {
    {"==", "=="}, {"eq", "=="}, {"equalto", "=="},    {"!=", "!="}, {"ne", "!="}, {">", ">"},
    {"gt", ">"},  {">=", ">="}, {"ge", ">="},         {"<", "<"},   {"lt", "<"},  {"lessthan", "<"},
    {"<=", "<="}, {"le", "<="}, {"greaterthan", ">"}, {"in", "in"},
};

constexpr std::string_view others[] = {"odd",   "even",   "divisibleby", "lower",
                                       "upper", "sameas", "filter",      "test"};

Result<bool> divides(Budget& budget, const Value& input, const Value& divisor, int64_t rest) {
  return equal(budget, TRY(arithmetic(budget, "%", input, divisor)), Value(rest));
}

bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::none:
      return true;
    case Kind::boolean:
      return a.boolean() == b.boolean();
    case Kind::integer:
      return a.integer() == b.integer();
    case Kind::string:
      return &a.string() == &b.string();
    case Kind::list:
      return &a.list() == &b.list();
    case Kind::dict:
      return &a.dict() == &b.dict();
    case Kind::name_space:
      return &a.name_space() == &b.name_space();
    default:
      return false;
  }
}

Result<bool> other_test(Budget& budget, const std::string& name, const Value& input,
                        const Args& args) {
  if (name == "divisibleby") {
    const Values bound = TRY(bind(args, {"num"}));
    return divides(budget, input, bound[0], 0);
  }
  if (name == "sameas") {
    const Values bound = TRY(bind(args, {"other"}));
    return same(input, bound[0]);
  }
  TRY(bind(args, {}));
  if (name == "odd") return divides(budget, input, Value(int64_t{2}), 1);
  if (name == "even") return divides(budget, input, Value(int64_t{2}), 0);
  if (name == "filter") return input.is(Kind::string) && has_filter(input.string());
  if (name == "test") return input.is(Kind::string) && has_test(input.string());
  return all_cased(TRY(to_string(budget, input)), name == "upper");
}

}  // namespace

bool has_test(std::string_view name) {
  for (const PredicateEntry& entry : predicates)
    if (entry.name == name) return true;
  for (const auto& [other, op] : comparisons)
    if (other == name) return true;
  for (std::string_view other : others)
    if (other == name) return true;
  return false;
}

Result<bool> call_test(Budget& budget, const std::string& name, const Value& input,
                       const Args& args) {
  const std::string context = "the test '" + name + "'";
  if (!has_test(name)) return Error("there is no test named '" + name + "'");
  for (const PredicateEntry& entry : predicates) {
    if (entry.name != name) continue;
    TRY(bind(args, {}), context);
    return entry.holds(input);
  }
  for (const auto& [other, op] : comparisons) {
    if (other != name) continue;
    if (args.positional.size() != 1 || !args.named.empty())
      return Error(context + " takes one argument");
    return TRY(compare(budget, op, input, args.positional[0]), context);
  }
  return TRY(other_test(budget, name, input, args), context);
}

}  // namespace weft::text::jinja
