// What the elements of a mask are, as expressions of their indices.
//
//   mask[0, 0, i, j] = And(LessOrEqual(Range(past + seq), Range(seq) + past), Cast(attention_mask))
//   is true where      past + i - j >= 0
//
// Exporters build masks from ranges, comparisons and gathers in ever new ways; what they mean is a
// few inequalities. Integers are Dims, truth values are conjunctions of Dim >= 0, and reals are a
// choice between two numbers by such a conjunction. What is none of these is unknown, and then
// the mask stays what it is: computed.
//
// In a session inputs mean what it feeds (bind_decoder_inputs): attention_mask over past and new
// tokens is all ones (one sequence without padding), position_ids counts from `past`. Elsewhere,
// and for the mask of an encoder, they hold what they hold.
#pragma once

#include <map>

#include "core/passes/band.h"
#include "core/passes/element.h"
#include "core/passes/movement.h"

namespace weft::passes {

class Elements {
 public:
  Elements(const ir::Graph& graph, bool in_session)
      : graph_(graph), movement_(graph), in_session_(in_session) {}

  // The element of `value` at its indices; movement().indices(value) are symbols for them.
  Element at(const Place& place);
  Movement& movement() { return movement_; }
  // Where the last element that is unknown stops being read: the value no rule knows.
  ir::ValueId unknown() const { return unknown_; }

 private:
  Element known_at(const Place& place);
  Element compute(const ir::Node& node, const Place& place);
  Element input(const ir::Node& node, size_t slot, const Place& place);
  Element gather(const ir::Node& node, const Place& place);
  Element arithmetic(const ir::Node& node, const Place& place);
  Element sum_along(const ir::Node& node, const Place& place);
  Element of_table(ir::ValueId id, const Place& place);
  Element stretched(const ir::Node& node, const Place& place);
  Element joined(const ir::Node& node, const Place& place);
  Element scattered(const ir::Node& node, const Place& place);
  Element triangle(const ir::Node& node, const Place& place);
  Element choose(const ir::Node& node, const Place& place);
  Condition at_least(const sym::Dim& a, const sym::Dim& b) const;
  Condition both(Condition a, const Condition& b) const;
  Element combined(ir::Op op, const Choice& a, const Choice& b) const;

  const ir::Graph& graph_;
  Movement movement_;
  bool in_session_;
  std::map<ir::ValueId, std::optional<Band>> bands_;
  ir::ValueId unknown_ = ir::ValueId::none;
  int depth_ = 0;
  int steps_left_ = 100'000;  // of one graph: a bound on work, far above any real mask
};

}  // namespace weft::passes
