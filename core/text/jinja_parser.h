// Template source to tree. Errors are one sentence that starts with "line N: ".
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "core/text/jinja_ast.h"

namespace weft::text::jinja {

// How deep statements and expressions may nest.
inline constexpr int max_nesting = 120;

Result<Nodes> parse(std::string_view source);

}  // namespace weft::text::jinja
