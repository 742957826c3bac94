// The reference plugin through the ABI, on graphs small enough to check by hand.
#include <gtest/gtest.h>

#include "tests/plugins/harness.h"

namespace weft::test {
namespace {

TEST(Reference, runs_a_matmul_and_a_relu_through_the_abi) {
  Graph g;
  const uint32_t x = g.input("x", Data::floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  const uint32_t w = g.constant("w", Data::floats({3, 2}, {1, -1, 0, 1, 1, -2}));
  const uint32_t h = g.activation("h", WEFT_F32, {2, 2});
  const uint32_t y = g.activation("y", WEFT_F32, {2, 2});
  g.node("MatMul", {x, w}, {h});
  g.node("Relu", {h}, {y});
  g.outputs = {y};
  Device reference("reference");
  EXPECT_EQ(reference.run(g)[0].floats(), (std::vector<float>{4, 0, 10, 0}));
}

TEST(Reference, claims_every_node_it_knows_and_says_why_not) {
  Graph g;
  const uint32_t x = g.input("x", Data::floats({2}, {1, 2}));
  const uint32_t y = g.activation("y", WEFT_F32, {2});
  const uint32_t z = g.activation("z", WEFT_F32, {2});
  g.node("Relu", {x}, {y});
  g.node("Relux", {y}, {z});
  g.outputs = {z};
  std::vector<std::vector<uint32_t>> claimed;
  Device reference("reference");
  const std::vector<Refused> refused = reference.claim(g, &claimed);
  EXPECT_EQ(claimed, (std::vector<std::vector<uint32_t>>{{0}}));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].node, 1u);
  EXPECT_EQ(refused[0].code, WEFT_REFUSE_OP);
}

TEST(Reference, follows_shapes_from_slots) {
  Graph g;
  const uint32_t seq = g.slot(1, 8);
  const uint32_t x = g.input("x", Data::floats({3, 2}, {1, 2, 3, 4, 5, 6}), {D::slot(seq), D(2)});
  const uint32_t y = g.activation("y", WEFT_F32, {D::slot(seq), D(2)});
  g.node("Neg", {x}, {y});
  g.outputs = {y};
  Device reference("reference");
  RunOptions options;
  options.slots = {3};
  EXPECT_EQ(reference.run(g, options)[0].floats(), (std::vector<float>{-1, -2, -3, -4, -5, -6}));
}

}  // namespace
}  // namespace weft::test
