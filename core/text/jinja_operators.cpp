// Python's operators on the values of jinja_value.h.
#include "core/text/jinja_operators.h"

#include <algorithm>
#include <cmath>

#include "core/text/jinja_format.h"
#include "core/text/jinja_functions.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

Error unsuited(const std::string& op, const Value& a, const Value& b) {
  return Error("'" + op + "' cannot combine a value of type " + a.type_name() +
               " and one of type " + b.type_name());
}

Error overflow(const std::string& op) {
  return Error("the result of '" + op + "' does not fit a 64-bit integer");
}

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return Error("0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  if (base == 0 || base == 1) return Value(exponent == 0 ? int64_t{1} : base);
  if (base == -1) return Value(exponent % 2 ? int64_t{-1} : int64_t{1});
  int64_t result = 1;
  for (int64_t i = 0; i < exponent; ++i)
    if (__builtin_mul_overflow(result, base, &result)) return overflow("**");
  return Value(result);
}

Result<Value> integer_arithmetic(const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+") {
    if (__builtin_add_overflow(a, b, &result)) return overflow(op);
    return Value(result);
  }
  if (op == "-") {
    if (__builtin_sub_overflow(a, b, &result)) return overflow(op);
    return Value(result);
  }
  if (op == "*") {
    if (__builtin_mul_overflow(a, b, &result)) return overflow(op);
    return Value(result);
  }
  if (op == "**") return integer_power(a, b);
  if (b == 0) return Error("division by zero");
  if (op == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {  // the one divisor whose quotient can overflow
    if (op == "%") return Value(int64_t{0});
    return integer_arithmetic("*", a, -1);
  }
  const bool round_down = a % b != 0 && (a < 0) != (b < 0);  // Python rounds to minus infinity
  if (op == "//") return Value(a / b - (round_down ? 1 : 0));
  return Value(a % b + (round_down ? b : 0));
}

Result<Value> real_arithmetic(const std::string& op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") {
    if (a == 0 && b < 0) return Error("0 cannot be raised to a negative power");
    if (a < 0 && b != std::floor(b)) return Error("a negative number has no real root");
    return Value(std::pow(a, b));
  }
  if (b == 0) return Error("division by zero");
  if (op == "/") return Value(a / b);
  if (op == "//") return Value(std::floor(a / b));
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return Value(rest);
}

Result<Value> repeat(Budget& budget, const Value& what, int64_t count) {
  count = std::max<int64_t>(count, 0);
  if (what.is(Kind::string)) {
    const std::string& unit = what.string();
    int64_t size = 0;
    if (__builtin_mul_overflow(static_cast<int64_t>(unit.size()), count, &size))
      size = budget.text_bytes_max + 1;
    TRY(budget.charge_text(static_cast<size_t>(size)));
    std::string text;
    if (!unit.empty())
      for (int64_t i = 0; i < count; ++i) text += unit;
    return Value(std::move(text));
  }
  const List& unit = what.list();
  int64_t size = 0;
  if (__builtin_mul_overflow(static_cast<int64_t>(unit.items.size()), count, &size))
    size = budget.steps_left + 1;
  TRY(budget.charge(size));
  Values items;
  if (!unit.items.empty())
    for (int64_t i = 0; i < count; ++i)
      items.insert(items.end(), unit.items.begin(), unit.items.end());
  return make_list(budget, std::move(items), unit.sequence);
}

bool is_sequence(const Value& value) {
  return value.is(Kind::list) &&
         (value.list().sequence == Sequence::list || value.list().sequence == Sequence::tuple);
}

Result<bool> contains(Budget& budget, const Value& container, const Value& item) {
  if (container.is(Kind::string)) {
    if (!item.is(Kind::string))
      return Error(std::string("only a string can be 'in' a string, not a value of type ") +
                   item.type_name());
    TRY(budget.charge(static_cast<int64_t>(container.string().size() / 64)));
    return container.string().find(item.string()) != std::string::npos;
  }
  if (container.is(Kind::dict)) return container.dict().find(item) != nullptr;
  if (container.is(Kind::undefined)) return false;
  if (!container.is(Kind::list))
    return Error(std::string("nothing can be 'in' a value of type ") + container.type_name());
  for (const Value& element : container.list().items)
    if (TRY(equal(budget, element, item))) return true;
  return false;
}

