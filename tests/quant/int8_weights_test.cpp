#include "quant/int8_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace weft::quant {
namespace {

const std::vector<float> kWeights = {1, -20, 0, -2, 10, 0, 0.5f, 3, 0};  // [3, 3]

TEST(Int8Weights, each_channel_reaches_its_own_largest_weight) {
  const auto made = int8_weights(kWeights, 3, ScalesOf::channel);
  ASSERT_TRUE(made);
  ASSERT_EQ(made->scales.size(), 3u);
  EXPECT_EQ(made->codes[3], -127);  // -2, the largest of column 0
  EXPECT_EQ(made->codes[1], -127);
  EXPECT_EQ(made->scales[2], 1);  // a channel of zeros
  for (size_t i = 0; i < kWeights.size(); ++i) {
    const float scale = made->scale_of(i % 3);
    EXPECT_LE(std::abs(float(made->codes[i]) * scale - kWeights[i]), 0.501f * scale);
  }
}

TEST(Int8Weights, one_scale_for_all_is_that_of_the_largest) {
  const auto made = int8_weights(kWeights, 3, ScalesOf::tensor);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->scales, std::vector<float>{20.0f / 127});
  EXPECT_EQ(made->codes[0], 6);
}

TEST(Int8Weights, a_weight_that_is_not_finite_has_no_codes) {
  auto weights = kWeights;
  weights[4] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(int8_weights(weights, 3, ScalesOf::channel));
}

}  // namespace
}  // namespace weft::quant
