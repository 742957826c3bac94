// Operators on values: arithmetic, comparison, membership, attributes, subscripts and slices.
//
// Errors are sentences without a place; the evaluator puts the line in front.
#pragma once

#include <string>
#include <string_view>

#include "core/text/jinja_value.h"

namespace weft::text::jinja {

// a `op` b for + - * / // % **. Integers have 64 bits; leaving them is an error.
Result<Value> arithmetic(Budget& budget, const std::string& op, const Value& a, const Value& b);
// +a or -a.
Result<Value> signed_value(const std::string& sign, const Value& a);
// a `op` b for == != < <= > >= in, "not in".
Result<bool> compare(Budget& budget, const std::string& op, const Value& a, const Value& b);

// object.name: a method or field first, then an element of that name. Missing: undefined.
Result<Value> get_attribute(const Value& object, const std::string& name);
// object[key]: an element first, then a method or field of that name. Missing: undefined.
Result<Value> get_item(const Value& object, const Value& key);
// object[start:stop:step]; a bound that is none is left out.
Result<Value> slice(Budget& budget, const Value& object, const Value& start, const Value& stop,
                    const Value& step);

}  // namespace weft::text::jinja
