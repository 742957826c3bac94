// What opencl does otherwise than other backends: indices outside an axis, experts that are
// computed, and kernels that few graphs need.
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(OpenclEdges);

// Kernels of few graphs are a program of their own: its binary travels in the blob with the other.
TEST_P(OpenclEdges, a_blob_brings_rare_kernels_back_and_one_without_them_is_enough) {
  Graph common = unary("Neg", 5), rare;
  const uint32_t x = rare.input("x", Data::floats({1, 4}, {3, 9, -2, 4}));
  const uint32_t at = rare.activation("at", WEFT_I64, {1, 2});
  rare.node("TopK", {x, rare.contents("k", {2})}, {WEFT_NONE, at});
  rare.outputs = {at};
  const std::vector<int64_t> want = {1, 3};
  std::vector<char> few, all;
  RunOptions save;
  save.save_to = &few;
  open().run(common, save);
  save.save_to = &all;
  EXPECT_EQ(open().run(rare, save)[0].integers(), want);
  EXPECT_GT(all.size(), few.size());
  for (const std::vector<char>& blob : {few, all}) {
    RunOptions load;
    load.blob = blob.data();
    load.blob_size = blob.size();
    EXPECT_EQ(open().run(rare, load)[0].integers(), want);
  }
}

TEST_P(OpenclEdges, an_index_outside_its_axis_reads_the_nearest_inside) {
  Graph g;
  const uint32_t x = g.input("x", Data::floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  const uint32_t at = g.input("at", Data::integers({2}, {7, -9}));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 2});
  g.node("Gather", {x, at}, {y});
  g.outputs = {y};
  EXPECT_EQ(device().run(g)[0].floats(), (std::vector<float>{5, 6, 1, 2}));
}

TEST_P(OpenclEdges, refuses_weights_of_experts_that_are_computed) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 1, 8}, 1));
  const uint32_t w = g.input("w", random_floats({5, 8, 3}, 2));
  const uint32_t experts = g.input("experts", Data::integers({2, 1}, {0, 1}));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 1, 3});
  g.node("ExpertMatMul", {x, w, experts}, {y}, {}, "weft");
  g.outputs = {y};
  const std::vector<Refused> refused = device().claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].why, "the weights of experts must be a constant");
}

}  // namespace
}  // namespace weft::test
