// The value of a part of a graph for given lengths, op by op with the slow references.
//
//   Evaluator evaluate(graph, {{"seq", 8}, {"past", 0}});
//   evaluate.bind(position_ids, positions);
//   evaluate(cosines)                             // a tensor, or nothing when something is unknown
#pragma once

#include <map>
#include <optional>

#include "core/ir/graph.h"
#include "core/ops/array.h"

namespace weft::passes {

// A view of a constant's bytes as the references read them; nothing for quantized and reordered
// constants, and for those whose bytes are not known. The graph keeps the bytes.
std::optional<ops::Array> constant_array(const ir::Value& value);

class Evaluator {
 public:
  Evaluator(const ir::Graph& graph, sym::Bindings lengths)
      : graph_(graph), lengths_(std::move(lengths)) {}

  void bind(ir::ValueId value, ops::Tensor tensor) { known_[value] = std::move(tensor); }
  // Nothing when the value depends on an input that is not bound, a length that is not given or a
  // constant that is not known, lies too deep, or a reference refuses.
  std::optional<ops::Array> operator()(ir::ValueId value, int depth = 0);

 private:
  bool run(const ir::Node& node, int depth);
  std::optional<std::vector<int64_t>> shape_of(ir::ValueId value) const;

  const ir::Graph& graph_;
  sym::Bindings lengths_;
  std::map<ir::ValueId, ops::Tensor> known_;
};

}  // namespace weft::passes
