// Reading values from the graph, and following the slots; see island.h.
#include "plugins/common/island.h"

#include <algorithm>

#include "plugins/common/row.h"

namespace weft::common {

using plugin::Failure;
using plugin::GraphView;
using plugin::NodeView;
using plugin::text;

namespace {

weft_dim fixed(const weft_dim& dim, const int64_t* slots, uint32_t slot_count) {
  if (dim.slot == WEFT_NONE) return dim;
  if (dim.slot >= slot_count) throw Failure(WEFT_E_INVALID, "a dim names a slot that is not there");
  if (slots && slots[dim.slot] >= 0) return {slots[dim.slot], WEFT_NONE, 0};
  return dim;
}

void check_indices(const GraphView& graph) {
  const auto known = [&](uint32_t v) { return v == WEFT_NONE || v < graph->value_count; };
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const NodeView node = graph.node(n);
    for (uint32_t i = 0; i < node->input_count; i++)
      if (!known(node->inputs[i])) throw Failure(WEFT_E_INVALID, "a node reads no such value", n);
    for (uint32_t i = 0; i < node->output_count; i++)
      if (!known(node->outputs[i])) throw Failure(WEFT_E_INVALID, "a node writes no such value", n);
  }
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (graph->inputs[i] >= graph->value_count)
      throw Failure(WEFT_E_INVALID, "no such graph input");
  for (uint32_t i = 0; i < graph->output_count; i++)
    if (graph->outputs[i] >= graph->value_count)
      throw Failure(WEFT_E_INVALID, "no such graph output");
}

}  // namespace

weft_graph graph_of(const weft_compile_args& args) {
  if (!args.graph) throw Failure(WEFT_E_INVALID, "compile without a graph");
  const weft_graph mine = plugin::read_struct(args.graph);
  check_indices(GraphView(mine));
  return mine;
}

Island::Island(const weft_compile_args& args) {
  const weft_graph mine = graph_of(args);
  inputs.assign(mine.inputs, mine.inputs + mine.input_count);
  outputs.assign(mine.outputs, mine.outputs + mine.output_count);
  slots_.resize(mine.slot_count);
  read_values(GraphView(mine), args.slots);
  find_places();
  order_views();
}

void Island::read_values(const GraphView& graph, const int64_t* slots) {
  for (uint32_t v = 0; v < graph->value_count; v++) {
    const weft_value& from = graph.value(v);
    Value& value = values.emplace_back();
    const auto read = [&](const weft_dim& dim) {
      const weft_dim out = fixed(dim, slots, graph->slot_count);
      value.dynamic |= out.slot != WEFT_NONE;
      return out;
    };
    value.name = from.name ? from.name : "";
    if (from.rank > kMaxRank) throw Failure(WEFT_E_UNSUPPORTED, "a value of rank above 8");
    value.dtype = from.dtype;
    value.rank = from.rank;
    value.state = from.flags & WEFT_VALUE_STATE;
    for (uint32_t d = 0; d < from.rank; d++) value.dims[d] = read(from.dims[d]);
    value.offset_dim = read(from.offset);
    if (from.flags & WEFT_VALUE_CONTENTS) {
      value.where = Where::contents;
      for (uint32_t i = 0; i < from.contents_count; i++)
        value.contents.push_back(read(from.contents[i]));
    } else if (from.flags & WEFT_VALUE_CONSTANT) {
      value.where = Where::constant;
    } else if (from.flags & WEFT_VALUE_VIEW) {
      if (from.parent >= graph->value_count) throw Failure(WEFT_E_INVALID, "a view of no value");
      value.where = Where::view;
      value.index = from.parent;
    } else if (from.offset.slot == WEFT_NONE && from.offset.value < 0) {
      value.where = Where::inner;
    }
  }
}

void Island::find_places() {
  // An output that is also an input or a view stays there: it is the same memory.
  for (uint32_t i = 0; i < outputs.size(); i++)
    if (Value& value = values[outputs[i]];
        value.where == Where::workspace || value.where == Where::inner) {
      value.where = Where::output;
      value.index = i;
    }
  for (uint32_t i = 0; i < inputs.size(); i++)
    if (Value& value = values[inputs[i]];
        value.where == Where::workspace || value.where == Where::inner ||
        value.where == Where::output || value.where == Where::view) {
      value.where = Where::input;
      value.index = i;
    }
}

