#include "core/partition/abi_graph.h"

#include <set>

#include "core/ops/op_def.h"

namespace weft::partition {

using ir::Dim;
using ir::NodeId;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;

AbiGraph::AbiGraph(const ir::Graph& graph, const Part& part, sym::SlotTable& slots)
    : graph_(graph), slots_(slots), outputs_(part.outputs.begin(), part.outputs.end()) {
  nodes_.reserve(part.nodes.size());
  for (size_t i = 0; i < part.nodes.size(); ++i) {
    add_node(part.nodes[i], part.units.empty() ? WEFT_NONE : part.units[i]);
  }
  // Describing a value may bring in more (scales, parents), so the list grows while it is walked.
  std::set<NodeId> inside(part.nodes.begin(), part.nodes.end());
  for (size_t i = 0; i < order_.size(); ++i) {
    const Value& value = graph_[order_[i]];
    const bool outside = value.kind == ValueKind::input || value.kind == ValueKind::state ||
                         (value.kind == ValueKind::activation && !inside.contains(value.producer));
    if (outside) inputs_.push_back(order_[i]);
    describe(order_[i], uint32_t(i), part);
  }
  for (const ValueId id : inputs_) values_[index_[id]].flags |= WEFT_VALUE_INPUT;
  for (const ValueId id : outputs_) values_[index_[id]].flags |= WEFT_VALUE_OUTPUT;

  abi_.struct_size = sizeof abi_;
  abi_.node_count = uint32_t(nodes_.size());
  abi_.node_stride = sizeof(weft_node);
  abi_.value_count = uint32_t(values_.size());
  abi_.value_stride = sizeof(weft_value);
  abi_.slot_stride = sizeof(weft_slot);
  abi_.input_count = uint32_t(inputs_.size());
  abi_.output_count = uint32_t(outputs_.size());
  abi_.nodes = nodes_.data();
  abi_.values = values_.data();
  abi_.inputs = indices(inputs_);
  abi_.outputs = indices(outputs_);
  abi_.name = graph_.name.c_str();
  refresh_slots(slots);
}

void AbiGraph::refresh_slots(const sym::SlotTable& slots) {
  slot_rows_.clear();
  for (const Dim& value : slots.dims()) {
    const sym::Interval range = graph_.bounds.of(value);
    texts_.push_back(value.str());
    slot_rows_.push_back(
        {texts_.back().c_str(), range.lo, range.hi == sym::kUnbounded ? int64_t(-1) : range.hi});
  }
  abi_.slot_count = uint32_t(slot_rows_.size());
  abi_.slots = slot_rows_.data();
}

uint32_t AbiGraph::index_of(ValueId id) {
  if (id == ValueId::none) return WEFT_NONE;
  const auto [entry, fresh] = index_.emplace(id, uint32_t(order_.size()));
  if (fresh) {
    order_.push_back(id);
    values_.emplace_back();
  }
  return entry->second;
}

void AbiGraph::describe(ValueId id, uint32_t index, const Part& part) {
  const Value& value = graph_[id];
  weft_value out{};
  out.name = value.name.c_str();
  out.dtype = weft_dtype(value.type.dtype);
  out.rank = uint32_t(value.type.shape.size());
  out.dims = dims(value.type.shape);
  out.parent = WEFT_NONE;
  out.offset = {0, WEFT_NONE, 0};
  out.fd = -1;
  switch (value.kind) {
    case ValueKind::constant:
      describe_constant(value, out);
      break;
    case ValueKind::state:
      out.flags |= WEFT_VALUE_STATE;
      break;
    case ValueKind::symbolic:
      out.flags |= WEFT_VALUE_CONTENTS;
      out.contents = dims(*value.contents);
      out.contents_count = uint32_t(value.contents->size());
      break;
    case ValueKind::input:
      break;
    case ValueKind::activation:
      if (value.placement && (!part.is_placed || part.is_placed(id))) {
        out.flags |= WEFT_VALUE_VIEW;
        out.parent = index_of(value.placement->parent);
        out.offset = dim(value.placement->offset * Dim(ir::size_bytes(value.type.dtype, 1)));
      } else if (part.offset_of) {
        out.offset = dim(part.offset_of(id));
      }
      break;
  }
  values_[index] = out;
}

void AbiGraph::describe_constant(const Value& value, weft_value& out) {
  out.flags |= WEFT_VALUE_CONSTANT;
  out.order = value.column_major ? WEFT_COLUMN_MAJOR : WEFT_ROW_MAJOR;
  out.data = value.constant->bytes.data();
  out.data_size = value.constant->bytes.size();
  out.content_id[0] = value.constant->content_id[0];
  out.content_id[1] = value.constant->content_id[1];
  if (!value.quantization) return;
  const ir::Quantization& q = *value.quantization;
  weft_quant quant{};
  quant.struct_size = sizeof quant;
  quant.scheme = WEFT_Q_AFFINE;
  quant.storage = weft_dtype(q.storage);
  quant.block = uint32_t(q.block);
  quant.scale_value = index_of(q.scale);
  quant.zero_point_value = index_of(q.zero_point);
  quant.codebook_value = WEFT_NONE;
  quant.zero = q.zero;
  quants_.push_back(quant);
  out.quant = &quants_.back();
}

namespace {

weft_attr attribute(const std::string& name, const ir::AttrValue& value,
                    std::deque<std::vector<float>>& floats) {
  weft_attr out{};
  out.name = name.c_str();
  if (const auto* i = std::get_if<int64_t>(&value)) {
    out = {out.name, WEFT_ATTR_INT, 1, i};
  } else if (const auto* f = std::get_if<double>(&value)) {
    floats.push_back({float(*f)});
    out = {out.name, WEFT_ATTR_FLOAT, 1, floats.back().data()};
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    out = {out.name, WEFT_ATTR_STRING, uint32_t(s->size()), s->c_str()};
  } else if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
    out = {out.name, WEFT_ATTR_INTS, uint32_t(is->size()), is->data()};
  } else {
    const auto& fs = std::get<std::vector<double>>(value);
    floats.emplace_back(fs.begin(), fs.end());
    out = {out.name, WEFT_ATTR_FLOATS, uint32_t(fs.size()), floats.back().data()};
  }
  return out;
}

}  // namespace

