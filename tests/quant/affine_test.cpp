#include "quant/affine.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace weft::quant {
namespace {

constexpr Form kForms[] = {Form::symmetric, Form::extreme, Form::asymmetric, Form::clipped};

std::vector<float> normal_group(std::mt19937& random, float mean) {
  std::normal_distribution<float> normal(mean, 0.1f);
  std::vector<float> reals(64);
  for (float& real : reals) real = normal(random);
  return reals;
}

TEST(Affine, every_real_of_an_unclipped_group_is_within_half_a_step) {
  std::mt19937 random(1);
  for (const float mean : {0.0f, 0.05f, 3.0f, -3.0f}) {
    for (const int most : {15, 255}) {
      for (const Form form : {Form::symmetric, Form::asymmetric}) {
        const auto reals = normal_group(random, mean);
        const Grid grid = fit(reals, form, most).value();
        std::array<uint8_t, 64> codes;
        encode(reals, grid, most, codes);
        // An asymmetric grid is moved by up to half a step more, so that 0 is on it.
        const float most_steps = form == Form::asymmetric ? 1.02f : 0.51f;
        for (size_t i = 0; i < reals.size(); ++i)
          EXPECT_LE(std::fabs(decode(codes[i], grid) - reals[i]), grid.scale * most_steps);
      }
    }
  }
}

TEST(Affine, zero_points_are_codes_and_zero_stays_zero) {
  std::mt19937 random(2);
  for (const float mean : {0.0f, 0.2f, -5.0f}) {
    for (const Form form : kForms) {
      for (const int most : {15, 255}) {
        auto reals = normal_group(random, mean);
        reals[5] = 0;
        const Grid grid = fit(reals, form, most).value();
        EXPECT_EQ(grid.zero, std::floor(grid.zero));
        EXPECT_GE(grid.zero, 0);
        EXPECT_LE(grid.zero, float(most));
        std::array<uint8_t, 64> codes;
        encode(reals, grid, most, codes);
        EXPECT_EQ(decode(codes[5], grid), 0);
      }
    }
  }
}

TEST(Affine, symmetric_forms_keep_their_zero_in_the_middle) {
  const std::vector<float> reals = {-0.8f, 0.1f, 0.4f, 0.7f};
  EXPECT_EQ(fit(reals, Form::symmetric, 15)->zero, 8);
  EXPECT_EQ(fit(reals, Form::symmetric, 255)->zero, 128);
  const Grid extreme = fit(reals, Form::extreme, 15).value();
  EXPECT_EQ(extreme.zero, 8);
  EXPECT_NEAR(extreme.scale, 0.1f, 1e-4f);  // -0.8 is code 0
  const std::vector<float> other_sign = {0.8f, -0.1f};
  EXPECT_NEAR(fit(other_sign, Form::extreme, 15)->scale, -0.1f, 1e-4f);
}

TEST(Affine, a_group_of_equal_reals_is_exact_in_every_form) {
  for (const Form form : kForms) {
    for (const float value : {0.0f, 0.3f, -1e-7f, 3e5f}) {
      const std::vector<float> reals(16, value);
      const Grid grid = fit(reals, form, 15).value();
      std::array<uint8_t, 16> codes;
      encode(reals, grid, 15, codes);
      for (const uint8_t code : codes) EXPECT_EQ(decode(code, grid), value);
    }
  }
}

TEST(Affine, scales_that_a_half_cannot_hold_stay_f32) {
  EXPECT_EQ(half_scale(0.1), 0.0999755859375f);
  EXPECT_EQ(half_scale(1e-7), 1e-7f);
  EXPECT_EQ(half_scale(1e6), 1e6f);
}

TEST(Affine, a_search_loses_less_than_the_whole_range) {
  std::mt19937 random(3);
  Loss whole, searched;
  for (int n = 0; n < 300; ++n) {
    const auto reals = normal_group(random, 0);
    std::array<uint8_t, 64> codes;
    for (const Form form : {Form::asymmetric, Form::clipped}) {
      const Grid grid = fit(reals, form, 15).value();
      encode(reals, grid, 15, codes);
      (form == Form::clipped ? searched : whole).add(reals, codes, grid);
    }
  }
  EXPECT_GT(searched.sqnr_db(), whole.sqnr_db() + 0.3);
}

TEST(Affine, losses_add_up) {
  const std::vector<float> reals = {1, -1, 0.5f, 0};
  const std::vector<uint8_t> codes = {10, 6, 9, 8};
  Loss loss;
  loss.add(reals, codes, Grid{0.5f, 8});
  EXPECT_EQ(loss.noise, 0);
  EXPECT_TRUE(std::isinf(loss.sqnr_db()));
  Loss other;
  other.add(reals, codes, Grid{0.45f, 8});
  loss.add(other);
  EXPECT_DOUBLE_EQ(loss.signal, 4.5);
  EXPECT_NEAR(loss.noise, 2 * 0.01 + 0.0025, 1e-6);
  EXPECT_NEAR(loss.worst, 0.1 / 2, 1e-6);
}

}  // namespace
}  // namespace weft::quant
