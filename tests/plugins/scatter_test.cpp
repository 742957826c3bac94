// What the cpu says of an index outside its axis.
#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

TEST(CpuScatter, an_index_outside_is_an_error_in_words) {
  for (const char* op : {"GatherElements", "ScatterElements"}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({3, 4}, 1));
    const uint32_t at = g.input("at", Data::integers({1, 4}, {0, 1, 3, 0}));
    const bool scatters = std::string(op) == "ScatterElements";
    const uint32_t y = g.activation("y", WEFT_F32, {scatters ? 3 : 1, 4});
    std::vector<uint32_t> in = {x, at};
    if (scatters) in.push_back(g.input("u", random_floats({1, 4}, 2)));
    g.node(op, in, {y}, {{"axis", int64_t(0)}});
    g.outputs = {y};
    try {
      Device("cpu").run(g);
      FAIL() << op;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find("index 3"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace weft::test
