// Filters whose input is walked: lists, dicts, the characters of a text.
#include <algorithm>

#include "core/text/jinja_functions.h"
#include "core/text/jinja_operators.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

// The value at a path such as "function.name" or "0.role".
Result<Value> at_path(Value item, const Value& path) {
  if (path.is(Kind::undefined) || path.is(Kind::none)) return item;
  if (!path.is(Kind::string)) return get_item(item, path);
  std::string_view rest = path.string();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool number = !part.empty() && part.size() < 10 &&
                        part.find_first_not_of("0123456789") == std::string_view::npos;
    const Value key = number ? Value(int64_t{std::stoll(std::string(part))}) : Value(part);
    item = TRY(get_item(item, key));
    if (dot == std::string_view::npos) return item;
    rest.remove_prefix(dot + 1);
  }
}

// What items are ordered and told apart by: the value at `path`, text without its case.
Result<Value> sort_key(const Value& item, const Value& path, bool case_sensitive) {
  const Value key = TRY(at_path(item, path));
  if (case_sensitive || !key.is(Kind::string)) return key;
  return Value(lower(key.string()));
}

// Orders items by keys of the same index; equal ones keep their order, also when reversed.
Result<Values> sorted(Budget& budget, const Values& items, const Values& keys, bool reverse) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  Status failure;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (!failure.ok()) return false;
    const Result<bool> before =
        reverse ? less(budget, keys[b], keys[a]) : less(budget, keys[a], keys[b]);
    if (!before.ok()) failure = before.error();
    return before.ok() && *before;
  });
  TRY(std::move(failure));
  Values out;
  for (size_t i : order) out.push_back(items[i]);
  return out;
}

Result<Value> length_filter(Budget&, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  return Value(TRY(length(input)));
}

Result<Value> list_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  return make_list(budget, TRY(iterate(budget, input))->items);
}

Result<Value> first_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  const auto list = TRY(iterate(budget, input));
  return list->items.empty() ? Value::undefined("an empty sequence has no first item")
                             : list->items.front();
}

Result<Value> last_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  if (input.is(Kind::list) && input.list().sequence == Sequence::generator)
    return Error("what a lazy filter gives has no last item; put |list in between");
  const auto list = TRY(iterate(budget, input));
  return list->items.empty() ? Value::undefined("an empty sequence has no last item")
                             : list->items.back();
}

Result<Value> join_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"d", "attribute"}));
  const std::string separator = TRY(to_string(budget, bound[0]));
  const auto list = TRY(iterate(budget, input));
  std::string out;
  bool first = true;
  for (const Value& item : list->items) {
    if (!first) out += separator;
    first = false;
    out += TRY(to_string(budget, TRY(at_path(item, bound[1]))));
    TRY(budget.charge(1 + static_cast<int64_t>(separator.size() / 16)));
    if (out.size() > static_cast<size_t>(budget.text_bytes_max)) break;
  }
  return make_string(budget, std::move(out));
}

Result<Value> reverse_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  if (input.is(Kind::undefined)) return Error(input.reason());
  if (input.is(Kind::list) && input.list().sequence == Sequence::generator)
    return Error("what a lazy filter gives cannot be reversed; put |list in between");
  Values items = TRY(iterate(budget, input))->items;
  std::reverse(items.begin(), items.end());
  if (!input.is(Kind::string)) return make_list(budget, std::move(items), Sequence::generator);
  std::string out;
  for (const Value& item : items) out += item.string();
  return make_string(budget, std::move(out));
}

Result<Value> items_of(Budget& budget, const Dict& dict, Sequence sequence) {
  Values pairs;
  for (const auto& [key, value] : dict.entries)
    pairs.push_back(TRY(make_list(budget, {key, value}, Sequence::tuple)));
  return make_list(budget, std::move(pairs), sequence);
}

Result<Value> items_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  if (input.is(Kind::undefined)) return make_list(budget, {}, Sequence::generator);
  if (!input.is(Kind::dict))
    return Error(std::string("only a dict has items, not a value of type ") + input.type_name());
  return items_of(budget, input.dict(), Sequence::generator);
}

Result<Value> dictsort_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"case_sensitive", "by", "reverse"}));
  if (!input.is(Kind::dict))
    return Error(std::string("only a dict can be sorted so, not a value of type ") +
                 input.type_name());
  const bool by_value = bound[1].is(Kind::string) && bound[1].string() == "value";
  const Value place(int64_t{by_value ? 1 : 0});
  const Value pairs = TRY(items_of(budget, input.dict(), Sequence::list));
  Values keys;
  for (const Value& pair : pairs.list().items)
    keys.push_back(TRY(sort_key(pair, place, boolean_or(bound[0], false))));
  return make_list(budget,
                   TRY(sorted(budget, pairs.list().items, keys, boolean_or(bound[2], false))));
}

Result<Value> sort_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"reverse", "case_sensitive", "attribute"}));
  const auto list = TRY(iterate(budget, input));
  Values keys;
  for (const Value& item : list->items)
    keys.push_back(TRY(sort_key(item, bound[2], boolean_or(bound[1], false))));
  return make_list(budget, TRY(sorted(budget, list->items, keys, boolean_or(bound[0], false))));
}

Result<Value> unique_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"case_sensitive", "attribute"}));
  const auto list = TRY(iterate(budget, input));
  Values seen, out;
  for (const Value& item : list->items) {
    const Value key = TRY(sort_key(item, bound[1], boolean_or(bound[0], false)));
    bool known = false;
    for (const Value& other : seen) known = known || TRY(equal(budget, key, other));
    if (known) continue;
    seen.push_back(key);
    out.push_back(item);
  }
  return make_list(budget, std::move(out), Sequence::generator);
}

