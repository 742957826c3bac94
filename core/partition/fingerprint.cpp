#include "core/partition/fingerprint.h"

#include <cstring>
#include <string>

namespace weft::partition {

namespace {

// A flat description of the graph: numbers and texts, each with its length where that varies.
class Description {
 public:
  void number(int64_t value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    text_.append(bytes, sizeof value);
  }
  void text(const char* value) {
    number(int64_t(std::strlen(value)));
    text_ += value;
  }
  void bytes(const void* data, size_t size) {
    number(int64_t(size));
    text_.append(static_cast<const char*>(data), size);
  }
  void dim(const weft_dim& value) {
    number(value.value);
    number(value.slot);
  }
  void indices(const uint32_t* list, uint32_t count) {
    number(count);
    for (uint32_t i = 0; i < count; ++i) number(list[i]);
  }
  Hash128 hash() const { return hash128(std::string_view(text_)); }

 private:
  std::string text_;
};

size_t attribute_bytes(const weft_attr& attr) {
  switch (attr.type) {
    case WEFT_ATTR_FLOAT:
    case WEFT_ATTR_FLOATS:
      return attr.count * sizeof(float);
    case WEFT_ATTR_STRING:
      return attr.count;
    default:
      return attr.count * sizeof(int64_t);
  }
}

void add_node(Description& out, const weft_node& node) {
  out.text(node.domain);
  out.text(node.op_type);
  out.number(node.since_version);
  out.number(node.unit);
  out.indices(node.inputs, node.input_count);
  out.indices(node.outputs, node.output_count);
  for (uint32_t i = 0; i < node.attr_count; ++i) {
    const weft_attr& attr = *WEFT_AT(weft_attr, node.attrs, node.attr_stride, i);
    out.text(attr.name);
    out.number(attr.type);
    out.bytes(attr.data, attribute_bytes(attr));
  }
}

void add_value(Description& out, const weft_value& value) {
  out.number(value.dtype);
  out.number(value.flags);
  out.number(value.order);
  out.number(value.parent);
  out.dim(value.offset);
  out.number(value.rank);
  for (uint32_t i = 0; i < value.rank; ++i) out.dim(value.dims[i]);
  out.number(value.contents_count);
  for (uint32_t i = 0; i < value.contents_count; ++i) out.dim(value.contents[i]);
  out.bytes(value.content_id, sizeof value.content_id);
  if (!value.quant) return;
  out.number(value.quant->scheme);
  out.number(value.quant->storage);
  out.number(value.quant->block);
  out.number(value.quant->scale_value);
  out.number(value.quant->zero_point_value);
  out.number(value.quant->codebook_value);
  out.bytes(&value.quant->zero, sizeof value.quant->zero);
}

}  // namespace

Hash128 fingerprint(const weft_graph& graph) {
  Description out;
  for (uint32_t i = 0; i < graph.node_count; ++i) {
    add_node(out, *WEFT_AT(weft_node, graph.nodes, graph.node_stride, i));
  }
  for (uint32_t i = 0; i < graph.value_count; ++i) {
    add_value(out, *WEFT_AT(weft_value, graph.values, graph.value_stride, i));
  }
  for (uint32_t i = 0; i < graph.slot_count; ++i) {
    const weft_slot& slot = *WEFT_AT(weft_slot, graph.slots, graph.slot_stride, i);
    out.text(slot.expr);
    out.number(slot.min);
    out.number(slot.max);
  }
  out.indices(graph.inputs, graph.input_count);
  out.indices(graph.outputs, graph.output_count);
  return out.hash();
}

}  // namespace weft::partition
