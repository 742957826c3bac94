#include "quant/rotation.h"

#include <cmath>
#include <numbers>
#include <random>

namespace weft::quant {

namespace {

// y = x C for the cosine transform: C[b, d] is wave d at place b, of length 1.
std::vector<double> cosine_transform(int64_t m) {
  std::vector<double> c(size_t(m * m));
  for (int64_t b = 0; b < m; ++b) {
    for (int64_t d = 0; d < m; ++d) {
      const double wave = std::cos(std::numbers::pi * (double(b) + 0.5) * double(d) / double(m));
      c[size_t(b * m + d)] = wave * std::sqrt((d == 0 ? 1.0 : 2.0) / double(m));
    }
  }
  return c;
}

}  // namespace

Rotation::Rotation(int64_t n, uint64_t seed)
    : p_(n & -n), m_(n / p_), signs_(size_t(n), 1), cosines_(cosine_transform(m_)) {
  std::mt19937_64 random(seed);
  for (double& sign : signs_)
    if (seed != 0 && (random() & 1)) sign = -1;
}

void Rotation::apply(std::span<double> x) const {
  for (size_t i = 0; i < signs_.size(); ++i) x[i] *= signs_[i];
  const double unit = 1 / std::sqrt(double(p_));
  for (int64_t step = 1; step < p_; step *= 2) {
    for (int64_t first = 0; first < p_; first += 2 * step) {
      for (int64_t at = first * m_; at < (first + step) * m_; ++at) {
        double &a = x[size_t(at)], &b = x[size_t(at + step * m_)];
        const double sum = a + b;
        b = a - b;
        a = sum;
      }
    }
  }
  std::vector<double> places(static_cast<size_t>(m_));
  for (int64_t block = 0; block < p_; ++block) {
    const auto part = x.subspan(size_t(block * m_), size_t(m_));
    for (int64_t d = 0; d < m_; ++d) {
      double sum = 0;
      for (int64_t b = 0; b < m_; ++b) sum += part[size_t(b)] * cosines_[size_t(b * m_ + d)];
      places[size_t(d)] = sum * unit;
    }
    for (int64_t d = 0; d < m_; ++d) part[size_t(d)] = places[size_t(d)];
  }
}

std::vector<float> Rotation::matrix(bool transposed) const {
  const size_t n = signs_.size();
  std::vector<float> out(n * n);
  std::vector<double> row(n);
  for (size_t i = 0; i < n; ++i) {
    row.assign(n, 0);
    row[i] = 1;
    apply(row);
    for (size_t j = 0; j < n; ++j) out[transposed ? j * n + i : i * n + j] = float(row[j]);
  }
  return out;
}

}  // namespace weft::quant
