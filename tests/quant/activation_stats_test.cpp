#include "quant/activation_stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace weft::quant {
namespace {

struct Sample {
  static constexpr int64_t kChannels = 24, kRows = 400;
  std::vector<float> x;
  std::vector<double> energy;

  Sample() : x(size_t(kChannels * kRows)), energy(size_t(kChannels)) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    for (float& one : x) one = normal(random);
    for (size_t row = 0; row < size_t(kRows); ++row) x[row * kChannels + 7] *= 30;  // a hot channel
    for (double& one : energy) one = 0.5 + std::abs(double(normal(random)));
  }
  ActivationStats stats() const {
    ActivationStats out(kChannels, energy);
    // In two parts, as windows come.
    EXPECT_TRUE(out.add(std::span(x).first(size_t(kChannels) * 100)));
    EXPECT_TRUE(out.add(std::span(x).subspan(size_t(kChannels) * 100)));
    return out;
  }
  double noise(double step, bool clipped) const {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double code = std::nearbyint(double(x[i]) / step);
      if (clipped) code = std::clamp(code, -128.0, 127.0);
      const double error = double(x[i]) - code * step;
      sum += error * error * energy[i % kChannels];
    }
    return sum / double(kRows);
  }
};

TEST(ActivationStats, largest_magnitudes_are_exact) {
  const Sample sample;
  const auto stats = sample.stats();
  std::vector<float> expected(size_t(Sample::kChannels), 0.0f);
  for (size_t i = 0; i < sample.x.size(); ++i) {
    float& one = expected[i % Sample::kChannels];
    one = std::max(one, std::abs(sample.x[i]));
  }
  const auto largest = stats.largest_of_channels();
  EXPECT_TRUE(std::equal(largest.begin(), largest.end(), expected.begin()));
  EXPECT_EQ(stats.largest(), *std::max_element(expected.begin(), expected.end()));
  EXPECT_EQ(stats.rows(), Sample::kRows);
}

TEST(ActivationStats, quantiles_are_right_to_a_part_in_128) {
  const Sample sample;
  const auto stats = sample.stats();
  std::vector<float> sorted;
  for (const float one : sample.x) sorted.push_back(std::abs(one));
  std::sort(sorted.begin(), sorted.end());
  for (const double share : {0.1, 0.5, 0.9, 0.99, 0.999}) {
    const float exact = sorted[size_t(std::ceil(share * double(sorted.size()))) - 1];
    EXPECT_NEAR(stats.quantile(share), double(exact), double(exact) / 128) << share;
  }
}

TEST(ActivationStats, noise_is_that_of_codes_with_and_without_a_limit) {
  const Sample sample;
  const auto stats = sample.stats();
  for (const double step : {0.02, 0.1, 0.7}) {
    for (const bool clipped : {false, true}) {
      const double exact = sample.noise(step, clipped);
      EXPECT_NEAR(stats.noise(step, clipped), exact, 0.05 * exact) << step << clipped;
    }
  }
  double signal = 0, small = 0;
  for (size_t i = 0; i < sample.x.size(); ++i) {
    const double energy =
        double(sample.x[i]) * double(sample.x[i]) * sample.energy[i % Sample::kChannels];
    signal += energy;
    if (std::abs(sample.x[i]) <= 4) small += energy;
  }
  EXPECT_NEAR(stats.signal(), signal / double(Sample::kRows), 0.01 * stats.signal());
  EXPECT_NEAR(stats.signal(4), small / double(Sample::kRows), 0.01 * stats.signal(4));
  EXPECT_LT(stats.signal(4), stats.signal() / 2);
}

TEST(ActivationStats, a_hot_channel_is_counted_and_others_are_not) {
  const Sample sample;
  const double step = 6.0 / 127;
  const auto beyond = sample.stats().beyond(step);
  for (size_t k = 0; k < beyond.size(); ++k) {
    if (k == 7) continue;
    EXPECT_EQ(beyond[k], 0) << k;
  }
  int64_t exact = 0;
  for (size_t row = 0; row < size_t(Sample::kRows); ++row)
    exact += double(std::abs(sample.x[row * Sample::kChannels + 7])) > 127.5 * step;
  EXPECT_NEAR(double(beyond[7]), double(exact), 0.15 * double(exact));
}

TEST(ActivationStats, a_value_that_is_not_finite_is_refused) {
  ActivationStats stats(2, std::vector<double>{1, 1});
  EXPECT_FALSE(stats.add(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_FALSE(stats.add(std::vector<float>{1, -std::numeric_limits<float>::infinity()}));
  EXPECT_TRUE(stats.add(std::vector<float>{0, -0.0f}));
}

}  // namespace
}  // namespace weft::quant
