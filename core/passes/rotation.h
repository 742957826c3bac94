// Reading a rotation of heads element by element.
//
//   y[b, h, i, d] = x[b, h, i, d] * c[b, i, d] -+ x[b, h, i, partner of d] * s[b, i, d]
//
// Exporters and architectures spell rotary embeddings in many ways: halves or neighbours as
// partners, turned by Concat or stacked, on all elements of a head or the first ones, heads before
// rows or after. What every element is says which of them it is.
#pragma once

#include <optional>

#include "core/passes/movement.h"

namespace weft::passes {

// Columns of the last axis of `value`, `step` apart, as [batch, seq, count].
struct AngleColumns {
  ir::ValueId value = ir::ValueId::none;
  size_t row_axis = 0, column_axis = 0;
  int64_t first = 0, step = 1, count = 0;
};

struct Rotation {
  ir::ValueId x = ir::ValueId::none;  // of y's shape
  bool interleaved = false;           // partners are neighbours, not halves
  bool rows_first = false;      // y is [batch, seq, heads, size], not [batch, heads, seq, size]
  int64_t turned = 0;           // elements of a head that turn: the first ones
  AngleColumns cosines, sines;  // turned / 2 of each
};

// The rotation whose result `y` is; nothing when it is none. Where the first element of a head
// turns and yet the whole is no rotation, `why` says what is different.
std::optional<Rotation> read_rotation(const ir::Graph& graph, ir::ValueId y, std::string& why);

}  // namespace weft::passes
