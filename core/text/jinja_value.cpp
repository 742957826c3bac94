// Truth, equality, order, printing and walking of values, as Python has them.
#include "core/text/jinja_value.h"

#include "core/base/check.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

// One text per class of equal keys; empty if the value cannot be a key.
std::string key_text(const Value& key) {
  switch (key.kind()) {
    case Kind::string:
      return "s" + key.string();
    case Kind::none:
      return "0";
    case Kind::boolean:
    case Kind::integer:
      return "n" + std::to_string(key.integer());
    case Kind::real: {
      const double real = key.real();
      if (real > -9e15 && real < 9e15 && real == static_cast<double>(static_cast<int64_t>(real)))
        return "n" + std::to_string(static_cast<int64_t>(real));
      return "n" + format_float(real);
    }
    default:
      return {};
  }
}

Status append_repr(Budget& budget, std::string& out, const Value& value);

Status append_list(Budget& budget, std::string& out, const List& list) {
  const bool tuple = list.sequence == Sequence::tuple;
  if (list.sequence == Sequence::generator) {
    out += "<generator>";
    return {};
  }
  if (list.sequence == Sequence::view) out += "dict_items(";
  out += tuple ? '(' : '[';
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i) out += ", ";
    TRY(append_repr(budget, out, list.items[i]));
  }
  if (tuple && list.items.size() == 1) out += ',';
  out += tuple ? ')' : ']';
  if (list.sequence == Sequence::view) out += ')';
  return {};
}

Status append_dict(Budget& budget, std::string& out, const Dict& dict) {
  out += '{';
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i) out += ", ";
    TRY(append_repr(budget, out, dict.entries[i].first));
    out += ": ";
    TRY(append_repr(budget, out, dict.entries[i].second));
  }
  out += '}';
  return {};
}

Status append_repr(Budget& budget, std::string& out, const Value& value) {
  TRY(budget.charge(1));
  const size_t before = out.size();
  switch (value.kind()) {
    case Kind::undefined:
      out += "Undefined";
      break;
    case Kind::none:
      out += "None";
      break;
    case Kind::boolean:
      out += value.boolean() ? "True" : "False";
      break;
    case Kind::integer:
      out += std::to_string(value.integer());
      break;
    case Kind::real:
      out += format_float(value.real());
      break;
    case Kind::string:
      out += quote(value.string());
      break;
    case Kind::list:
      TRY(append_list(budget, out, value.list()));
      break;
    case Kind::dict:
      TRY(append_dict(budget, out, value.dict()));
      break;
    case Kind::loop:
      out += "<LoopContext>";
      break;
    case Kind::callable:
      out += "<function " + value.callable().name + ">";
      break;
    case Kind::name_space:
      out += "<Namespace>";
      break;
  }
  // Shared parts can make the text of a small value huge, so it is checked as it grows.
  if (out.size() > static_cast<size_t>(budget.text_bytes_max))
    return budget.charge_text(out.size());
  return budget.charge_text(out.size() - before);
}

Result<bool> equal_lists(Budget& budget, const List& a, const List& b) {
  if (a.sequence != b.sequence || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!TRY(equal(budget, a.items[i], b.items[i]))) return false;
  return true;
}

Result<bool> equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(key);
    if (!other || !TRY(equal(budget, value, *other))) return false;
  }
  return true;
}

}  // namespace

Status Budget::charge(int64_t steps) {
  if (steps > steps_left) {
    steps_left = 0;
    return Error("the template takes more steps than it may; it probably loops without end");
  }
  steps_left -= steps;
  return {};
}

Status Budget::charge_text(size_t size_bytes) {
  if (size_bytes > static_cast<size_t>(text_bytes_max))
    return Error("the template makes a text longer than " + std::to_string(text_bytes_max) +
                 " bytes, the most it may");
  return charge(static_cast<int64_t>(size_bytes / 16));
}

Value Value::undefined(std::string reason) {
  Value value;
  value.data_ = Undefined{std::make_shared<const std::string>(std::move(reason))};
  return value;
}

int64_t Value::integer() const {
  return is(Kind::boolean) ? (boolean() ? 1 : 0) : std::get<int64_t>(data_);
}

double Value::real() const {
  return is(Kind::real) ? std::get<double>(data_) : static_cast<double>(integer());
}

std::string Value::reason() const {
  const Undefined& undefined = std::get<Undefined>(data_);
  return undefined.reason ? *undefined.reason : "the value is undefined";
}

bool Value::has_reason() const {
  return is(Kind::undefined) && std::get<Undefined>(data_).reason != nullptr;
}

bool Value::truthy() const {
  switch (kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
      return boolean();
    case Kind::integer:
      return integer() != 0;
    case Kind::real:
      return real() != 0;
    case Kind::string:
      return !string().empty();
    case Kind::list:
      return list().sequence == Sequence::generator || !list().items.empty();
    case Kind::dict:
      return !dict().entries.empty();
    default:
      return true;
  }
}

int Value::depth() const {
  switch (kind()) {
    case Kind::list:
      return list().depth;
    case Kind::dict:
      return dict().depth;
    case Kind::loop:
      return loop().items->depth;
    case Kind::callable:
      return callable().self.depth() + 1;
    default:
      return 0;
  }
}

