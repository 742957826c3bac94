// Python's two ways to put values into a text: "%s" % value and "{}".format(value).
#pragma once

#include <string_view>

#include "core/text/jinja_functions.h"

namespace weft::text::jinja {

// `format` % `operand`: a tuple gives one value per place, a dict the values of %(name)s.
Result<Value> format_percent(Budget& budget, std::string_view format, const Value& operand);

// format.format(args): {}, {0}, {name}, each with !r or !s and a format such as :>8 or :.2f.
Result<Value> format_braces(Budget& budget, std::string_view format, const Args& args);

}  // namespace weft::text::jinja
