// Elementwise kernels over contiguous runs; an operand of step 0 is one element for the whole run.
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

namespace {

// y[i] = f(a[i], b[i]) by vectors; the tail is padded, computed and cut.
template <typename F>
WEFT_INLINE void each(int64_t n, const float* a, int64_t a_step, const float* b, int64_t b_step,
                      float* y, F&& f) {
  const vf a_all = set1(n ? a[0] : 0), b_all = set1(n ? b[0] : 0);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    store(y + i, f(a_step ? load(a + i) : a_all, b_step ? load(b + i) : b_all));
  if (i < n)
    store_n(y + i,
            f(a_step ? load_n(a + i, n - i, 1) : a_all, b_step ? load_n(b + i, n - i, 1) : b_all),
            n - i);
}

void power(int64_t n, const float* a, int64_t a_step, const float* b, int64_t b_step, float* y) {
  if (!b_step && n && b[0] == 2.0f) {
    each(n, a, a_step, a, a_step, y, [](vf u, vf v) { return u * v; });
    return;
  }
  for (int64_t i = 0; i < n; i++) y[i] = powf(a[i * a_step], b[i * b_step]);
}

// A NaN on either side stays a NaN.
WEFT_INLINE vf max_nan(vf a, vf b) {
  WEFT_PARTS(i) {
    const f32n m = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
    a.part[i] = a.part[i] == a.part[i] ? m : a.part[i];
  }
  return a;
}
WEFT_INLINE vf min_nan(vf a, vf b) {
  WEFT_PARTS(i) {
    const f32n m = a.part[i] < b.part[i] ? a.part[i] : b.part[i];
    a.part[i] = a.part[i] == a.part[i] ? m : a.part[i];
  }
  return a;
}

void binary(uint32_t op, int64_t n, const float* a, int64_t a_step, const float* b, int64_t b_step,
            float* y) {
  switch (op) {
    case kAdd:
      each(n, a, a_step, b, b_step, y, [](vf u, vf v) { return u + v; });
      break;
    case kSub:
      each(n, a, a_step, b, b_step, y, [](vf u, vf v) { return u - v; });
      break;
    case kMul:
      each(n, a, a_step, b, b_step, y, [](vf u, vf v) { return u * v; });
      break;
    case kDiv:
      each(n, a, a_step, b, b_step, y, [](vf u, vf v) { return u / v; });
      break;
    case kMax:
      each(n, a, a_step, b, b_step, y, [](vf u, vf v) { return max_nan(u, v); });
      break;
    case kMin:
      each(n, a, a_step, b, b_step, y, [](vf u, vf v) { return min_nan(u, v); });
      break;
    case kPow:
      power(n, a, a_step, b, b_step, y);
      break;
    case kFmod:
      for (int64_t i = 0; i < n; i++) y[i] = fmodf(a[i * a_step], b[i * b_step]);
      break;
  }
}

template <typename F>
WEFT_INLINE void map(int64_t n, const float* x, float* y, F&& f) {
  each(n, x, 1, x, 1, y, [&](vf v, vf) { return f(v); });
}
template <typename F>
WEFT_INLINE void map1(int64_t n, const float* x, float* y, F&& f) {
  for (int64_t i = 0; i < n; i++) y[i] = f(x[i]);
}

void unary(uint32_t op, int64_t n, const float* x, float* y, float alpha) {
  const vf a = set1(alpha);
  switch (op) {
    case kNeg:
      map1(n, x, y, [](float v) { return -v; });
      break;
    case kAbs:
      map1(n, x, y, [](float v) { return __builtin_fabsf(v); });
      break;
    case kSqrt:
      map(n, x, y, [](vf v) { return sqrt(v); });
      break;
    case kReciprocal:
      map(n, x, y, [](vf v) { return set1(1) / v; });
      break;
    case kExp:
      map(n, x, y, [](vf v) { return exp(v); });
      break;
    case kSigmoid:
      map(n, x, y, [](vf v) { return sigmoid(v); });
      break;
    case kSwish:
      map(n, x, y, [&](vf v) { return v * sigmoid(v * a); });
      break;
    case kRelu:
      map1(n, x, y, [](float v) { return v < 0 ? 0.0f : v; });
      break;
    case kLog:
      map1(n, x, y, [](float v) { return logf(v); });
      break;
    case kErf:
      map1(n, x, y, [](float v) { return erff(v); });
      break;
    case kTanh:
      map1(n, x, y, [](float v) { return tanhf(v); });
      break;
    case kCos:
      map1(n, x, y, [](float v) { return cosf(v); });
      break;
    case kSin:
      map1(n, x, y, [](float v) { return sinf(v); });
      break;
    case kFloor:
      map1(n, x, y, [](float v) { return floorf(v); });
      break;
    case kCeil:
      map1(n, x, y, [](float v) { return ceilf(v); });
      break;
    case kRound:
      map1(n, x, y, [](float v) { return rintf(v); });
      break;
    case kGelu:
      map1(n, x, y, [](float v) { return 0.5f * v * (1 + erff(v * 0.707106781f)); });
      break;
    case kGeluTanh:
      map1(n, x, y, [](float v) {
        return 0.5f * v * (1 + tanhf(0.797884561f * (v + 0.044715f * v * v * v)));
      });
      break;
  }
}

}  // namespace

void install_elementwise(Kernels& table) {
  table.binary = binary;
  table.unary = unary;
}

}  // namespace weft::cpu::WEFT_ISA