Value missing(const Value& object, const std::string& shown_key) {
  return Value::undefined(std::string("a value of type ") + object.type_name() + " has no " +
                          shown_key);
}

// The element of a string or list at `index`, negative from the end; null if there is none.
Result<Value> element(const Value& object, int64_t index) {
  if (is_sequence(object)) {
    const Values& items = object.list().items;
    const int64_t size = static_cast<int64_t>(items.size());
    if (index < 0) index += size;
    if (index >= 0 && index < size) return items[static_cast<size_t>(index)];
  } else if (object.is(Kind::string)) {
    const std::vector<std::string_view> all = characters(object.string());
    const int64_t size = static_cast<int64_t>(all.size());
    if (index < 0) index += size;
    if (index >= 0 && index < size) return Value(all[static_cast<size_t>(index)]);
  }
  return missing(object, "element " + std::to_string(index));
}

Value loop_field(const Value& object, const std::string& name) {
  const Loop& loop = object.loop();
  const Values& items = loop.items->items;
  const int64_t size = static_cast<int64_t>(items.size()), index0 = loop.index0;
  if (name == "index") return Value(index0 + 1);
  if (name == "index0") return Value(index0);
  if (name == "revindex") return Value(size - index0);
  if (name == "revindex0") return Value(size - index0 - 1);
  if (name == "first") return Value(index0 == 0);
  if (name == "last") return Value(index0 + 1 == size);
  if (name == "length") return Value(size);
  if (name == "depth") return Value(int64_t{1});  // only recursive loops go deeper
  if (name == "depth0") return Value(int64_t{0});
  if (name == "previtem" && index0 > 0) return items[static_cast<size_t>(index0 - 1)];
  if (name == "nextitem" && index0 + 1 < size) return items[static_cast<size_t>(index0 + 1)];
  return missing(object, "'" + name + "'");
}

// A method or field, but no element; undefined without a reason if there is none.
Result<Value> member(const Value& object, const std::string& name) {
  if (object.is(Kind::loop) && name != "cycle") return loop_field(object, name);
  if (object.is(Kind::name_space)) {
    const Value* found = object.name_space().find(name);
    return found ? *found : missing(object, "attribute '" + name + "'");
  }
  if (has_method(object, name)) return make_method(object, name);
  if (is_mutator(object, name))
    return Value::undefined("'" + name + "' would change a " + object.type_name() +
                            ", which a template may not");
  return Value();
}

}  // namespace

