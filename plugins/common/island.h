// The values of a compiled island: what each is, where it lies, and its shape in the run at hand.
//
//   compile   copied from the borrowed graph; slots that compile() fixes become numbers
//   run       slots changed? -> shapes, offsets, bytes of workspace
//
// What a value's memory is, only the program knows: a pointer, an object of a driver.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/common/operand.h"
#include "weft/plugin.hpp"

namespace weft::common {

// The graph to compile. Throws Failure when it is not there or names a value that is not.
weft_graph graph_of(const weft_compile_args& args);
// Throws Failure unless a run brings as many views.
void check_counts(const weft_execute_args& args, size_t inputs, size_t outputs);
// Throws Failure unless a workspace of `size` bytes has room for the values and the scratch.
void check_workspace(const weft_execute_args& args, uint64_t size, uint64_t values,
                     uint64_t scratch);

// A dim as a number.
inline int64_t eval(const weft_dim& dim, const int64_t* slots) {
  return dim.slot == WEFT_NONE ? dim.value : slots[dim.slot];
}

class Island {
 public:
  // inner: between nodes of one unit, without memory.
  enum class Where : uint8_t { constant, contents, input, output, workspace, view, inner };
  struct Value {
    std::string name;
    Where where = Where::workspace;
    bool dynamic = false;  // shape, offset or contents depend on slots
    bool state = false;    // written in place
    uint32_t index = 0;    // of the input or output, or the parent value
    uint32_t dtype = 0;
    uint32_t rank = 0;
    weft_dim dims[kMaxRank]{};
    weft_dim offset_dim{};
    std::vector<weft_dim> contents;
    // As set_shapes() leaves them:
    int64_t shape[kMaxRank] = {};
    int64_t count = -1;  // product of shape; -1: not known yet
    uint64_t bytes = 0;
    // As refresh() leaves it, in bytes from the start of the workspace or the parent:
    uint64_t offset = 0;
  };

  // Throws Failure when the graph is malformed.
  explicit Island(const weft_compile_args& args);

  std::vector<Value> values;
  std::vector<uint32_t> inputs, outputs;
  std::vector<uint32_t> views;  // parents first

  // Whether the run's view `i` is where its value is, and not a second place for it.
  bool is_input(uint32_t i) const { return is_place(inputs[i], Where::input, i); }
  bool is_output(uint32_t i) const { return is_place(outputs[i], Where::output, i); }
  // Shapes at these slot values. Throws Failure for a negative or a far too large one.
  void set_shapes(const int64_t* slots);
  // Shapes and offsets for a run; false when they are those of the last one. Throws Failure when a
  // value lies at no multiple of its elements, or outside its parent.
  bool refresh(const int64_t* slots);
  uint64_t workspace_bytes() const { return workspace_bytes_; }
  // Throws Failure unless the view has the type and the shape of the value.
  void check_bound(const weft_view& view, uint32_t value) const;

 private:
  void read_values(const plugin::GraphView& graph, const int64_t* slots);
  void find_places();
  void order_views();
  void set_shape(Value& value, const int64_t* slots);
  bool is_place(uint32_t value, Where where, uint32_t index) const {
    return values[value].where == where && values[value].index == index;
  }

  std::vector<int64_t> slots_;  // of the last refresh()
  bool is_fresh_ = false;
  uint64_t workspace_bytes_ = 0;
};

}  // namespace weft::common
