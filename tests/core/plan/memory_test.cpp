// Offsets of blocks over lifetimes: never an overlap, and an arena near the least there can be.
#include "core/plan/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace weft::plan {
namespace {

int64_t aligned(int64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

bool live_together(const Block& a, const Block& b) {
  for (int64_t step = a.first; step <= a.last; ++step) {
    if (b.first <= step && step <= b.last) return true;
  }
  return false;
}

// No arena can be smaller than what lives at its fullest step.
int64_t fullest_step(const std::vector<Block>& blocks) {
  int64_t most = 0, last = 0;
  for (const Block& block : blocks) last = std::max(last, block.last);
  for (int64_t step = 0; step <= last; ++step) {
    int64_t sum = 0;
    for (const Block& block : blocks) {
      if (block.first <= step && step <= block.last) sum += aligned(block.size_bytes);
    }
    most = std::max(most, sum);
  }
  return most;
}

int64_t sum_of_sizes(const std::vector<Block>& blocks) {
  int64_t sum = 0;
  for (const Block& block : blocks) sum += aligned(block.size_bytes);
  return sum;
}

void expect_sound(const std::vector<Block>& blocks, int64_t arena) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block& a = blocks[i];
    ASSERT_GE(a.offset, 0);
    ASSERT_EQ(a.offset % kAlignment, 0);
    ASSERT_LE(a.offset + a.size_bytes, arena);
    for (size_t k = i + 1; k < blocks.size(); ++k) {
      const Block& b = blocks[k];
      if (!live_together(a, b) || a.size_bytes == 0 || b.size_bytes == 0) continue;
      ASSERT_TRUE(a.offset + a.size_bytes <= b.offset || b.offset + b.size_bytes <= a.offset)
          << "blocks " << i << " and " << k << " share bytes while both live";
    }
  }
}

std::vector<Block> random_blocks(std::mt19937& random, int count, int steps, int longest) {
  std::vector<Block> blocks;
  for (int i = 0; i < count; ++i) {
    const int64_t first = std::uniform_int_distribution<int>(0, steps)(random);
    const int64_t length = std::uniform_int_distribution<int>(0, longest)(random);
    const int64_t size = std::uniform_int_distribution<int>(0, 10'000)(random);
    blocks.push_back({size, first, first + length, -1});
  }
  return blocks;
}

TEST(Memory, of_no_blocks_is_empty) {
  std::vector<Block> none;
  EXPECT_EQ(assign_offsets(none), 0);
}

TEST(Memory, of_a_chain_is_two_buffers) {
  std::vector<Block> chain;
  for (int i = 0; i < 20; ++i) chain.push_back({1000, i, i + 1, -1});
  EXPECT_EQ(assign_offsets(chain), 2 * aligned(1000));
  expect_sound(chain, 2 * aligned(1000));
}

TEST(Memory, is_reused_as_the_drawing_says) {
  std::vector<Block> blocks = {{640, 0, 1, -1}, {640, 1, 2, -1}, {640, 2, 3, -1}};
  EXPECT_EQ(assign_offsets(blocks), 1280);
  EXPECT_EQ(blocks[0].offset, blocks[2].offset);
  EXPECT_NE(blocks[0].offset, blocks[1].offset);
}

TEST(Memory, fills_a_gap_that_fits) {
  // The small block fits between the two long-lived ones while the middle one is gone.
  std::vector<Block> blocks = {
      {4096, 0, 9, -1}, {2048, 0, 3, -1}, {1024, 0, 9, -1}, {2048, 5, 9, -1}};
  EXPECT_EQ(assign_offsets(blocks), 4096 + 2048 + 1024);
  EXPECT_EQ(blocks[1].offset, blocks[3].offset);
}

TEST(Memory, of_random_lifetimes_never_overlaps_and_is_bounded) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    auto blocks = random_blocks(random, 1 + round % 60, 30, 1 + round % 20);
    const int64_t arena = assign_offsets(blocks);
    expect_sound(blocks, arena);
    EXPECT_GE(arena, fullest_step(blocks));
    EXPECT_LE(arena, sum_of_sizes(blocks));
  }
}

TEST(Memory, of_random_lifetimes_is_within_a_tenth_of_the_least_on_average) {
  std::mt19937 random(11);
  double ratios = 0;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    auto blocks = random_blocks(random, 100, 50, 8);
    const int64_t arena = assign_offsets(blocks);
    ratios += double(arena) / double(fullest_step(blocks));
  }
  EXPECT_LE(ratios / kRounds, 1.1);
}

}  // namespace
}  // namespace weft::plan
