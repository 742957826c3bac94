// Masks that a choice of different indices leaves with one element at most along an axis.
#pragma once

#include <optional>

#include "core/ir/graph.h"

namespace weft::onnx {

// An axis counted from the front; negative ones count from the end.
inline int64_t from_front(int64_t axis, size_t rank) {
  return axis < 0 ? axis + int64_t(rank) : axis;
}

// A known integer tensor of one element, of this number.
inline bool is_number(const ir::Graph& graph, ir::ValueId value, int64_t number) {
  const auto& contents = graph[value].contents;
  return contents && contents->size() == 1 && (*contents)[0] == ir::Dim(number);
}

// The axis of `mask` (rank 2) along which at most one element is not 0, when the mask is a slice of
// a one-hot of a TopK's indices, which differ. Nothing when that is not how it is made.
std::optional<int64_t> axis_chosen_once(const ir::Graph& graph, ir::ValueId mask);

}  // namespace weft::onnx
