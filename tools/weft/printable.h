// Text that comes out of files, made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace weft::cli {

// The text in one line of valid UTF-8: control characters and bytes that belong to no character
// become \xNN. Names in a damaged or hostile model can hold anything, terminal commands included.
std::string printable(std::string_view text);

}  // namespace weft::cli