void Island::order_views() {
  std::vector<size_t> depth(values.size(), 0);
  for (uint32_t v = 0; v < values.size(); v++) {
    if (values[v].where != Where::view) continue;
    for (uint32_t p = v; values[p].where == Where::view; p = values[p].index)
      if (++depth[v] > values.size())
        throw Failure(WEFT_E_INVALID, "views are each other's parents: " + values[v].name);
    const Where parent = values[values[v].index].where;
    if (parent == Where::constant || parent == Where::contents)
      throw Failure(WEFT_E_INVALID, "a view lies inside a constant: " + values[v].name);
    views.push_back(v);
  }
  std::stable_sort(views.begin(), views.end(),
                   [&](uint32_t a, uint32_t b) { return depth[a] < depth[b]; });
}

void Island::set_shape(Value& value, const int64_t* slots) {
  int64_t count = 1;
  for (uint32_t d = value.rank; d-- > 0;) {
    value.shape[d] = eval(value.dims[d], slots);
    if (value.shape[d] < 0 || __builtin_mul_overflow(count, value.shape[d], &count))
      throw Failure(WEFT_E_INVALID, text("dim %u of %s is %lld", d, value.name.c_str(),
                                         static_cast<long long>(value.shape[d])));
  }
  if (count > int64_t{1} << 60)
    throw Failure(WEFT_E_INVALID, value.name + " has more elements than memory can have");
  if (value.where == Where::contents && uint64_t(count) > value.contents.size())
    throw Failure(WEFT_E_INVALID, "fewer contents than elements: " + value.name);
  value.count = count;
  value.bytes = uint64_t(count) * element_size(value.dtype);
}

void Island::set_shapes(const int64_t* slots) {
  is_fresh_ = false;
  for (Value& value : values)
    if (value.dynamic || value.count < 0) set_shape(value, slots);
}

bool Island::refresh(const int64_t* slots) {
  if (!slots_.empty() && !slots) throw Failure(WEFT_E_INVALID, "execute without slot values");
  if (is_fresh_ && std::equal(slots_.begin(), slots_.end(), slots)) return false;
  set_shapes(slots);
  workspace_bytes_ = 0;
  for (Value& value : values) {
    if (value.where != Where::workspace && value.where != Where::view) continue;
    const int64_t offset = eval(value.offset_dim, slots);
    if (offset < 0 || offset % std::max(1u, element_size(value.dtype)))
      throw Failure(WEFT_E_INVALID, "the offset of " + value.name + " is not one of its elements");
    value.offset = uint64_t(offset);
    const uint64_t end = value.offset + value.bytes;
    if (value.where == Where::workspace) {
      workspace_bytes_ = std::max(workspace_bytes_, end);
    } else if (end > values[value.index].bytes) {
      throw Failure(WEFT_E_INVALID, "a view reaches outside its parent: " + value.name);
    }
  }
  std::copy_n(slots, slots_.size(), slots_.begin());
  is_fresh_ = true;
  return true;
}

void check_counts(const weft_execute_args& args, size_t inputs, size_t outputs) {
  if (args.input_count != inputs || args.output_count != outputs)
    throw Failure(WEFT_E_INVALID,
                  text("the program has %zu inputs and %zu outputs, execute gives %u and %u",
                       inputs, outputs, args.input_count, args.output_count));
}

void check_workspace(const weft_execute_args& args, uint64_t size, uint64_t values,
                     uint64_t scratch) {
  const auto fits = [&](uint64_t offset, uint64_t bytes) {
    return bytes == 0 || (offset <= size && bytes <= size - offset);
  };
  if (!fits(args.workspace_offset, values) || !fits(args.scratch_offset, scratch))
    throw Failure(
        WEFT_E_INVALID,
        text("the workspace is too small: values take %llu bytes, scratch %llu",
             static_cast<unsigned long long>(values), static_cast<unsigned long long>(scratch)));
}

void Island::check_bound(const weft_view& view, uint32_t v) const {
  const Value& value = values[v];
  const char* name = value.name.c_str();
  if (view.dtype != value.dtype || view.rank != value.rank)
    throw Failure(WEFT_E_INVALID,
                  text("%s is %s of rank %u, the view is %s of rank %u", name,
                       dtype_name(value.dtype), value.rank, dtype_name(view.dtype), view.rank));
  for (uint32_t d = 0; d < value.rank; d++)
    if (view.shape[d] != value.shape[d])
      throw Failure(WEFT_E_INVALID, text("dim %u of %s is %lld, of the view %lld", d, name,
                                         static_cast<long long>(value.shape[d]),
                                         static_cast<long long>(view.shape[d])));
}

}  // namespace weft::common
