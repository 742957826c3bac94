// Which element of which tensor an element is: following ops that only move elements.
//
//   Movement movement(graph);
//   const auto at = movement.indices(key);        // {0, @1, @2, @3}: symbols, 0 where a dim is 1
//   movement.step({key, at})                      // one producer up: {value, {0, @2, 64*@1 + @3}}
//
// An exporter may spell "split into heads" or "repeat each head" in many ways; as expressions of
// the indices they are all the same. So passes compare expressions and not chains of ops.
#pragma once

#include <optional>
#include <vector>

#include "core/ir/graph.h"
#include "core/sym/bounds.h"

namespace weft::passes {

// One element of a value; one index per dim.
struct Place {
  ir::ValueId value = ir::ValueId::none;
  std::vector<sym::Dim> index;
};

// Attribute `axis` of a node, counted from the front of `rank` dims.
size_t axis_of(const ir::Node& node, size_t rank, int64_t otherwise = 0);

class Movement {
 public:
  explicit Movement(const ir::Graph& graph) : graph_(graph), bounds_(graph.bounds) {}

  // A symbol per dim of `value`, bounded by the dim; 0 for dims of 1. Symbols are named by their
  // axis, so only one value's indices are in use at a time.
  std::vector<sym::Dim> indices(ir::ValueId value);
  // The element of an input of the producer that this element is; nothing when it is computed.
  std::optional<Place> step(const Place& place) const;
  // The element of an input of an elementwise node that broadcasts to this element of its output.
  Place operand(const ir::Node& node, size_t slot, const Place& place) const;
  // Every place on the way up, the given one first, until an op computes.
  std::vector<Place> trail(Place place) const;
  // The value furthest up with the same shape and every element at the same place; `value` itself
  // when there is none.
  ir::ValueId origin(ir::ValueId value);
  const sym::Bounds& bounds() const { return bounds_; }

 private:
  const ir::Graph& graph_;
  sym::Bounds bounds_;
};

}  // namespace weft::passes
