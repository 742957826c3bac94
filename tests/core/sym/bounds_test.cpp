// Proofs about Dims: never wrong, and strong enough for what the planner asks.
#include "core/sym/bounds.h"

#include <gtest/gtest.h>

#include <random>

namespace weft::sym {
namespace {

const Dim seq = Dim::symbol("seq"), past = Dim::symbol("past");

Bounds decoder() {
  Bounds bounds;
  bounds.set("seq", {1, 512});
  bounds.set("past", {0, 2047});
  return bounds;
}

TEST(Bounds, proves_what_memory_planning_asks) {
  const Bounds bounds = decoder();
  EXPECT_EQ(bounds.ge(seq * 576, seq * 192), Truth::yes);
  EXPECT_EQ(bounds.ge(past + seq, 1), Truth::yes);
  EXPECT_EQ(bounds.ge(seq, 513), Truth::no);
  EXPECT_EQ(bounds.ge(seq, past), Truth::unknown);
}

TEST(Bounds, knows_the_sign_of_rounded_lengths) {
  const Bounds bounds = decoder();
  const Dim blocks = floordiv(seq * 8 + 63, 64);
  EXPECT_EQ(bounds.ge(past + blocks * 64, blocks * 64), Truth::yes);
  EXPECT_EQ(bounds.ge(seq * 576 + blocks, seq * 192), Truth::yes);
}

TEST(Bounds, looks_at_the_corners_of_products) {
  const Bounds bounds = decoder();
  // Each product alone may be 0 or large; together they never are below.
  EXPECT_EQ(bounds.ge(seq * past + 2047, past * 1), Truth::yes);
  EXPECT_EQ(bounds.ge(seq * past, past * 2), Truth::unknown);
}

TEST(Bounds, uses_that_one_symbol_never_exceeds_another) {
  Bounds bounds = decoder();
  const Dim rows = Dim::symbol("rows");
  bounds.set("rows", {1, 512});
  EXPECT_EQ(bounds.ge(seq * 4, rows * 3), Truth::unknown);
  bounds.set_at_most("rows", "seq");
  EXPECT_EQ(bounds.ge(seq * 4, rows * 3), Truth::yes);
  EXPECT_EQ(bounds.ge(seq * 4, rows * 5), Truth::unknown);
  EXPECT_EQ(bounds.ge(past, rows), Truth::unknown);
}

TEST(Bounds, intervals_hold_sums_and_products) {
  const Interval range = decoder().of(seq * past + seq);
  EXPECT_EQ(range.lo, 1);
  EXPECT_EQ(range.hi, 512 * 2047 + 512);
  EXPECT_EQ(decoder().of(Dim::symbol("free")).hi, kUnbounded);
}

TEST(Bounds, answers_agree_with_every_sampled_binding) {
  const Bounds bounds = decoder();
  std::mt19937 rng(3);
  const auto random_dim = [&] {
    Dim dim = int64_t(rng() % 7) - 3;
    dim = dim + seq * (int64_t(rng() % 7) - 3) + past * (int64_t(rng() % 7) - 3);
    if (rng() % 2) dim = dim + floordiv(seq + past, int64_t(rng() % 5) + 1);
    if (rng() % 2) dim = max(dim, seq * 2);
    return dim;
  };
  for (int i = 0; i < 2000; ++i) {
    const Dim a = random_dim(), b = random_dim();
    const Truth answer = bounds.ge(a, b);
    const Interval range = bounds.of(a);
    for (int k = 0; k < 8; ++k) {
      const Bindings at{{"seq", 1 + int64_t(rng() % 512)}, {"past", int64_t(rng() % 2048)}};
      const int64_t x = *a.eval(at), y = *b.eval(at);
      ASSERT_TRUE(range.lo <= x && x <= range.hi) << a.str();
      if (answer == Truth::unknown) continue;
      ASSERT_EQ(answer == Truth::yes, x >= y) << a.str() << " >= " << b.str();
    }
  }
}

}  // namespace
}  // namespace weft::sym