Result<Value> extreme(Budget& budget, const Value& input, const Args& args, bool largest) {
  const Values bound = TRY(bind(args, {"case_sensitive", "attribute"}));
  const auto list = TRY(iterate(budget, input));
  if (list->items.empty()) return Value::undefined("an empty sequence has no extreme item");
  Value best = list->items[0], best_key;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const Value key = TRY(sort_key(list->items[i], bound[1], boolean_or(bound[0], false)));
    if (i && !TRY(largest ? less(budget, best_key, key) : less(budget, key, best_key))) continue;
    best = list->items[i];
    best_key = key;
  }
  return best;
}

Result<Value> min_filter(Budget& budget, const Value& input, const Args& args) {
  return extreme(budget, input, args, false);
}
Result<Value> max_filter(Budget& budget, const Value& input, const Args& args) {
  return extreme(budget, input, args, true);
}

Result<Value> sum_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"attribute", "start"}));
  Value total = bound[1].is(Kind::undefined) ? Value(int64_t{0}) : bound[1];
  const auto list = TRY(iterate(budget, input));
  for (const Value& item : list->items)
    total = TRY(arithmetic(budget, "+", total, TRY(at_path(item, bound[0]))));
  return total;
}

Result<Value> batch_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"linecount", "fill_with"}));
  const int64_t size = TRY(integer_or(bound[0], 0, "linecount"));
  if (size < 1) return Error("a batch has at least one item");
  const auto list = TRY(iterate(budget, input));
  Values rows, row;
  for (const Value& item : list->items) {
    row.push_back(item);
    if (static_cast<int64_t>(row.size()) < size) continue;
    rows.push_back(TRY(make_list(budget, std::exchange(row, {}))));
  }
  if (!row.empty()) {
    if (!bound[1].is(Kind::undefined) && !bound[1].is(Kind::none)) {
      TRY(budget.charge(size));
      row.resize(static_cast<size_t>(size), bound[1]);
    }
    rows.push_back(TRY(make_list(budget, std::move(row))));
  }
  return make_list(budget, std::move(rows), Sequence::generator);
}

Result<Value> map_filter(Budget& budget, const Value& input, const Args& args) {
  Values out;
  const auto list = TRY(iterate(budget, input));
  if (args.positional.empty()) {
    const Values bound = TRY(bind(args, {"attribute", "default"}));
    if (bound[0].is(Kind::undefined)) return Error("a filter or an attribute has to be named");
    for (const Value& item : list->items) {
      out.push_back(TRY(at_path(item, bound[0])));
      if (out.back().is(Kind::undefined) && !bound[1].is(Kind::none)) out.back() = bound[1];
    }
  } else {
    if (!args.positional[0].is(Kind::string)) return Error("the name of a filter is a string");
    const Args rest = {{args.positional.begin() + 1, args.positional.end()}, args.named};
    for (const Value& item : list->items)
      out.push_back(TRY(call_filter(budget, args.positional[0].string(), item, rest)));
  }
  return make_list(budget, std::move(out), Sequence::generator);
}

// Keeps the items for which the test in `args` gives `wanted`; with `by_attribute`, the first
// argument names what of an item is tested.
Result<Value> select(Budget& budget, const Value& input, const Args& args, bool by_attribute,
                     bool wanted) {
  if (!args.named.empty()) return Error("no named arguments are taken");
  if (by_attribute && args.positional.empty()) return Error("an attribute has to be named");
  const size_t test_at = by_attribute ? 1 : 0;
  const bool has_test_name = args.positional.size() > test_at;
  if (has_test_name && !args.positional[test_at].is(Kind::string))
    return Error("the name of a test is a string");
  Args rest;
  if (has_test_name)
    rest.positional.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(test_at) + 1,
                           args.positional.end());
  const auto list = TRY(iterate(budget, input));
  Values out;
  for (const Value& item : list->items) {
    TRY(budget.charge(1));
    const Value tested = by_attribute ? TRY(at_path(item, args.positional[0])) : item;
    const bool holds = has_test_name
                           ? TRY(call_test(budget, args.positional[test_at].string(), tested, rest))
                           : tested.truthy();
    if (holds == wanted) out.push_back(item);
  }
  return make_list(budget, std::move(out), Sequence::generator);
}

Result<Value> select_filter(Budget& budget, const Value& input, const Args& args) {
  return select(budget, input, args, false, true);
}
Result<Value> reject_filter(Budget& budget, const Value& input, const Args& args) {
  return select(budget, input, args, false, false);
}
Result<Value> selectattr_filter(Budget& budget, const Value& input, const Args& args) {
  return select(budget, input, args, true, true);
}
Result<Value> rejectattr_filter(Budget& budget, const Value& input, const Args& args) {
  return select(budget, input, args, true, false);
}

}  // namespace

const std::vector<FilterEntry>& sequence_filters() {
  static const std::vector<FilterEntry> table = {
      {"length", length_filter},
      {"count", length_filter},
      {"list", list_filter},
      {"first", first_filter},
      {"last", last_filter},
      {"join", join_filter},
      {"reverse", reverse_filter},
      {"items", items_filter},
      {"dictsort", dictsort_filter},
      {"sort", sort_filter},
      {"unique", unique_filter},
      {"min", min_filter},
      {"max", max_filter},
      {"sum", sum_filter},
      {"batch", batch_filter},
      {"map", map_filter},
      {"select", select_filter},
      {"reject", reject_filter},
      {"selectattr", selectattr_filter},
      {"rejectattr", rejectattr_filter},
  };
  return table;
}

}  // namespace weft::text::jinja
