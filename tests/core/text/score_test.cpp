// Scores of rows of logits: sums, divergences and statistics, against values worked out by hand and
// against libm in long double.
#include "core/text/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace weft::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_row(size_t size, float spread, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> row(size);
  for (float& logit : row) logit = normal(generator);
  return row;
}

long double exact_log_sum(const std::vector<float>& row) {
  long double sum = 0;
  for (const float logit : row) sum += std::exp((long double)(logit));
  return std::log(sum);
}

long double exact_divergence(const std::vector<float>& a, const std::vector<float>& b) {
  const long double za = exact_log_sum(a), zb = exact_log_sum(b);
  long double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += std::exp((long double)(a[i]) - za) * ((a[i] - za) - (b[i] - zb));
  }
  return sum;
}

double divergence_of(const std::vector<float>& a, const std::vector<float>& b) {
  return divergence(a, log_sum_exp(a), b, log_sum_exp(b));
}

TEST(LogSumExp, IsTheLogarithmOfTheSumOfExponentials) {
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{0}), 0);
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{0, 0, 0, 0}), std::log(4.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{1, 2, 3}),
                   std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)));
}

TEST(LogSumExp, AgreesWithLongDoubleAtEveryLength) {
  for (const size_t size : {1u, 2u, 3u, 4u, 5u, 511u, 512u, 513u, 1027u, 49152u}) {
    for (const float spread : {0.01f, 1.0f, 10.0f, 100.0f}) {
      const auto row = random_row(size, spread, uint32_t(size));
      const double exact = double(exact_log_sum(row));
      EXPECT_NEAR(log_sum_exp(row), exact, 1e-13 * std::max(1.0, std::abs(exact)))
          << size << " logits of spread " << spread;
    }
  }
}

TEST(LogSumExp, DoesNotOverflowAndSeesWhatIsFarBelow) {
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{3e38f, 3e38f}), double(3e38f));
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{-3e38f, 0}), 0);
  std::vector<float> row(100'000, -20);  // each adds 2e-9 of the largest, all of them 2e-4
  row[77'777] = 0;
  EXPECT_NEAR(log_sum_exp(row), std::log1p(99'999 * std::exp(-20.0)), 1e-11);
}

TEST(LogSumExp, PassesOverTokensThatAreRuledOut) {
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{-kInfinity, 2, -kInfinity}), 2);
}

TEST(LogSumExp, IsNanForARowWithoutMeaning) {
  EXPECT_TRUE(std::isnan(log_sum_exp(std::vector<float>{-kInfinity, -kInfinity})));
  EXPECT_TRUE(std::isnan(log_sum_exp(std::vector<float>{kInfinity, 1})));
  for (const size_t at : {0u, 1u, 511u, 512u, 600u}) {
    auto row = random_row(601, 1, 1);
    row[at] = kNan;
    EXPECT_TRUE(std::isnan(log_sum_exp(row))) << at;
  }
}

TEST(Divergence, OfTwoCoinsIsTheTextbooks) {
  // p = (1/2, 1/2), q = (1/4, 3/4): 1/2 log 2 + 1/2 log 2/3
  const std::vector<float> fair{0, 0}, biased{0, float(std::log(3.0))};
  EXPECT_NEAR(divergence_of(fair, biased), 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-7);
  // and the other way round: 1/4 log 1/2 + 3/4 log 3/2
  EXPECT_NEAR(divergence_of(biased, fair), 0.25 * std::log(0.5) + 0.75 * std::log(1.5), 1e-7);
}

TEST(Divergence, OfARowFromItselfIsZeroAndAShiftChangesNothing) {
  const auto row = random_row(49152, 4, 3);
  EXPECT_EQ(divergence_of(row, row), 0);
  std::vector<float> shifted = {1, 2, 3, 4}, plain = {-1, 0, 1, 2};
  EXPECT_NEAR(divergence_of(plain, shifted), 0, 1e-15);
}

TEST(Divergence, AgreesWithLongDoubleAtEveryLength) {
  for (const size_t size : {2u, 3u, 511u, 512u, 513u, 49152u}) {
    const auto a = random_row(size, 3, 5);
    auto b = random_row(size, 0.01f, 6);
    for (size_t i = 0; i < size; ++i) b[i] += a[i];
    EXPECT_NEAR(divergence_of(a, b), double(exact_divergence(a, b)), 1e-14) << size;
  }
}

TEST(Divergence, IsInfiniteOnlyWhereTheModelRulesOutWhatTheReferenceDoesNot) {
  const std::vector<float> all{1, 1, 1}, some{1, -kInfinity, 1};
  EXPECT_NEAR(divergence_of(some, all), std::log(1.5), 1e-15);
  EXPECT_NEAR(divergence_of(some, some), 0, 1e-15);
  EXPECT_EQ(divergence_of(all, some), double(kInfinity));
}

TEST(BestToken, IsTheLowestIdOfTheHighest) {
  EXPECT_EQ(best_token(std::vector<float>{1, 5, 2, 5}), 1);
  EXPECT_EQ(best_token(std::vector<float>{-kInfinity, -1}), 1);
}

TEST(Series, HasTheStatisticsOfItsValues) {
  Series series;
  for (const double value : {3.0, 1.0, 2.0, 6.0}) series.add(value);
  EXPECT_DOUBLE_EQ(series.mean(), 3);
  EXPECT_DOUBLE_EQ(series.standard_error(), std::sqrt((0 + 4 + 1 + 9) / 3.0 / 4.0));
  EXPECT_DOUBLE_EQ(series.largest(), 6);
  EXPECT_EQ(series.values()[2], 2.0);
}

TEST(Series, QuantilesAreNearestRanks) {
  Series series;
  for (int i = 100; i > 0; --i) series.add(i);
  EXPECT_EQ(series.quantile(0.99), 99);
  EXPECT_EQ(series.quantile(0.5), 50);
  EXPECT_EQ(series.quantile(1), 100);
  EXPECT_EQ(series.quantile(0), 1);
  series.add(1000);  // 0.99 of 101 is rank 99.99
  EXPECT_EQ(series.quantile(0.99), 100);
}

TEST(Series, OfOneValueHasNoError) {
  Series series;
  series.add(7);
  EXPECT_EQ(series.mean(), 7);
  EXPECT_EQ(series.standard_error(), 0);
  EXPECT_EQ(series.quantile(0.99), 7);
}

}  // namespace
}  // namespace weft::text
