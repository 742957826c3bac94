// Parts of a sequence that repeat, as the layers of a decoder do: found by comparing, not by names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weft::cli {

// Elements [first, first + period * count) are `count` runs of `period` that look alike.
struct Repeat {
  size_t first = 0, period = 0, count = 0;
  bool operator==(const Repeat&) const = default;
};

// Disjoint repeats in order: those that cover most first, each of at least three elements a period
// and two periods. Quadratic in the length.
std::vector<Repeat> find_repeats(const std::vector<std::string>& sequence);

}  // namespace weft::cli