Result<Value> arithmetic(Budget& budget, const std::string& op, const Value& a, const Value& b) {
  if (a.is(Kind::string) && op == "%") return format_percent(budget, a.string(), b);
  if (a.is(Kind::undefined)) return Error(a.reason());
  if (b.is(Kind::undefined)) return Error(b.reason());
  if (a.is_integral() && b.is_integral()) return integer_arithmetic(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return real_arithmetic(op, a.real(), b.real());
  if (op == "+" && a.is(Kind::string) && b.is(Kind::string)) {
    TRY(budget.charge_text(a.string().size() + b.string().size()));
    return Value(a.string() + b.string());
  }
  if (op == "+" && is_sequence(a) && is_sequence(b) && a.list().sequence == b.list().sequence) {
    TRY(budget.charge(static_cast<int64_t>(a.list().items.size() + b.list().items.size())));
    Values items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    return make_list(budget, std::move(items), a.list().sequence);
  }
  const auto repeatable = [](const Value& v) { return v.is(Kind::string) || is_sequence(v); };
  if (op == "*" && repeatable(a) && b.is_integral()) return repeat(budget, a, b.integer());
  if (op == "*" && repeatable(b) && a.is_integral()) return repeat(budget, b, a.integer());
  return unsuited(op, a, b);
}

Result<Value> signed_value(const std::string& sign, const Value& a) {
  if (a.is(Kind::undefined)) return Error(a.reason());
  if (!a.is_number())
    return Error("a value of type " + std::string(a.type_name()) + " cannot have a sign");
  if (a.is(Kind::real)) return Value(sign == "-" ? -a.real() : a.real());
  if (sign == "+") return Value(a.integer());
  return integer_arithmetic("-", 0, a.integer());
}

Result<bool> compare(Budget& budget, const std::string& op, const Value& a, const Value& b) {
  if (op == "==") return equal(budget, a, b);
  if (op == "!=") return !TRY(equal(budget, a, b));
  if (op == "in") return contains(budget, b, a);
  if (op == "not in") return !TRY(contains(budget, b, a));
  if (op == "<") return less(budget, a, b, "<");
  if (op == ">") return less(budget, b, a, ">");
  // Numbers are compared directly because nothing is ordered before or after NaN.
  if (a.is_number() && b.is_number() && !(a.is_integral() && b.is_integral()))
    return op == "<=" ? a.real() <= b.real() : a.real() >= b.real();
  if (op == "<=") return !TRY(less(budget, b, a, "<="));
  return !TRY(less(budget, a, b, ">="));
}

Result<Value> get_attribute(const Value& object, const std::string& name) {
  if (object.is(Kind::undefined)) return Error(object.reason());
  const Value found = TRY(member(object, name));
  if (!found.is(Kind::undefined) || found.has_reason()) return found;
  if (object.is(Kind::dict))
    if (const Value* item = object.dict().find(Value(name))) return *item;
  return missing(object, "attribute '" + name + "'");
}

Result<Value> get_item(const Value& object, const Value& key) {
  if (object.is(Kind::undefined)) return Error(object.reason());
  if (object.is(Kind::dict))
    if (const Value* item = object.dict().find(key)) return *item;
  if (key.is_integral()) return element(object, key.integer());
  if (!key.is(Kind::string))
    return missing(object, std::string("element of type ") + key.type_name());
  const Value found = TRY(member(object, key.string()));
  if (!found.is(Kind::undefined) || found.has_reason()) return found;
  return missing(object, "element " + quote(key.string()));
}

Result<Value> slice(Budget& budget, const Value& object, const Value& start, const Value& stop,
                    const Value& step) {
  if (object.is(Kind::undefined)) return Error(object.reason());
  if (!object.is(Kind::string) && !is_sequence(object))
    return Error(std::string("a value of type ") + object.type_name() + " cannot be sliced");
  for (const Value* bound : {&start, &stop, &step})
    if (!bound->is(Kind::none) && !bound->is_integral())
      return Error(std::string("the bound of a slice is an integer, not of type ") +
                   bound->type_name());
  const int64_t by = step.is_integral() ? step.integer() : 1;
  if (by == 0) return Error("the step of a slice cannot be 0");
  std::vector<std::string_view> text;
  if (object.is(Kind::string)) text = characters(object.string());
  const int64_t size =
      static_cast<int64_t>(object.is(Kind::string) ? text.size() : object.list().items.size());
  TRY(budget.charge(size / 16));
  // With a negative step the walk is from the last element to just before the first.
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto place = [&](const Value& bound, int64_t absent) {
    if (!bound.is_integral()) return absent;
    const int64_t at = bound.integer() < 0 ? bound.integer() + size : bound.integer();
    return std::clamp(at, low, high);
  };
  const int64_t first = place(start, by > 0 ? low : high), last = place(stop, by > 0 ? high : low);
  std::string out_text;
  Values out_items;
  for (int64_t i = first; by > 0 ? i < last : i > last;) {
    if (object.is(Kind::string))
      out_text += text[static_cast<size_t>(i)];
    else
      out_items.push_back(object.list().items[static_cast<size_t>(i)]);
    if (__builtin_add_overflow(i, by, &i)) break;
  }
  if (object.is(Kind::string)) return make_string(budget, std::move(out_text));
  return make_list(budget, std::move(out_items), object.list().sequence);
}

}  // namespace weft::text::jinja
