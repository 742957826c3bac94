// A fingerprint changes with all that a plugin may compile in, and with nothing else.
#include "core/partition/fingerprint.h"

#include "core/partition/abi_graph.h"
#include "tests/core/partition/parsed.h"

namespace weft::partition {
namespace {

using ir::Graph;
using test::parsed;
using test::with;

constexpr const char* kBase = R"(graph "part" {
  symbol past in [0, 63]
  symbol seq in [1, 16]
  input %x : f32[1, seq, 8]
  state %cache : f32[1, 64, 4]
  const %g : f32[8] = bytes 32 id 0000000000000000000000000000000a
  const %s : f32[4, 1] = bytes 16 id 0000000000000000000000000000000b
  const %w : f32[8, 4] columns quant(u4, block 8, scale %s, zero 8.0))"
                              R"( = bytes 16 id 0000000000000000000000000000000c
  symbolic %position : i64[1] is {past}
  %n = RMSNormalization(%x, %g) {axis = -1, epsilon = 0.5} : f32[1, seq, 8] "norm"
  %k = MatMul(%n, %w) : f32[1, seq, 4] in %cache at 4*past "key"
  %c = TensorScatter(%cache, %k, %position) {axis = 1} : f32[1, 64, 4] in %cache at 0 "scatter"
  output "c" = %c
}
)";

Hash128 fingerprint_of(const std::string& text, const OffsetOf& offset_of = {},
                       std::vector<uint32_t> units = {}) {
  const Graph graph = parsed(text);
  if (graph.order().empty()) return {};
  std::vector<ir::ValueId> outputs;
  for (const ir::Output& output : graph.outputs) outputs.push_back(output.value);
  sym::SlotTable slots;
  const AbiGraph abi(graph, {graph.order(), units, outputs, offset_of}, slots);
  return fingerprint(abi.get());
}

struct Change {
  const char* what;
  const char* from;
  const char* to;
};

TEST(Fingerprint, is_the_same_for_the_same_graph) {
  EXPECT_EQ(fingerprint_of(kBase), fingerprint_of(kBase));
  EXPECT_NE(fingerprint_of(kBase), Hash128{});
}

TEST(Fingerprint, does_not_depend_on_names) {
  for (const Change& same :
       {Change{"graph", "graph \"part\"", "graph \"other\""},
        Change{"node", "\"norm\"", "\"layer.7.norm\""}, Change{"input", "input %x", "input %y"},
        Change{"constant", "const %g", "const %gain"}}) {
    std::string text = with(kBase, same.from, same.to);
    if (std::string(same.what) == "input") text = with(text, "(%x, ", "(%y, ");
    if (std::string(same.what) == "constant") text = with(text, ", %g)", ", %gain)");
    EXPECT_EQ(fingerprint_of(text), fingerprint_of(kBase)) << same.what;
  }
}

TEST(Fingerprint, changes_with_everything_else) {
  const Change changes[] = {
      {"a real attribute", "epsilon = 0.5", "epsilon = 0.25"},
      {"an integer attribute", "{axis = 1}", "{axis = -2}"},
      {"a missing attribute", "{axis = -1, epsilon = 0.5}", "{axis = -1}"},
      {"an attribute's name", "{axis = 1}", "{mode = 1}"},
      {"a constant's content", "id 0000000000000000000000000000000a",
       "id 0000000000000000000000000000000d"},
      {"the codes", "id 0000000000000000000000000000000c", "id 1000000000000000000000000000000c"},
      {"the scales", "id 0000000000000000000000000000000b", "id 0000000000000000000000000000000e"},
      {"the storage of codes", "quant(u4", "quant(i4"},
      {"the block", "block 8", "block 4"},
      {"the zero point", "zero 8.0", "zero 7.0"},
      {"the order of a constant", "] columns quant", "] quant"},
      {"a slot's upper bound", "past in [0, 63]", "past in [0, 62]"},
      {"a slot's lower bound", "seq in [1, 16]", "seq in [2, 16]"},
      {"a dim", "input %x : f32[1, seq, 8]", "input %x : f32[1, seq, 16]"},
      {"a dim's expression", "input %x : f32[1, seq, 8]", "input %x : f32[1, 2*seq, 8]"},
      {"a dtype", "input %x : f32", "input %x : f16"},
      {"the contents of an integer tensor", "is {past}", "is {past + 1}"},
      {"the place of a view", "at 4*past", "at 8*past"},
      {"the kind of a value", "state %cache", "input %cache"},
      {"an op", "RMSNormalization(%x, %g)", "Mul(%x, %g)"},
      {"an operand", "MatMul(%n, %w)", "MatMul(%x, %w)"},
      {"an output", "output \"c\" = %c", "output \"c\" = %n"},
  };
  std::map<Hash128, std::string> seen = {{fingerprint_of(kBase), "nothing"}};
  for (const Change& change : changes) {
    const Hash128 hash = fingerprint_of(with(kBase, change.from, change.to));
    const auto [entry, fresh] = seen.emplace(hash, change.what);
    EXPECT_TRUE(fresh) << change.what << " looks like " << entry->second;
  }
}

TEST(Fingerprint, changes_with_places_and_units) {
  const auto at = [](int64_t offset) { return [=](ir::ValueId) { return offset; }; };
  const Hash128 placed = fingerprint_of(kBase, at(64));
  EXPECT_NE(placed, fingerprint_of(kBase));
  EXPECT_NE(placed, fingerprint_of(kBase, at(128)));
  EXPECT_NE(fingerprint_of(kBase, at(64), {0, 0, 1}), fingerprint_of(kBase, at(64), {0, 1, 1}));
}

}  // namespace
}  // namespace weft::partition
