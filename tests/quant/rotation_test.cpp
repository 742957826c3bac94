#include "quant/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace weft::quant {
namespace {

// Powers of two, odd sizes, and what models have.
constexpr int64_t kSizes[] = {1, 2, 7, 64, 96, 576};

TEST(Rotation, is_orthogonal) {
  for (const int64_t n : kSizes) {
    const auto r = Rotation(n, 3).matrix(false);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        double product = 0;
        for (int64_t k = 0; k < n; ++k) product += double(r[i * n + k]) * double(r[j * n + k]);
        ASSERT_NEAR(product, i == j, 1e-5) << n << " " << i << " " << j;
      }
    }
  }
}

TEST(Rotation, applies_what_its_matrix_says) {
  for (const int64_t n : kSizes) {
    const Rotation rotation(n, 9);
    const auto r = rotation.matrix(false), transposed = rotation.matrix(true);
    std::vector<double> x(static_cast<size_t>(n));
    for (size_t i = 0; i < x.size(); ++i) x[i] = double(i % 5) - 1.5;
    auto y = x;
    rotation.apply(y);
    for (int64_t j = 0; j < n; ++j) {
      double expected = 0;
      for (int64_t i = 0; i < n; ++i) {
        expected += x[size_t(i)] * double(r[size_t(i * n + j)]);
        ASSERT_EQ(r[size_t(i * n + j)], transposed[size_t(j * n + i)]);
      }
      ASSERT_NEAR(y[size_t(j)], expected, 1e-4) << n;
    }
  }
}

TEST(Rotation, spreads_one_large_element_over_all) {
  for (const int64_t n : {64, 96, 576}) {
    std::vector<double> x(size_t(n), 0);
    x[5] = 100;
    Rotation(n, 1).apply(x);
    const double mean = 100 / std::sqrt(double(n));
    for (const double one : x) EXPECT_LT(std::abs(one), 1.5 * mean);
  }
}

}  // namespace
}  // namespace weft::quant
