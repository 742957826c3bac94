// Constant tables that are masks: one number in a band along the diagonal, another elsewhere.
#pragma once

#include <optional>

#include "core/ir/graph.h"

namespace weft::passes {

// The element at row r, column c is `inside` where low <= r - c and r - c <= high, else `outside`.
// Nothing said beyond the table: `high` is none where the band reaches its last row.
struct Band {
  int64_t low = 0;
  std::optional<int64_t> high;
  double inside = 0, outside = 0;
};

// The band a constant [.., rows, columns] with one table is; nothing when it is none. Quantized and
// reordered constants are none.
std::optional<Band> band_of(const ir::Value& value);

}  // namespace weft::passes
