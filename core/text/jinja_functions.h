// The functions of the language: filters, tests, methods and global functions.
//
// Each is found by name in a table of its file; an unknown name is an error that says so. Errors
// are sentences without a place; the evaluator puts the line in front.
#pragma once

#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/jinja_value.h"

namespace weft::text::jinja {

// The arguments of one call, evaluated.
struct Args {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

// The arguments in the order of `names`, each given by place or by name; missing ones are
// undefined. Fails on one too many and on an unknown name.
Result<Values> bind(const Args& args, std::initializer_list<const char*> names);
// A bound argument as the kind it must have, or `fallback` if it was not given.
Result<int64_t> integer_or(const Value& value, int64_t fallback, const char* name);
bool boolean_or(const Value& value, bool fallback);

// Every `from` in `text` replaced by `to`, at most `limit` times (negative: all).
Result<Value> replace_text(Budget& budget, std::string_view text, std::string_view from,
                           std::string_view to, int64_t limit);

using Filter = Result<Value> (*)(Budget&, const Value& input, const Args&);
struct FilterEntry {
  std::string_view name;
  Filter run;
};

// input | name(args)
Result<Value> call_filter(Budget& budget, const std::string& name, const Value& input,
                          const Args& args);
bool has_filter(std::string_view name);
// The tables call_filter searches: filters of text and numbers, and filters of sequences.
const std::vector<FilterEntry>& scalar_filters();
const std::vector<FilterEntry>& sequence_filters();
// value|tojson(ensure_ascii, indent, separators, sort_keys): Python's json.dumps.
Result<Value> to_json(Budget& budget, const Value& value, const Args& args);

// input is name(args)
Result<bool> call_test(Budget& budget, const std::string& name, const Value& input,
                       const Args& args);
bool has_test(std::string_view name);

// object.name(args). has_method tells whether the object's type has such a method, is_mutator
// whether it is one that would change the object, which no template may.
Result<Value> call_method(Budget& budget, const Value& object, const std::string& name,
                          const Args& args);
bool has_method(const Value& object, std::string_view name);
bool is_mutator(const Value& object, std::string_view name);

// range, dict, raise_exception and strftime_now, which formats `now`. `namespace` is the
// interpreter's own, since it owns what it makes.
Result<Value> call_function(Budget& budget, const std::string& name, const Args& args,
                            const std::tm& now);
const std::vector<std::string>& function_names();

}  // namespace weft::text::jinja
