// Sampling. Nothing here depends on the platform's math library, on contraction of floating-point
// expressions, or on the order in which equal elements leave a standard algorithm (no two
// candidates are equal: ids differ).
#include "core/text/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

namespace weft::text {
namespace {

// e^x for x <= 0, within 2e-16 relative; 0 below -700. x = k ln 2 + r with |r| <= ln 2 / 2, then a
// Taylor series in r. A fused multiply-add would round differently from one platform to the next,
// so contraction is off.
__attribute__((optimize("fp-contract=off"))) double exp_nonpositive(double x) {
  if (!(x >= -700.0)) return 0.0;
  constexpr double log2_e = 1.4426950408889634;
  constexpr double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  auto k = static_cast<int64_t>(x * log2_e - 0.5);
  double n = static_cast<double>(k);
  double r = (x - n * ln2_high) - n * ln2_low;
  double term = 1.0, sum = 1.0;
  for (int i = 1; i <= 13; ++i) {
    term = term * r / i;
    sum = sum + term;
  }
  return sum * std::bit_cast<double>(static_cast<uint64_t>(1023 + k) << 52);
}

Error out_of_range(const std::string& name, double found, const std::string& range) {
  return Error("sampler option " + name + " is " + std::to_string(found) + "; supported: " + range,
               ErrorKind::usage);
}

// Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
uint64_t split_mix(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

}  // namespace

Result<Sampler> Sampler::create(const SamplerOptions& options, int64_t vocab_size) {
  if (vocab_size < 1 || vocab_size > int64_t{1} << 30)
    return out_of_range("vocab_size", static_cast<double>(vocab_size), "1 to 2^30");
  if (!(options.temperature >= 0.0f) || !std::isfinite(options.temperature))
    return out_of_range("temperature", options.temperature, "0 (greedy) and above");
  if (options.top_k < 0)
    return out_of_range("top_k", static_cast<double>(options.top_k), "0 (off) and above");
  if (!(options.top_p > 0.0f && options.top_p <= 1.0f))
    return out_of_range("top_p", options.top_p, "above 0, up to 1 (off)");
  if (!(options.min_p >= 0.0f && options.min_p <= 1.0f))
    return out_of_range("min_p", options.min_p, "0 (off) to 1");
  if (!(options.repetition_penalty > 0.0f) || !std::isfinite(options.repetition_penalty))
    return out_of_range("repetition_penalty", options.repetition_penalty, "above 0 (1 is off)");
  if (options.repetition_window < 0 || options.repetition_window > int64_t{1} << 24)
    return out_of_range("repetition_window", static_cast<double>(options.repetition_window),
                        "0 to 2^24");
  Sampler out;
  out.options_ = options;
  out.scratch_.resize(static_cast<size_t>(vocab_size));
  out.penalized_.resize(static_cast<size_t>(vocab_size));
  if (options.repetition_penalty != 1.0f)
    out.recent_.resize(static_cast<size_t>(options.repetition_window));
  out.reset();
  return out;
}

void Sampler::reset() {
  recent_next_ = recent_count_ = 0;
  uint64_t state = options_.seed;
  for (uint64_t& word : random_state_) word = split_mix(state);
}

void Sampler::accept(int64_t id) {
  if (recent_.empty() || id < 0 || id >= static_cast<int64_t>(scratch_.size())) return;
  recent_[recent_next_] = static_cast<int32_t>(id);
  recent_next_ = (recent_next_ + 1) % recent_.size();
  recent_count_ = std::min(recent_count_ + 1, recent_.size());
}

// The order of candidates: higher logits first, of equal ones the lower id.
bool Sampler::before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

Result<int64_t> Sampler::sample(std::span<const float> logits) {
  TRY(load(logits));
  penalize();
  if (best().logit == -INFINITY) return Error("every logit is -inf; no token can be picked");
  if (options_.temperature == 0.0f) return int64_t{best().id};
  keep_top_k();
  keep_top_p();
  keep_min_p();
  return draw();
}

Status Sampler::load(std::span<const float> logits) {
  if (logits.size() != scratch_.size())
    return Error("there are " + std::to_string(logits.size()) + " logits for a vocabulary of " +
                 std::to_string(scratch_.size()));
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] < INFINITY))
      return Error("the logit of token " + std::to_string(i) + " is " +
                   (std::isnan(logits[i]) ? "NaN" : "+inf") + "; logits must be finite or -inf");
    scratch_[i] = {logits[i], static_cast<int32_t>(i)};
  }
  kept_ = scratch_;
  sorted_ = false;
  return {};
}

