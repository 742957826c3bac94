// How well a row of logits predicts the token that followed, and how far two rows disagree.
//
//   negative log-likelihood    -log p(next), p = softmax(logits)
//   divergence of b from a     KL(a || b) = sum over tokens of p_a (log p_a - log p_b)
//
// Everything after the logits themselves is in double: a perplexity is an exponential of a mean,
// and a divergence a difference of near equals, so f32 sums over a vocabulary would show in both.
// The same logits give the same bits on every run: the order of every sum is fixed.
//
// Threads: pure functions; a Series is owned by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::text {

// log of the sum of exp(logit) over a row. Logits of minus infinity (tokens ruled out) add nothing.
// NaN where a logit is NaN or plus infinity, and where none is finite.
double log_sum_exp(std::span<const float> logits);

// KL(reference || model) in nats, given each row's log_sum_exp; both rows have the same length.
// Never below 0 but for rounding; infinite where the model rules out what the reference does not,
// NaN where a log_sum_exp is.
double divergence(std::span<const float> reference, double reference_log_sum,
                  std::span<const float> model, double model_log_sum);

// The token of the highest logit, the lower id of equals. The row is not empty.
int64_t best_token(std::span<const float> logits);

// One number per scored token, and what is said about many.
class Series {
 public:
  void add(double value) { values_.push_back(value); }
  std::span<const double> values() const { return values_; }
  double mean() const;
  // Standard error of the mean, were the tokens independent: sqrt(variance / count).
  double standard_error() const;
  double largest() const;
  // The smallest value that at least `share` of all values do not exceed (nearest rank).
  double quantile(double share) const;

 private:
  std::vector<double> values_;
};

}  // namespace weft::text
