#include "quant/f16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace weft::quant {
namespace {

TEST(F16, every_half_survives_the_round_trip) {
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    const float value = f16_to_f32(uint16_t(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value)))) << bits;
    } else {
      EXPECT_EQ(f32_to_f16(value), bits);
    }
  }
}

TEST(F16, known_values_have_known_bits) {
  EXPECT_EQ(f32_to_f16(1.0f), 0x3C00);
  EXPECT_EQ(f32_to_f16(-2.0f), 0xC000);
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7C00);
  EXPECT_EQ(f32_to_f16(0x1p-24f), 0x0001);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0x0000);
  EXPECT_EQ(f32_to_f16(0x1.8p-25f), 0x0001);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(f16_to_f32(0x3555), 0.333251953125f);
}

TEST(F16, rounds_to_nearest_and_ties_to_even) {
  for (uint32_t bits = 1; bits < 0x7BFF; bits++) {
    const float low = f16_to_f32(uint16_t(bits)), high = f16_to_f32(uint16_t(bits + 1));
    const float middle = low + (high - low) / 2;
    EXPECT_EQ(f32_to_f16(middle), bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, low)), bits);
    EXPECT_EQ(f32_to_f16(std::nextafter(middle, high)), bits + 1);
  }
}

TEST(Bf16, every_value_survives_and_rounding_is_to_even) {
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    const float value = bf16_to_f32(uint16_t(bits));
    if (!std::isnan(value)) {
      EXPECT_EQ(f32_to_bf16(value), bits);
    }
  }
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F808000u)), 0x3F80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3F818000u)), 0x3F82);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::nanf("")))));
}

}  // namespace
}  // namespace weft::quant
