// A graph, or a part of one, by the slow references: what every backend's values are compared with.
//
//   Evaluation run(graph, {{"seq", 7}, {"past", 0}});
//   run.set(input, tensor);  TRY(run.run());  auto y = TRY(run.value(output));
//   run.set(input, tensor);  auto part = TRY(run.compute(value));
//
// Every value is a tensor of its own, states too: TensorScatter makes a new one, and a place inside
// a state means nothing here. Sums are in double (op_def.h); what is stored has the value's dtype.
//
// Threads: one at a time.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "core/ops/array.h"

namespace weft::ops {

class Evaluation {
 public:
  // `graph` outlives this. `bindings` give every symbol of its shapes a value.
  Evaluation(const ir::Graph& graph, sym::Bindings bindings);

  // The value of a graph input or state. Fails when dtype or shape are not those of the graph.
  Status set(ir::ValueId input, Tensor value);
  // Every node, in order. Fails naming the node, or the input that was not set.
  Status run();

  // One value, with the nodes it depends on and no other. Fails as run() and value() do.
  Result<Array> compute(ir::ValueId id);

  // Any value: constants (quantized ones as their codes), symbolic ones, inputs, computed ones once
  // run() is through. The view is valid as long as this. Fails for a value that is not there.
  Result<Array> value(ir::ValueId id);
  // The shape of a value under the bindings; fails when a symbol is not bound.
  Result<std::vector<int64_t>> shape_of(ir::ValueId id) const;
  const sym::Bindings& bindings() const { return bindings_; }

 private:
  Status run_node(const ir::Node& node);
  Result<Array> constant(ir::ValueId id);

  const ir::Graph& graph_;
  sym::Bindings bindings_;
  std::vector<std::optional<Tensor>> tensors_;  // by ValueId
  std::map<ir::ValueId, ArrayQuantization> codes_;
};

}  // namespace weft::ops
