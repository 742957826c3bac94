// Picks the next token from a model's logits.
//
// The steps and their order, llama.cpp's default (other engines scale by the temperature first,
// which changes what top_p and min_p keep):
//
//   repetition penalty ─► top_k ─► top_p ─► min_p ─► temperature ─► draw
//
//   repetition_penalty  logits of recent tokens: divided by it where positive, multiplied where
//   negative, once
//                       per token (Keskar et al., "CTRL", 2019, section 4.1)
//   top_k               keeps the k highest logits (Fan et al., 2018)
//   top_p               keeps the fewest tokens whose probabilities reach p (Holtzman et al., 2020)
//   min_p               keeps tokens of at least p times the highest probability (Nguyen et al.,
//   2024)
//
// The same seed and the same logits give the same tokens on every platform: the generator, the
// exponential and the order of every sum are this file's own, in IEEE double precision.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

struct SamplerOptions {
  float temperature = 0.0f;         // 0: greedy, the highest logit; filters then do not matter
  int64_t top_k = 0;                // 0: off
  float top_p = 1.0f;               // 1: off
  float min_p = 0.0f;               // 0: off
  float repetition_penalty = 1.0f;  // 1: off
  int64_t repetition_window = 64;   // how many of the last tokens count
  uint64_t seed = 0;
};

// One stream of tokens. Owned by one thread. Allocates when made, never afterwards (but for an
// error's message).
class Sampler {
 public:
  // Fails where an option or vocab_size is out of its range.
  static Result<Sampler> create(const SamplerOptions& options, int64_t vocab_size);

  // The id picked from `logits`, one per id; requires logits.size() == vocab_size. The highest
  // logit's tie goes to the lowest id. -inf means "never". Fails on NaN, +inf, nothing but -inf, or
  // another size. Does not remember the pick: see accept().
  Result<int64_t> sample(std::span<const float> logits);

  // Remembers a token, of the prompt or picked, for the repetition penalty. Other ids than [0,
  // vocab_size) are left out.
  void accept(int64_t id);

  // Forgets the tokens and starts the random numbers anew.
  void reset();

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  static bool before(const Candidate& a, const Candidate& b);

  Sampler() = default;
  Status load(std::span<const float> logits);
  void penalize();
  Candidate best() const;
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  int64_t draw();
  uint64_t next_random();

  SamplerOptions options_;
  std::vector<Candidate> scratch_;  // [vocab_size]
  std::span<Candidate> kept_;       // what the filters have left of it
  bool sorted_ = false;             // kept_ is in order, best first
  std::vector<int32_t> recent_;     // ring of the last tokens
  size_t recent_next_ = 0, recent_count_ = 0;
  std::vector<uint8_t> penalized_;  // [vocab_size], all zero between calls
  uint64_t random_state_[4] = {};
};

}  // namespace weft::text
