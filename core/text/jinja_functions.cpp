// What filters, tests and methods share: binding arguments and finding functions by name; and the
// global functions.
#include "core/text/jinja_functions.h"

#include <algorithm>

#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

// The sandbox that templates are written for has the same limit.
constexpr int64_t max_range = 100000;

const FilterEntry* find_filter(std::string_view name) {
  for (const auto* table : {&scalar_filters(), &sequence_filters()})
    for (const FilterEntry& entry : *table)
      if (entry.name == name) return &entry;
  return nullptr;
}

Result<Value> range(Budget& budget, const Args& args) {
  Values bounds = args.positional;
  if (!args.named.empty() || bounds.empty() || bounds.size() > 3)
    return Error("range takes a stop, a start and a stop, or a start, a stop and a step");
  for (const Value& bound : bounds)
    if (!bound.is_integral())
      return Error(std::string("range takes integers, not a value of type ") + bound.type_name());
  if (bounds.size() == 1) bounds.insert(bounds.begin(), Value(int64_t{0}));
  const int64_t start = bounds[0].integer(), stop = bounds[1].integer();
  const int64_t step = bounds.size() == 3 ? bounds[2].integer() : 1;
  if (step == 0) return Error("the step of a range cannot be 0");
  Values items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) == max_range)
      return Error("a range has at most " + std::to_string(max_range) + " numbers");
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return make_list(budget, std::move(items));
}

Result<Value> make_dict(Budget& budget, const Args& args) {
  auto dict = std::make_shared<Dict>();
  if (args.positional.size() > 1) return Error("dict takes one mapping and named values");
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (from.is(Kind::dict)) {
      *dict = from.dict();
    } else {
      const auto pairs = TRY(iterate(budget, from));
      for (const Value& pair : pairs->items) {
        const auto parts = TRY(iterate(budget, pair));
        if (parts->items.size() != 2) return Error("dict takes pairs of a key and a value");
        TRY(dict->set(parts->items[0], parts->items[1]));
      }
    }
  }
  for (const auto& [name, value] : args.named) TRY(dict->set(Value(name), value));
  TRY(budget.charge(static_cast<int64_t>(dict->entries.size())));
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Result<Value> raise_exception(Budget& budget, const Args& args) {
  const Values bound = TRY(bind(args, {"message"}));
  return Error("the template refuses: " + TRY(to_string(budget, bound[0])));
}

Result<Value> strftime_now(Budget& budget, const Args& args, const std::tm& now) {
  const Values bound = TRY(bind(args, {"format"}));
  if (!bound[0].is(Kind::string)) return Error("strftime_now takes a format such as \"%d %b %Y\"");
  const std::string& format = bound[0].string();
  if (format.empty()) return Value(std::string());
  if (format.size() > 1000) return Error("the format of strftime_now has more than 1000 bytes");
  // The mark at the end tells an empty result from one that does not fit.
  char buffer[8192];
  const size_t size = std::strftime(buffer, sizeof buffer, (format + "|").c_str(), &now);
  if (size == 0) return Error("the result of strftime_now is too long");
  return make_string(budget, std::string(buffer, size - 1));
}

}  // namespace

Result<Values> bind(const Args& args, std::initializer_list<const char*> names) {
  if (args.positional.size() > names.size())
    return Error("at most " + std::to_string(names.size()) + " arguments are taken, but " +
                 std::to_string(args.positional.size()) + " are given");
  Values bound = args.positional;
  bound.resize(names.size());
  for (const auto& [name, value] : args.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return Error("there is no argument named '" + name + "'");
    const size_t place = static_cast<size_t>(found - names.begin());
    if (place < args.positional.size()) return Error("the argument '" + name + "' is given twice");
    bound[place] = value;
  }
  return bound;
}

Result<int64_t> integer_or(const Value& value, int64_t fallback, const char* name) {
  if (value.is(Kind::undefined) || value.is(Kind::none)) return fallback;
  if (value.is_integral()) return value.integer();
  return Error(std::string("the argument '") + name + "' is an integer, not a value of type " +
               value.type_name());
}

bool boolean_or(const Value& value, bool fallback) {
  return value.is(Kind::undefined) ? fallback : value.truthy();
}

Result<Value> replace_text(Budget& budget, std::string_view text, std::string_view from,
                           std::string_view to, int64_t limit) {
  // The size of the result is known, and bounded, before it is made.
  int64_t count = count_occurrences(text, from), added = 0;
  if (limit >= 0) count = std::min(count, limit);
  const int64_t growth = static_cast<int64_t>(to.size()) - static_cast<int64_t>(from.size());
  if (__builtin_mul_overflow(count, growth, &added)) added = budget.text_bytes_max;
  TRY(budget.charge_text(text.size() + static_cast<size_t>(std::max<int64_t>(added, 0))));
  return Value(replace(text, from, to, limit));
}

Result<Value> call_filter(Budget& budget, const std::string& name, const Value& input,
                          const Args& args) {
  const FilterEntry* entry = find_filter(name);
  if (!entry) return Error("there is no filter named '" + name + "'");
  TRY(budget.charge(input.is(Kind::string) ? static_cast<int64_t>(input.string().size() / 32) : 1));
  return TRY(entry->run(budget, input, args), "the filter '" + name + "'");
}

bool has_filter(std::string_view name) { return find_filter(name) != nullptr; }

Result<Value> call_function(Budget& budget, const std::string& name, const Args& args,
                            const std::tm& now) {
  if (name == "range") return range(budget, args);
  if (name == "dict") return make_dict(budget, args);
  if (name == "strftime_now") return strftime_now(budget, args, now);
  return raise_exception(budget, args);
}

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = {"range", "dict", "namespace", "raise_exception",
                                                 "strftime_now"};
  return names;
}

}  // namespace weft::text::jinja