const char* Value::type_name() const {
  switch (kind()) {
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::string:
      return "str";
    case Kind::dict:
      return "dict";
    case Kind::loop:
      return "LoopContext";
    case Kind::callable:
      return "function";
    case Kind::name_space:
      return "Namespace";
    case Kind::list:
      break;
  }
  switch (list().sequence) {
    case Sequence::list:
      return "list";
    case Sequence::tuple:
      return "tuple";
    case Sequence::generator:
      return "generator";
    case Sequence::view:
      return "dict view";
  }
  return "list";
}

const Value* Dict::find(const Value& key) const {
  const auto found = index.find(key_text(key));
  return found == index.end() ? nullptr : &entries[found->second].second;
}

Status Dict::set(const Value& key, Value value) {
  const std::string text = key_text(key);
  if (text.empty())
    return Error(std::string("a value of type ") + key.type_name() + " cannot be a key of a dict");
  depth = std::max(depth, value.depth() + 1);
  if (depth > max_value_depth) return Error("a dict nests deeper than a template may");
  const auto [place, inserted] = index.emplace(text, entries.size());
  if (inserted)
    entries.emplace_back(key, std::move(value));
  else
    entries[place->second].second = std::move(value);
  return {};
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}

void Namespace::set(const std::string& name, Value value) {
  for (auto& [key, old] : attributes)
    if (key == name) {
      old = std::move(value);
      return;
    }
  attributes.emplace_back(name, std::move(value));
}

Result<Value> make_list(Budget& budget, Values items, Sequence sequence) {
  TRY(budget.charge(static_cast<int64_t>(items.size())));
  List list;
  list.sequence = sequence;
  for (const Value& item : items) list.depth = std::max(list.depth, item.depth() + 1);
  if (list.depth > max_value_depth) return Error("a list nests deeper than a template may");
  list.items = std::move(items);
  return Value(std::make_shared<const List>(std::move(list)));
}

Result<Value> make_string(Budget& budget, std::string text) {
  TRY(budget.charge_text(text.size()));
  return Value(std::move(text));
}

Result<Value> make_method(const Value& self, std::string name) {
  Callable method;
  method.what = Callable::What::method;
  method.name = std::move(name);
  method.self = self;
  return Value(std::make_shared<const Callable>(std::move(method)));
}

Result<std::string> to_string(Budget& budget, const Value& value) {
  if (value.is(Kind::undefined)) return std::string();
  if (!value.is(Kind::string)) return to_repr(budget, value);
  TRY(budget.charge_text(value.string().size()));
  return value.string();
}

Result<std::string> to_repr(Budget& budget, const Value& value) {
  std::string out;
  TRY(append_repr(budget, out, value));
  return out;
}

Result<bool> equal(Budget& budget, const Value& a, const Value& b) {
  TRY(budget.charge(1));
  if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.real() == b.real();
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::string:
      TRY(budget.charge(static_cast<int64_t>(a.string().size() / 64)));
      return a.string() == b.string();
    case Kind::list:
      return equal_lists(budget, a.list(), b.list());
    case Kind::dict:
      return equal_dicts(budget, a.dict(), b.dict());
    case Kind::loop:
      return &a.loop() == &b.loop();
    case Kind::callable:
      return &a.callable() == &b.callable();
    case Kind::name_space:
      return &a.name_space() == &b.name_space();
    default:
      break;
  }
  WEFT_CHECK(false);
}

Result<bool> less(Budget& budget, const Value& a, const Value& b, const char* shown) {
  TRY(budget.charge(1));
  if (a.is_integral() && b.is_integral()) return a.integer() < b.integer();
  if (a.is_number() && b.is_number()) return a.real() < b.real();
  if (a.is(Kind::string) && b.is(Kind::string)) {
    TRY(budget.charge(static_cast<int64_t>(a.string().size() / 64)));
    return a.string() < b.string();  // the order of UTF-8 bytes is the order of code points
  }
  if (a.is(Kind::list) && b.is(Kind::list) && a.list().sequence == b.list().sequence) {
    const Values &left = a.list().items, &right = b.list().items;
    for (size_t i = 0; i < left.size() && i < right.size(); ++i)
      if (!TRY(equal(budget, left[i], right[i]))) return less(budget, left[i], right[i], shown);
    return left.size() < right.size();
  }
  if (a.is(Kind::undefined)) return Error(a.reason());
  if (b.is(Kind::undefined)) return Error(b.reason());
  return Error(std::string("'") + shown + "' cannot order a value of type " + a.type_name() +
               " and one of type " + b.type_name());
}

Result<std::shared_ptr<const List>> iterate(Budget& budget, const Value& value) {
  Values items;
  switch (value.kind()) {
    case Kind::list:
      return value.shared_list();
    case Kind::undefined:
      break;
    case Kind::string:
      for (std::string_view character : characters(value.string())) items.emplace_back(character);
      break;
    case Kind::dict:
      for (const auto& [key, item] : value.dict().entries) items.push_back(key);
      break;
    default:
      return Error(std::string("a value of type ") + value.type_name() + " cannot be walked");
  }
  return TRY(make_list(budget, std::move(items))).shared_list();
}

Result<int64_t> length(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return int64_t{0};
    case Kind::string:
      return count_characters(value.string());
    case Kind::dict:
      return static_cast<int64_t>(value.dict().entries.size());
    case Kind::loop:
      return static_cast<int64_t>(value.loop().items->items.size());
    case Kind::list:
      if (value.list().sequence != Sequence::generator)
        return static_cast<int64_t>(value.list().items.size());
      break;
    default:
      break;
  }
  return Error(std::string("a value of type ") + value.type_name() + " has no length");
}

}  // namespace weft::text::jinja
