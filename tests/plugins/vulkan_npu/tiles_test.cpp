// The ways to cut a product: each gives the same bits, and a program remembers which it was.
#include "tests/plugins/vulkan_npu/products.h"

namespace weft::test {
namespace {

// How many there are, found by asking for one too many.
uint32_t choices() {
  uint32_t count = 0;
  while (count < 100) {
    try {
      Npu npu({{"tile", std::to_string(count)}});
    } catch (const std::runtime_error&) {
      return count;
    }
    count++;
  }
  return 0;
}

TEST(VulkanNpuTiles, every_way_to_cut_a_product_gives_the_same_bits) {
  NEEDS_NPU();
  const uint32_t count = choices();
  ASSERT_GE(count, 4u);
  const IntegerCase cases[] = {{1, 1, 1}, {3, 17, 5}, {16, 64, 520}, {9, 1041, 513}, {8, 40, 1030}};
  std::vector<Data> want;
  for (uint32_t number = 0; number < count; number++) {
    Npu npu({{"tile", std::to_string(number)}});
    size_t i = 0;
    for (const IntegerCase& c : cases) {
      for (const bool to_codes : {false, true}) {
        Graph g;
        to_codes ? qlinear_matmul(g, c, 0.05f, true) : matmul_integer(g, c);
        if (number == 0) want.push_back(Device("reference").run(g)[0]);
        EXPECT_EQ(npu.run(g)[0].bytes, want[i++].bytes) << name_of(c) << ", choice " << number;
      }
    }
  }
}

// Enough work to be timed; a stored program brings the choice, and one of another version does not
// count as stored.
TEST(VulkanNpuTiles, a_choice_is_timed_once_and_stored) {
  NEEDS_NPU();
  const IntegerCase large{64, 1024, 1024};
  Graph g;
  matmul_integer(g, large);
  const Data want = Npu().run(g)[0];
  std::vector<char> blob;
  RunOptions save;
  save.save_to = &blob;
  EXPECT_EQ(Npu({{"tile", "3"}}).run(g, save)[0].bytes, want.bytes);
  std::vector<char> again;
  RunOptions stored;
  stored.blob = blob.data();
  stored.blob_size = blob.size();
  stored.save_to = &again;
  EXPECT_EQ(Npu().run(g, stored)[0].bytes, want.bytes);
  EXPECT_EQ(again, blob) << "what was chosen is kept as it was";
}

}  // namespace
}  // namespace weft::test
