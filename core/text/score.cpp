// Loops over plain arrays without branches, which the compiler turns into vector code (it needs
// -fno-trapping-math for the comparison; see CMakeLists.txt). libm's exp() would keep them scalar,
// and over a vocabulary times thousands of tokens that takes as long as a small model.
#include "core/text/score.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace weft::text {

namespace {

constexpr size_t kBlock = 512;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// e^x for x <= 0, with a relative error below 1e-14; below -708 it stays at e^-708, which no sum
// that holds a 1 can see. x = n log 2 + r: a Taylor polynomial of r, times 2^n by adding n to the
// exponent bits. Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
inline double exp_of_negative(double x) {
  constexpr double kRound = 0x1.8p52;
  constexpr double kLog2e = 1.4426950408889634;
  constexpr double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;
  x = x < -708.0 ? -708.0 : x;  // a NaN stays
  const double rounded = x * kLog2e + kRound;
  const double n = rounded - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const uint64_t exponent = std::bit_cast<uint64_t>(rounded) << 52;
  return std::bit_cast<double>(std::bit_cast<uint64_t>(p) + exponent);
}

// The sum of term(i) for i < size. Blocks of terms first, then their sum in four lanes: one loop of
// each kind is what the compiler vectorizes.
template <typename Term>
double sum_of(size_t size, const Term& term) {
  double terms[kBlock], lanes[4] = {};
  for (size_t begin = 0; begin < size; begin += kBlock) {
    const size_t count = std::min(kBlock, size - begin);
    for (size_t i = 0; i < count; ++i) terms[i] = term(begin + i);
    std::fill(terms + count, terms + kBlock, 0.0);
    for (size_t i = 0; i < kBlock; i += 4) {
      for (size_t lane = 0; lane < 4; ++lane) lanes[lane] += terms[i + lane];
    }
  }
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

}  // namespace

double log_sum_exp(std::span<const float> logits) {
  const float* row = logits.data();
  double peak = -kInfinity;
  for (const float logit : logits) peak = std::max(peak, double(logit));
  return peak + std::log(sum_of(logits.size(), [row, peak](size_t i) {
           return exp_of_negative(double(row[i]) - peak);
         }));
}

double divergence(std::span<const float> reference, double reference_log_sum,
                  std::span<const float> model, double model_log_sum) {
  const float *a = reference.data(), *b = model.data();
  return sum_of(std::min(reference.size(), model.size()), [=](size_t i) {
    const double log_p = double(a[i]) - reference_log_sum;
    const double log_q = double(b[i]) - model_log_sum;
    const double term = exp_of_negative(log_p) * (log_p - log_q);
    // p log p is 0 at p = 0, where the product of floats would be NaN.
    return a[i] == -kInfinity ? 0.0 : term;
  });
}

int64_t best_token(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

double Series::mean() const {
  double sum = 0;
  for (const double value : values_) sum += value;
  return sum / double(values_.size());
}

double Series::standard_error() const {
  const double count = double(values_.size()), middle = mean();
  double squares = 0;
  for (const double value : values_) squares += (value - middle) * (value - middle);
  return count > 1 ? std::sqrt(squares / (count - 1) / count) : 0;
}

double Series::largest() const { return *std::max_element(values_.begin(), values_.end()); }

double Series::quantile(double share) const {
  std::vector<double> sorted = values_;
  const double rank = std::ceil(share * double(sorted.size()));
  const size_t at = std::min(size_t(std::max(rank, 1.0)), sorted.size()) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + int64_t(at), sorted.end());
  return sorted[at];
}

}  // namespace weft::text
