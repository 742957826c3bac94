// Kernels over one row: normalizations, softmax, rotary embedding.
//
// Sums run over four vectors of 16 partial sums in a fixed order; the tail of a row is padded with
// zeros, so a row's bits depend on the row alone.
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

namespace {

// Sum of term(vector) over the row; term(0) must be 0.
template <typename Term>
WEFT_INLINE float sum_row(const float* x, int64_t n, Term&& term) {
  vf a = zero(), b = zero();
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    a = a + term(load(x + i));
    b = b + term(load(x + i + 16));
  }
  for (; i + 16 <= n; i += 16) a = a + term(load(x + i));
  if (i < n) b = b + term(load_n(x + i, n - i, 0));
  return sum(a + b);
}

void rms_norm(const float* x, const float* weight, float* y, int64_t n, float epsilon) {
  const float square = sum_row(x, n, [](vf v) { return v * v; });
  const float scale = 1.0f / __builtin_sqrtf(square / float(n) + epsilon);
  const vf s = set1(scale);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, load(x + i) * s * load(weight + i));
  for (; i < n; i++) y[i] = x[i] * scale * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, float* y, int64_t n,
                float epsilon) {
  const float mean = sum_row(x, n, [](vf v) { return v; }) / float(n);
  // The padded tail would add mean^2 per lane, so deviations are written first and summed from
  // there.
  for (int64_t i = 0; i < n; i++) y[i] = x[i] - mean;
  const float square = sum_row(y, n, [](vf v) { return v * v; });
  const float scale = 1.0f / __builtin_sqrtf(square / float(n) + epsilon);
  for (int64_t i = 0; i < n; i++) {
    const float scaled = y[i] * scale * weight[i];
    y[i] = bias ? scaled + bias[i] : scaled;
  }
}

void softmax(const float* x, float* y, int64_t n) {
  constexpr float kMinusInfinity = -__builtin_inff();
  float top = kMinusInfinity;
  for (int64_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
  const vf t = set1(top);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, exp(load(x + i) - t));
  if (i < n) store_n(y + i, exp(load_n(x + i, n - i, 0) - t), n - i);
  const float inverse = 1.0f / sum_row(y, n, [](vf v) { return v; });
  for (i = 0; i < n; i++) y[i] *= inverse;
}

void rotate(const float* x, const float* cos, const float* sin, float* y, int64_t half,
            uint32_t interleaved) {
  if (interleaved) {
    for (int64_t i = 0; i < half; i++) {
      const float a = x[2 * i], b = x[2 * i + 1];
      y[2 * i] = cos[i] * a - sin[i] * b;
      y[2 * i + 1] = sin[i] * a + cos[i] * b;
    }
    return;
  }
  for (int64_t i = 0; i < half; i++) {
    const float a = x[i], b = x[half + i];
    y[i] = cos[i] * a - sin[i] * b;
    y[half + i] = sin[i] * a + cos[i] * b;
  }
}

}  // namespace

void install_rows(Kernels& table) {
  table.rms_norm = rms_norm;
  table.layer_norm = layer_norm;
  table.softmax = softmax;
  table.rotate = rotate;
}

}  // namespace weft::cpu::WEFT_ISA