void Sampler::penalize() {
  for (size_t i = 0; i < recent_count_; ++i) {
    auto id = static_cast<size_t>(recent_[i]);
    if (penalized_[id]) continue;
    penalized_[id] = 1;
    float& logit = scratch_[id].logit;
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    // A penalty far from 1 can leave the range of float; the sign of the result is right all the
    // same.
    logit = std::min(logit, 3.0e38f);
  }
  for (size_t i = 0; i < recent_count_; ++i) penalized_[static_cast<size_t>(recent_[i])] = 0;
}

Sampler::Candidate Sampler::best() const {
  return sorted_ ? kept_.front() : *std::min_element(kept_.begin(), kept_.end(), before);
}

void Sampler::keep_top_k() {
  auto k = static_cast<size_t>(options_.top_k);
  if (k == 0 || k >= kept_.size()) return;
  std::nth_element(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(k), kept_.end(), before);
  kept_ = kept_.first(k);
  std::sort(kept_.begin(), kept_.end(), before);
  sorted_ = true;
}

void Sampler::keep_top_p() {
  if (options_.top_p >= 1.0f) return;
  double highest = best().logit, total = 0;
  for (const Candidate& c : kept_) total += exp_nonpositive(c.logit - highest);
  double goal = static_cast<double>(options_.top_p) * total, sum = 0;
  if (sorted_) {
    size_t count = 0;
    while (count < kept_.size() && sum < goal)
      sum += exp_nonpositive(kept_[count++].logit - highest);
    kept_ = kept_.first(count);
    return;
  }
  // A heap gives the best few in order without sorting the whole vocabulary. They gather at the
  // end.
  auto later = [](const Candidate& a, const Candidate& b) { return before(b, a); };
  std::make_heap(kept_.begin(), kept_.end(), later);
  size_t rest = kept_.size();
  while (rest > 0 && sum < goal) {
    std::pop_heap(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(rest), later);
    sum += exp_nonpositive(kept_[--rest].logit - highest);
  }
  kept_ = kept_.subspan(rest);
  std::reverse(kept_.begin(), kept_.end());
  sorted_ = true;
}

void Sampler::keep_min_p() {
  if (options_.min_p <= 0.0f) return;
  double highest = best().logit;
  auto end = std::remove_if(kept_.begin(), kept_.end(), [&](const Candidate& c) {
    return exp_nonpositive(c.logit - highest) < static_cast<double>(options_.min_p);
  });
  kept_ = kept_.first(static_cast<size_t>(end - kept_.begin()));
}

int64_t Sampler::draw() {
  Candidate top = best();
  double highest = top.logit, temperature = options_.temperature, total = 0;
  auto weight = [&](const Candidate& c) {
    return exp_nonpositive((c.logit - highest) / temperature);
  };
  for (const Candidate& c : kept_) total += weight(c);
  double goal = static_cast<double>(next_random() >> 11) * 0x1p-53 * total, sum = 0;
  for (const Candidate& c : kept_) {
    sum += weight(c);
    if (goal < sum) return c.id;
  }
  return top.id;  // the goal rounded up to the total
}

// xoshiro256**: Blackman & Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021.
uint64_t Sampler::next_random() {
  uint64_t* s = random_state_;
  uint64_t out = std::rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return out;
}

}  // namespace weft::text