void AbiGraph::add_node(NodeId id, uint32_t unit) {
  const ir::Node& node = graph_[id];
  const ops::OpDef& def = ops::def(node.op);
  attr_lists_.emplace_back();
  for (const auto& [name, value] : node.attrs) {
    attr_lists_.back().push_back(attribute(name, value, float_lists_));
  }
  weft_node out{};
  out.name = node.name.c_str();
  out.domain = def.domain;
  out.op_type = def.name;
  out.since_version = uint32_t(def.since_version);
  out.unit = unit;
  out.inputs = indices(node.inputs);
  out.outputs = indices(node.outputs);
  out.attrs = attr_lists_.back().data();
  out.input_count = uint32_t(node.inputs.size());
  out.output_count = uint32_t(node.outputs.size());
  out.attr_count = uint32_t(attr_lists_.back().size());
  out.attr_stride = sizeof(weft_attr);
  nodes_.push_back(out);
}

weft_dim AbiGraph::dim(const Dim& value) {
  if (value.is_constant()) return {value.constant(), WEFT_NONE, 0};
  return {0, slots_.slot(value), 0};
}

const weft_dim* AbiGraph::dims(std::span<const Dim> values) {
  dim_lists_.emplace_back();
  for (const Dim& value : values) dim_lists_.back().push_back(dim(value));
  return dim_lists_.back().data();
}

const uint32_t* AbiGraph::indices(std::span<const ValueId> ids) {
  index_lists_.emplace_back();
  for (const ValueId id : ids) index_lists_.back().push_back(index_of(id));
  return index_lists_.back().data();
}

}  // namespace weft::partition
