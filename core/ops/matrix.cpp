// The matrix product of the references: by columns where b's columns are contiguous, else by rows.
#include "core/ops/matrix.h"

#include <algorithm>
#include <cstdlib>

namespace weft::ops {
namespace {

// Eight sums, so that neither the latency of an addition nor its order holds the loop back.
double dot(const double* a, const double* b, int64_t n) {
  double sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

bool by_columns(const Array& b) {
  if (b.quantization) return b.column_major;
  return std::llabs(b.strides[0]) < std::llabs(b.strides[1]);
}

// product += a b, several rows of b at a time: the accumulators outgrow the cache, and each pass
// over them costs as much as the products.
void add_rows(const std::vector<double>& a, int64_t m, const Array& b,
              std::vector<double>& product) {
  constexpr int64_t kLines = 8;
  const int64_t k = b.shape[0], n = b.shape[1];
  std::vector<double> lines[kLines];
  for (auto& line : lines) line.assign(size_t(n), 0);
  for (int64_t l = 0; l < k; l += kLines) {
    const int64_t count = std::min(kLines, k - l);
    for (int64_t c = 0; c < count; ++c) load_line(b, l + c, false, lines[c]);
    for (int64_t i = 0; i < m; ++i) {
      double x[kLines] = {};
      std::copy_n(a.data() + i * k + l, count, x);
      double* row = product.data() + i * n;
      if (count < kLines) {
        for (int64_t c = 0; c < count; ++c) {
          for (int64_t j = 0; j < n; ++j) row[j] += x[c] * lines[c][size_t(j)];
        }
        continue;
      }
      for (int64_t j = 0; j < n; ++j) {
        const auto at = size_t(j);
        row[j] += (x[0] * lines[0][at] + x[1] * lines[1][at]) +
                  (x[2] * lines[2][at] + x[3] * lines[3][at]) +
                  ((x[4] * lines[4][at] + x[5] * lines[5][at]) +
                   (x[6] * lines[6][at] + x[7] * lines[7][at]));
      }
    }
  }
}

}  // namespace

void multiply(const std::vector<double>& a, int64_t m, const Array& b, const Array& y) {
  const int64_t k = b.shape[0], n = b.shape[1];
  std::vector<double> product(size_t(m * n), 0);
  if (by_columns(b)) {
    std::vector<double> column(static_cast<size_t>(k));
    for (int64_t j = 0; j < n; ++j) {
      load_line(b, j, true, column);
      for (int64_t i = 0; i < m; ++i) {
        product[size_t(i * n + j)] = dot(a.data() + i * k, column.data(), k);
      }
    }
  } else {
    add_rows(a, m, b, product);
  }
  store_all(y, product);
}

void multiply(const std::vector<int64_t>& a, int64_t m, const Array& b, const Array& y) {
  const int64_t k = b.shape[0], n = b.shape[1];
  const auto right = load_ints(b);
  std::vector<int64_t> product(size_t(m * n), 0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      uint64_t sum = 0;
      for (int64_t l = 0; l < k; ++l) {
        sum += uint64_t(a[size_t(i * k + l)]) * uint64_t(right[size_t(l * n + j)]);
      }
      product[size_t(i * n + j)] = int64_t(sum);
    }
  }
  store_ints(y, product);
}

}  // namespace weft::ops
