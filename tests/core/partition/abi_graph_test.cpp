// The plain arrays that plugins see say what the graph says.
#include "core/partition/abi_graph.h"

#include <map>

#include "tests/core/partition/parsed.h"

namespace weft::partition {
namespace {

using ir::Graph;
using ir::ValueId;
using test::parsed;
using test::value_named;

constexpr const char* kGraph = R"(graph "layer" {
  symbol past in [0, 63]
  symbol seq in [1, inf]
  input %x : f32[1, seq, 8]
  state %cache : f32[1, 64, 4]
  const %g : f32[8] = {1, 2, 3, 4, 5, 6, 7, 8}
  const %s : f32[4, 1] = {0.5, 1, 2, 4}
  const %z : u8[4, 1] = bytes 4 id 000000000000000000000000000000bb
  const %w : f32[8, 4] columns quant(u4, block 8, scale %s, zero %z))"
                               R"( = bytes 16 id 000000000000000000000000000000aa
  symbolic %position : i64[1] is {past}
  symbolic %shape : i64[3] is {1, seq, 8}
  %n = RMSNormalization(%x, %g) {axis = -1, epsilon = 0.5, list = [3, 4], word = "tanh"})"
                               R"( : f32[1, seq, 8] "norm"
  %k = MatMul(%n, %w) : f32[1, seq, 4] in %cache at 4*past + 12 "key"
  %c = TensorScatter(%cache, %k, %position, _) {axis = 1} : f32[1, 64, 4] in %cache at 0 "scatter"
  %r = Reshape(%n, %shape) : f32[1, seq, 8] "reshape"
  output "c" = %c
  output "r" = %r
}
)";

class Abi : public testing::Test {
 protected:
  void build(const std::vector<size_t>& nodes, const std::vector<const char*>& outputs,
             const std::vector<uint32_t>& units = {}) {
    std::vector<ir::NodeId> ids;
    for (const size_t i : nodes) ids.push_back(graph.order()[i]);
    std::vector<ValueId> read;
    for (const char* name : outputs) read.push_back(value_named(graph, name));
    abi = std::make_unique<AbiGraph>(
        graph, AbiGraph::Part{ids, units, read, [&](ValueId id) { return places.at(id); }}, slots);
  }
  const weft_value* value(const std::string& name) const {
    for (uint32_t i = 0; i < abi->get().value_count; ++i) {
      if (abi->get().values[i].name == name) return &abi->get().values[i];
    }
    return nullptr;
  }
  uint32_t index(const std::string& name) const {
    return uint32_t(value(name) - abi->get().values);
  }
  int64_t slot_value(weft_dim dim, int64_t past, int64_t seq) const {
    if (dim.slot == WEFT_NONE) return dim.value;
    sym::SlotProgram program(slots);
    program.set("past", past);
    program.set("seq", seq);
    program.evaluate();
    return program.values()[dim.slot];
  }

  const Graph graph = parsed(kGraph);
  sym::SlotTable slots;
  std::map<ValueId, int64_t> places = {{value_named(graph, "n"), 640},
                                       {value_named(graph, "r"), 1280}};
  std::unique_ptr<AbiGraph> abi;
};

