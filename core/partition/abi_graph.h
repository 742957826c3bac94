// A part of the graph as plugins see it: the plain arrays of weft_graph (plugin.h).
//
// Built twice: once of the whole graph, for claims; then of each island, for compile, when every
// value has its place. Dims become constants or slots of the shared table. The arrays point into
// the ir::Graph and into this object; both must outlive the calls they are passed to.
#pragma once

#include <weft/plugin.h>

#include <deque>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "core/ir/graph.h"
#include "core/sym/slots.h"

namespace weft::partition {

// Where an activation lives in the workspace: a byte offset, or -1 for no place (claims; values
// inside a unit).
using OffsetOf = std::function<ir::Dim(ir::ValueId)>;

class AbiGraph {
 public:
  struct Part {
    std::span<const ir::NodeId> nodes;     // in topological order
    std::span<const uint32_t> units;       // of each node; empty: WEFT_NONE
    std::span<const ir::ValueId> outputs;  // values that others read
    OffsetOf offset_of;
    // Whether a value that has a placement is inside its state; empty: each one is.
    std::function<bool(ir::ValueId)> is_placed = {};
  };

  AbiGraph(const ir::Graph& graph, const Part& part, sym::SlotTable& slots);
  AbiGraph(const AbiGraph&) = delete;
  AbiGraph& operator=(const AbiGraph&) = delete;

  const weft_graph& get() const { return abi_; }
  // What the part reads from outside, states included, in the order of weft_graph.inputs.
  const std::vector<ir::ValueId>& inputs() const { return inputs_; }
  const std::vector<ir::ValueId>& outputs() const { return outputs_; }
  // The value that plugins know by `index`; none when there is no such index.
  ir::ValueId value_at(uint32_t index) const {
    return index < order_.size() ? order_[index] : ir::ValueId::none;
  }
  // The slots as the plugin sees them: bounds from the graph's symbols. Call after every AbiGraph
  // that shares the table has been built.
  void refresh_slots(const sym::SlotTable& slots);

 private:
  uint32_t index_of(ir::ValueId id);
  void describe(ir::ValueId id, uint32_t index, const Part& part);
  void describe_constant(const ir::Value& value, weft_value& out);
  void add_node(ir::NodeId id, uint32_t unit);
  weft_dim dim(const ir::Dim& value);
  const weft_dim* dims(std::span<const ir::Dim> values);
  const uint32_t* indices(std::span<const ir::ValueId> ids);

  const ir::Graph& graph_;
  sym::SlotTable& slots_;
  weft_graph abi_{};
  std::vector<weft_node> nodes_;
  std::vector<weft_value> values_;
  std::vector<weft_slot> slot_rows_;
  std::vector<ir::ValueId> inputs_, outputs_;
  std::map<ir::ValueId, uint32_t> index_;
  std::vector<ir::ValueId> order_;  // values by index
  // Storage behind the pointers of the arrays; deques never move what they hold.
  std::deque<std::vector<weft_dim>> dim_lists_;
  std::deque<std::vector<uint32_t>> index_lists_;
  std::deque<std::vector<weft_attr>> attr_lists_;
  std::deque<std::vector<float>> float_lists_;
  std::deque<weft_quant> quants_;
  std::deque<std::string> texts_;
};

}  // namespace weft::partition
