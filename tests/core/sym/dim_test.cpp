// Dims: algebra that can be read, and random expressions against plain integer arithmetic.
#include "core/sym/dim.h"

#include <gtest/gtest.h>

#include <random>

namespace weft::sym {
namespace {

const Dim seq = Dim::symbol("seq"), past = Dim::symbol("past");

TEST(Dim, equal_expressions_have_one_normal_form) {
  EXPECT_EQ((seq + past) * 2 - past, seq * 2 + past);
  EXPECT_EQ((seq + 1) * (seq - 1), seq * seq - 1);
  EXPECT_EQ(seq - seq, Dim(0));
  EXPECT_EQ(max(seq, past), max(past, seq));
}

TEST(Dim, prints_in_reading_order_and_reads_back) {
  const Dim dim = seq * past * 2 - seq + floordiv(seq + past, 64) - 3;
  EXPECT_EQ(dim.str(), "2*past*seq - seq + floordiv(past + seq, 64) - 3");
  EXPECT_EQ(*Dim::parse(dim.str()), dim);
}

TEST(Dim, divides_exactly_or_says_no) {
  EXPECT_EQ(divide_exactly(seq * past * 6 + seq * 4, seq * 2), past * 3 + 2);
  EXPECT_EQ(divide_exactly(seq * seq - 1, seq + 1), seq - 1);
  EXPECT_FALSE(divide_exactly(seq + 1, Dim(2)));
  EXPECT_FALSE(divide_exactly(seq, past));
  EXPECT_FALSE(divide_exactly(seq, Dim(0)));
}

TEST(Dim, floor_division_takes_out_what_divides) {
  EXPECT_EQ(floordiv(seq * 64 + 65, 64), seq + 1);
  EXPECT_EQ(mod(seq * 64 + 65, 64), Dim(1));
  EXPECT_EQ(ceildiv(seq * 64 + 1, 64), seq + 1);
  EXPECT_EQ(floordiv(Dim(-1), 64), Dim(-1));
}

TEST(Dim, substitutes_inside_atoms) {
  EXPECT_EQ(floordiv(seq + past, 8).substitute({{"past", Dim(8)}}), floordiv(seq, 8) + 1);
  EXPECT_EQ(max(seq, past).substitute({{"past", seq + 1}}), seq + 1);
}

TEST(Dim, arithmetic_saturates_instead_of_wrapping) {
  EXPECT_EQ(Dim(INT64_MAX) + Dim(1), Dim(INT64_MAX));
  EXPECT_EQ(Dim(INT64_MAX) * Dim(2), Dim(INT64_MAX));
}

TEST(Dim, evaluation_needs_every_symbol_and_a_positive_divisor) {
  EXPECT_EQ((seq + past).eval({{"seq", 1}}), std::nullopt);
  EXPECT_EQ(floordiv(seq, past).eval({{"seq", 1}, {"past", 0}}), std::nullopt);
  EXPECT_EQ(((seq + past) * 128).eval({{"seq", 1}, {"past", 7}}), 1024);
}

TEST(DimParse, names_what_is_wrong) {
  EXPECT_EQ(Dim::parse("past_sequence_length + sequence_length").ok(), true);
  EXPECT_FALSE(Dim::parse("").ok());
  EXPECT_FALSE(Dim::parse("a +").ok());
  EXPECT_FALSE(Dim::parse("99999999999999999999").ok());
  EXPECT_FALSE(Dim::parse("foo(a, b)").ok());
  EXPECT_FALSE(Dim::parse(std::string(100000, '(')).ok());
  EXPECT_NE(Dim::parse("a ? b").error().message.find('?'), std::string::npos);
}

// A random expression and the integer it must have at seq = s, past = p.
struct Random {
  Dim dim;
  int64_t value;
};

Random random_expression(std::mt19937& rng, int64_t s, int64_t p, int depth) {
  if (depth == 0) {
    switch (rng() % 3) {
      case 0:
        return {seq, s};
      case 1:
        return {past, p};
      default: {
        const int64_t c = int64_t(rng() % 21) - 10;
        return {Dim(c), c};
      }
    }
  }
  const Random a = random_expression(rng, s, p, depth - 1),
               b = random_expression(rng, s, p, depth - 1);
  const int64_t k = int64_t(rng() % 9) + 1;
  const int64_t quotient = a.value / k - (a.value % k != 0 && a.value < 0 ? 1 : 0);
  switch (rng() % 7) {
    case 0:
      return {a.dim + b.dim, a.value + b.value};
    case 1:
      return {a.dim - b.dim, a.value - b.value};
    case 2:
      return {a.dim * b.dim, a.value * b.value};
    case 3:
      return {floordiv(a.dim, k), quotient};
    case 4:
      return {mod(a.dim, k), a.value - quotient * k};
    case 5:
      return {max(a.dim, b.dim), std::max(a.value, b.value)};
    default:
      return {min(a.dim, b.dim), std::min(a.value, b.value)};
  }
}

TEST(Dim, random_expressions_evaluate_as_integers_do_and_survive_printing) {
  std::mt19937 rng(7);
  for (int i = 0; i < 3000; ++i) {
    const int64_t s = int64_t(rng() % 40), p = int64_t(rng() % 40);
    const Random r = random_expression(rng, s, p, 1 + i % 4);
    const Bindings at{{"seq", s}, {"past", p}};
    ASSERT_EQ(r.dim.eval(at), r.value) << r.dim.str();
    const auto back = Dim::parse(r.dim.str());
    ASSERT_TRUE(back.ok()) << r.dim.str() << ": " << back.error().message;
    ASSERT_EQ(*back, r.dim) << r.dim.str();
    ASSERT_EQ(r.dim.substitute({{"seq", Dim(s)}, {"past", Dim(p)}}), Dim(r.value)) << r.dim.str();
  }
}

}  // namespace
}  // namespace weft::sym