TEST_F(Abi, has_nodes_in_order_with_ops_attributes_and_operands) {
  build({0, 1, 2, 3}, {"c", "r"}, {5, 5, 6, 7});
  const weft_graph& g = abi->get();
  ASSERT_EQ(g.struct_size, sizeof(weft_graph));
  ASSERT_EQ(g.node_count, 4u);
  ASSERT_EQ(g.node_stride, sizeof(weft_node));
  EXPECT_STREQ(g.name, "layer");
  const weft_node& norm = g.nodes[0];
  EXPECT_STREQ(norm.op_type, "RMSNormalization");
  EXPECT_STREQ(norm.domain, "");
  EXPECT_STREQ(norm.name, "norm");
  EXPECT_EQ(norm.unit, 5u);
  EXPECT_EQ(g.nodes[3].unit, 7u);
  ASSERT_EQ(norm.attr_count, 4u);
  std::map<std::string, const weft_attr*> attrs;
  for (uint32_t i = 0; i < norm.attr_count; ++i) attrs[norm.attrs[i].name] = &norm.attrs[i];
  EXPECT_EQ(attrs["axis"]->type, uint32_t(WEFT_ATTR_INT));
  EXPECT_EQ(*static_cast<const int64_t*>(attrs["axis"]->data), -1);
  EXPECT_EQ(attrs["epsilon"]->type, uint32_t(WEFT_ATTR_FLOAT));
  EXPECT_EQ(*static_cast<const float*>(attrs["epsilon"]->data), 0.5f);
  ASSERT_EQ(attrs["list"]->type, uint32_t(WEFT_ATTR_INTS));
  ASSERT_EQ(attrs["list"]->count, 2u);
  EXPECT_EQ(static_cast<const int64_t*>(attrs["list"]->data)[1], 4);
  ASSERT_EQ(attrs["word"]->type, uint32_t(WEFT_ATTR_STRING));
  EXPECT_EQ(std::string(static_cast<const char*>(attrs["word"]->data), attrs["word"]->count),
            "tanh");
  const weft_node& scatter = g.nodes[2];
  ASSERT_EQ(scatter.input_count, 4u);
  EXPECT_EQ(scatter.inputs[0], index("cache"));
  EXPECT_EQ(scatter.inputs[3], WEFT_NONE);
  EXPECT_EQ(scatter.outputs[0], index("c"));
}

TEST_F(Abi, lists_what_comes_in_and_what_goes_out) {
  build({0, 1, 2, 3}, {"c", "r"});
  EXPECT_EQ(abi->inputs(),
            (std::vector<ValueId>{value_named(graph, "x"), value_named(graph, "cache")}));
  const weft_graph& g = abi->get();
  ASSERT_EQ(g.input_count, 2u);
  EXPECT_EQ(g.inputs[0], index("x"));
  EXPECT_EQ(g.inputs[1], index("cache"));
  ASSERT_EQ(g.output_count, 2u);
  EXPECT_EQ(g.outputs[1], index("r"));
  EXPECT_EQ(value("x")->flags, uint32_t(WEFT_VALUE_INPUT));
  EXPECT_EQ(value("cache")->flags, uint32_t(WEFT_VALUE_STATE | WEFT_VALUE_INPUT));
  EXPECT_EQ(value("r")->flags, uint32_t(WEFT_VALUE_OUTPUT));
  EXPECT_EQ(value("n")->flags, 0u);
  EXPECT_EQ(g.nodes[0].unit, WEFT_NONE);
}

TEST_F(Abi, of_a_part_reads_what_others_computed) {
  build({1, 2}, {"c"});
  EXPECT_EQ(abi->get().node_count, 2u);
  // In the order in which the nodes of the part mention them.
  EXPECT_EQ(abi->inputs(),
            (std::vector<ValueId>{value_named(graph, "n"), value_named(graph, "cache")}));
  EXPECT_FALSE(value("x"));
  EXPECT_FALSE(value("g"));
}

TEST_F(Abi, gives_dims_as_constants_or_slots) {
  build({0, 1, 2, 3}, {"c", "r"});
  const weft_value& x = *value("x");
  ASSERT_EQ(x.rank, 3u);
  EXPECT_EQ(x.dtype, weft_dtype(WEFT_F32));
  EXPECT_EQ(x.dims[0].slot, WEFT_NONE);
  EXPECT_EQ(x.dims[0].value, 1);
  EXPECT_EQ(x.dims[2].value, 8);
  ASSERT_NE(x.dims[1].slot, WEFT_NONE);
  EXPECT_EQ(slot_value(x.dims[1], 7, 3), 3);
  EXPECT_EQ(value("r")->dims[1].slot, x.dims[1].slot);
  const weft_graph& g = abi->get();
  ASSERT_EQ(g.slot_count, slots.dims().size());
  const weft_slot& seq = g.slots[x.dims[1].slot];
  EXPECT_STREQ(seq.expr, "seq");
  EXPECT_EQ(seq.min, 1);
  EXPECT_EQ(seq.max, -1);
  const weft_slot& past = g.slots[value("position")->contents[0].slot];
  EXPECT_EQ(past.min, 0);
  EXPECT_EQ(past.max, 63);
}

