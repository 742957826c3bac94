// What `weft quantize --w8a8` did with each linear, for people and for programs.
#pragma once

#include "tools/weft/quantize_w8a8.h"

namespace weft::cli {

void print_w8a8_table(const W8A8Report& report);
void print_w8a8_json(const W8A8Report& report);

}  // namespace weft::cli
