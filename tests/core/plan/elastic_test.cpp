// Places that are expressions: sound at every binding, and as small as proofs allow.
#include "core/plan/elastic.h"

#include <gtest/gtest.h>

#include <random>

#include "core/plan/memory.h"

namespace weft::plan {
namespace {

using sym::Bindings;
using sym::Dim;

const Dim seq = Dim::symbol("seq"), past = Dim::symbol("past"), rows = Dim::symbol("rows");

sym::Bounds decoder() {
  sym::Bounds bounds;
  bounds.set("seq", {1, 512});
  bounds.set("past", {0, 2047});
  bounds.set("rows", {1, 512});
  bounds.set_at_most("rows", "seq");
  return bounds;
}

bool live_together(const ElasticBlock& a, const ElasticBlock& b) {
  return a.first <= b.last && b.first <= a.last;
}

void expect_sound(const std::vector<ElasticBlock>& blocks, const Dim& arena, const Bindings& at) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const int64_t offset = blocks[i].offset.eval(at).value();
    const int64_t size = blocks[i].size_bytes.eval(at).value();
    ASSERT_GE(offset, 0);
    ASSERT_EQ(offset % kAlignment, 0);
    ASSERT_LE(offset + size, arena.eval(at).value());
    for (size_t k = i + 1; k < blocks.size(); ++k) {
      if (!live_together(blocks[i], blocks[k])) continue;
      const int64_t other = blocks[k].offset.eval(at).value();
      ASSERT_TRUE(offset + size <= other || other + blocks[k].size_bytes.eval(at).value() <= offset)
          << "blocks " << i << " and " << k << " share bytes while both live";
    }
  }
}

TEST(Elastic, of_no_blocks_is_empty) {
  std::vector<ElasticBlock> none;
  EXPECT_EQ(assign_elastic_offsets(none, {}), Dim(0));
}

TEST(Elastic, offsets_are_sums_of_sizes) {
  std::vector<ElasticBlock> blocks = {{seq * 64, 0, 1}, {seq * 128, 0, 2}, {seq * 64, 2, 3}};
  EXPECT_EQ(assign_elastic_offsets(blocks, decoder()), seq * 192);
  EXPECT_EQ(blocks[1].offset, Dim(0));
  EXPECT_EQ(blocks[0].offset, seq * 128);
  EXPECT_EQ(blocks[2].offset, seq * 128);
}

TEST(Elastic, sizes_are_rounded_up_to_whole_lines) {
  std::vector<ElasticBlock> blocks = {{seq * 8, 0, 0}};
  const Dim arena = assign_elastic_offsets(blocks, decoder());
  for (const int64_t n : {1, 8, 9, 512})
    EXPECT_EQ(arena.eval({{"seq", n}}), (n * 8 + 63) / 64 * 64) << n;
}

TEST(Elastic, does_not_reuse_what_only_may_be_large_enough) {
  // Whether `past` fits below the last block depends on lengths that do not depend on each other.
  std::vector<ElasticBlock> blocks = {{seq * 64, 0, 0}, {seq * 64, 0, 2}, {past * 64, 1, 1}};
  const Dim arena = assign_elastic_offsets(blocks, decoder());
  for (const int64_t p : {0, 3, 2047}) expect_sound(blocks, arena, {{"seq", 2}, {"past", p}});
}

TEST(Elastic, of_random_blocks_never_overlaps) {
  std::mt19937 random(5);
  const auto below = [&](int end) { return int64_t(random() % unsigned(end)); };
  for (int round = 0; round < 12; ++round) {
    std::vector<ElasticBlock> blocks;
    for (int64_t i = 0; i < 2 + round; ++i) {
      const int64_t first = below(20), factor = 1 + below(300);
      const Dim lengths[] = {seq, rows, past + seq, Dim(1), seq * (past + seq), rows + 3};
      blocks.push_back({lengths[below(6)] * Dim(factor), first, first + below(8)});
    }
    const Dim arena = assign_elastic_offsets(blocks, decoder());
    for (int i = 0; i < 20; ++i) {
      const int64_t n = 1 + (random() % 2 ? below(512) : below(4));
      expect_sound(blocks, arena, {{"seq", n}, {"rows", 1 + below(int(n))}, {"past", below(2048)}});
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace weft::plan