TEST_F(Abi, shows_slots_that_came_later_after_a_refresh) {
  build({3}, {"r"});
  const uint32_t before = abi->get().slot_count;
  slots.slot(ir::Dim::symbol("past") * ir::Dim(3));
  EXPECT_EQ(abi->get().slot_count, before);
  abi->refresh_slots(slots);
  ASSERT_EQ(abi->get().slot_count, before + 1);
  EXPECT_EQ(abi->get().slots[before].max, 189);
}

TEST_F(Abi, gives_contents_of_small_integer_tensors) {
  build({0, 1, 2, 3}, {"c", "r"});
  const weft_value& shape = *value("shape");
  EXPECT_EQ(shape.flags, uint32_t(WEFT_VALUE_CONTENTS));
  EXPECT_EQ(shape.dtype, weft_dtype(WEFT_I64));
  ASSERT_EQ(shape.contents_count, 3u);
  EXPECT_EQ(slot_value(shape.contents[0], 7, 3), 1);
  EXPECT_EQ(slot_value(shape.contents[1], 7, 3), 3);
  EXPECT_EQ(slot_value(shape.contents[2], 7, 3), 8);
  EXPECT_EQ(value("x")->contents_count, 0u);
}

TEST_F(Abi, places_activations_and_views) {
  build({0, 1, 2, 3}, {"c", "r"});
  EXPECT_EQ(value("n")->parent, WEFT_NONE);
  EXPECT_EQ(value("n")->offset.slot, WEFT_NONE);
  EXPECT_EQ(value("n")->offset.value, 640);
  const weft_value& k = *value("k");
  EXPECT_EQ(k.flags, uint32_t(WEFT_VALUE_VIEW));
  EXPECT_EQ(k.parent, index("cache"));
  EXPECT_EQ(slot_value(k.offset, 7, 3), 4 * (4 * 7 + 12));  // in bytes
  const weft_value& c = *value("c");
  EXPECT_EQ(c.flags, uint32_t(WEFT_VALUE_VIEW | WEFT_VALUE_OUTPUT));
  EXPECT_EQ(c.offset.slot, WEFT_NONE);
  EXPECT_EQ(c.offset.value, 0);
}

TEST_F(Abi, describes_constants_and_their_codes) {
  build({0, 1, 2, 3}, {"c", "r"});
  const weft_value& g = *value("g");
  EXPECT_EQ(g.flags, uint32_t(WEFT_VALUE_CONSTANT));
  ASSERT_EQ(g.data_size, 32u);
  EXPECT_EQ(static_cast<const float*>(g.data)[7], 8.0f);
  EXPECT_EQ(g.order, uint32_t(WEFT_ROW_MAJOR));
  EXPECT_FALSE(g.quant);
  const weft_value& w = *value("w");
  EXPECT_EQ(w.dtype, weft_dtype(WEFT_F32));  // of the reals, not of the codes
  EXPECT_EQ(w.order, uint32_t(WEFT_COLUMN_MAJOR));
  EXPECT_NE(w.content_id[0] | w.content_id[1], 0u);
  ASSERT_TRUE(w.quant);
  EXPECT_EQ(w.quant->struct_size, sizeof(weft_quant));
  EXPECT_EQ(w.quant->scheme, uint32_t(WEFT_Q_AFFINE));
  EXPECT_EQ(w.quant->storage, weft_dtype(WEFT_U4));
  EXPECT_EQ(w.quant->block, 8u);
  EXPECT_EQ(w.quant->scale_value, index("s"));
  EXPECT_EQ(w.quant->zero_point_value, index("z"));
  EXPECT_EQ(w.quant->codebook_value, WEFT_NONE);
  EXPECT_EQ(value("z")->dtype, weft_dtype(WEFT_U8));
}

}  // namespace
}  // namespace weft::partition
