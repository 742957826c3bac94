// See band.h.
#include "core/passes/band.h"

#include <cstring>

#include "core/passes/constants.h"

namespace weft::passes {

namespace {

struct Table {
  const std::byte* bytes;
  int64_t rows, columns, item;
  const std::byte* at(int64_t row, int64_t column) const {
    return bytes + (row * columns + column) * item;
  }
  // The element r - c = `distance` of the first row or column.
  const std::byte* along(int64_t distance) const {
    return distance >= 0 ? at(distance, 0) : at(0, -distance);
  }
};

// Every row is the one before it, moved right by one.
bool follows_diagonals(const Table& table) {
  for (int64_t row = 1; row < table.rows; ++row) {
    const size_t shared = size_t((table.columns - 1) * table.item);
    if (std::memcmp(table.at(row, 1), table.at(row - 1, 0), shared) != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<Band> band_of(const ir::Value& value) {
  const auto array = constant_array(value);
  if (!array || array->rank() < 2 || ir::bits(array->dtype) < 8) return {};
  const Table table{array->data, array->shape[size_t(array->rank() - 2)], array->shape.back(),
                    ir::size_bytes(array->dtype, 1)};
  if (table.rows < 2 || table.columns < 2 || array->count() != table.rows * table.columns ||
      !follows_diagonals(table))
    return {};
  // From the last row up to the first: at most outside, inside, outside, or inside, outside.
  std::vector<int64_t> changes;  // the last distance of a run, from far to near
  for (int64_t d = table.rows - 1; d > 1 - table.columns && changes.size() < 3; --d)
    if (std::memcmp(table.along(d), table.along(d - 1), size_t(table.item)) != 0)
      changes.push_back(d);
  if (changes.empty() || changes.size() > 2) return {};
  Band band;
  band.low = changes.back();
  if (changes.size() == 2) band.high = changes[0] - 1;
  const auto number = [&](int64_t distance) {
    const int64_t flat = (table.along(distance) - table.bytes) / table.item;
    return ops::load(*array, flat);
  };
  band.inside = number(band.low);
  band.outside = number(band.low - 1);
  const bool same_outside = changes.size() == 1 || number(table.rows - 1) == band.outside;
  return same_outside ? std::optional(band) : std::nullopt;
}

}  // namespace weft::passes
