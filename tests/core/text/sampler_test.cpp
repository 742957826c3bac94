// Sampling: filters, penalty, random numbers, and logits no token can be picked from.
#include "core/text/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/base/counters.h"

namespace weft::text {
namespace {

Sampler make(const SamplerOptions& options, int64_t vocab_size) {
  auto sampler = Sampler::create(options, vocab_size);
  EXPECT_TRUE(sampler.ok()) << sampler.error().message;
  return *std::move(sampler);
}

// How often each id is picked in `count` draws.
std::vector<int> histogram(const SamplerOptions& options, const std::vector<float>& logits,
                           int count) {
  Sampler sampler = make(options, static_cast<int64_t>(logits.size()));
  std::vector<int> out(logits.size());
  for (int i = 0; i < count; ++i) ++out[static_cast<size_t>(*sampler.sample(logits))];
  return out;
}

std::set<int64_t> picked(const SamplerOptions& options, const std::vector<float>& logits) {
  std::set<int64_t> out;
  std::vector<int> counts = histogram(options, logits, 4000);
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) out.insert(static_cast<int64_t>(i));
  return out;
}

// Logits whose probabilities are given.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> out;
  for (double p : probabilities) out.push_back(static_cast<float>(std::log(p)));
  return out;
}

SamplerOptions at_temperature(float temperature) {
  SamplerOptions options;
  options.temperature = temperature;
  return options;
}

TEST(Sampler, is_greedy_at_temperature_zero_and_breaks_ties_by_the_lowest_id) {
  Sampler sampler = make({}, 4);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(*sampler.sample(std::vector<float>{-INFINITY, -INFINITY, -3, -INFINITY}), 2);
  EXPECT_EQ(*sampler.sample(std::vector<float>{-0.0f, 0.0f, 0.0f, -0.0f}), 0);
}

TEST(Sampler, draws_in_proportion_to_the_probabilities) {
  std::vector<double> p = {0.5, 0.25, 0.15, 0.1};
  std::vector<int> counts = histogram(at_temperature(1), logits_of(p), 40000);
  for (size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(counts[i] / 40000.0, p[i], 0.012) << i;
  // At temperature 1/2 the probabilities are squared: 0.25 0.0625 0.0225 0.01, of 0.345.
  counts = histogram(at_temperature(0.5f), logits_of(p), 40000);
  EXPECT_NEAR(counts[0] / 40000.0, 0.25 / 0.345, 0.012);
  EXPECT_NEAR(counts[3] / 40000.0, 0.01 / 0.345, 0.005);
}

TEST(Sampler, keeps_the_k_highest) {
  SamplerOptions options = at_temperature(5);
  options.top_k = 2;
  EXPECT_EQ(picked(options, {1, 4, 2, 3}), (std::set<int64_t>{1, 3}));
  options.top_k = 3;
  EXPECT_EQ(picked(options, {2, 2, 2, 2}), (std::set<int64_t>{0, 1, 2}));
  options.top_k = 100;
  EXPECT_EQ(picked(options, {1, 1}), (std::set<int64_t>{0, 1}));
}

TEST(Sampler, keeps_the_fewest_that_reach_p) {
  SamplerOptions options = at_temperature(1);
  std::vector<float> logits = logits_of({0.1, 0.4, 0.2, 0.3});
  options.top_p = 0.65f;
  EXPECT_EQ(picked(options, logits), (std::set<int64_t>{1, 3}));
  options.top_p = 0.75f;
  EXPECT_EQ(picked(options, logits), (std::set<int64_t>{1, 2, 3}));
  options.top_p = 1e-6f;
  EXPECT_EQ(picked(options, logits), (std::set<int64_t>{1}));
}

TEST(Sampler, counts_p_among_what_top_k_left) {
  SamplerOptions options = at_temperature(1);
  options.top_k = 2;
  options.top_p = 0.55f;  // 0.4 of 0.7 is 0.57; of the whole it is less than p
  EXPECT_EQ(picked(options, logits_of({0.1, 0.4, 0.2, 0.3})), (std::set<int64_t>{1}));
}

TEST(Sampler, keeps_what_reaches_a_share_of_the_best) {
  SamplerOptions options = at_temperature(3);
  options.min_p = 0.45f;
  EXPECT_EQ(picked(options, logits_of({0.1, 0.4, 0.2, 0.3})), (std::set<int64_t>{1, 2, 3}));
  options.min_p = 1.0f;
  EXPECT_EQ(picked(options, {1, 2, 2}), (std::set<int64_t>{1, 2}));
}

TEST(Sampler, penalizes_recent_tokens_once_and_within_the_window) {
  SamplerOptions options;
  options.repetition_penalty = 2;
  options.repetition_window = 2;
  Sampler sampler = make(options, 3);
  std::vector<float> positive = {4.0f, 2.5f, 1.0f}, negative = {-1.0f, -1.5f, -4.0f};
  EXPECT_EQ(*sampler.sample(positive), 0);
  sampler.accept(0);
  sampler.accept(0);
  EXPECT_EQ(*sampler.sample(positive), 1);                        // 4 / 2 is below 2.5
  EXPECT_EQ(*sampler.sample(std::vector<float>{4, 1.5f, 1}), 0);  // once only: 4 / 2 is above 1.5
  EXPECT_EQ(*sampler.sample(negative), 1);                        // -1 * 2 is below -1.5
  sampler.accept(2);
  sampler.accept(2);
  EXPECT_EQ(*sampler.sample(positive), 0);  // out of the window
  sampler.accept(0);
  sampler.accept(-1);
  sampler.accept(3);
  sampler.reset();
  EXPECT_EQ(*sampler.sample(positive), 0);
}

TEST(Sampler, gives_the_same_tokens_for_the_same_seed_on_every_platform) {
  std::vector<float> logits(50);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>((i * 37) % 50) * 0.125f;
  SamplerOptions options = at_temperature(0.75f);
  options.seed = 42;
  auto draw = [&](uint64_t seed) {
    options.seed = seed;
    Sampler sampler = make(options, 50);
    std::vector<int64_t> out;
    for (int i = 0; i < 12; ++i) out.push_back(*sampler.sample(logits));
    sampler.reset();
    EXPECT_EQ(*sampler.sample(logits), out[0]);
    return out;
  };
  // Checked against the published generators, written anew in Python.
  EXPECT_EQ(draw(42), (std::vector<int64_t>{4, 16, 31, 43, 47, 35, 31, 36, 32, 27, 31, 12}));
  EXPECT_NE(draw(43), draw(42));
}

TEST(Sampler, refuses_logits_no_token_can_be_picked_from) {
  for (float temperature : {0.0f, 1.0f}) {
    Sampler sampler = make(at_temperature(temperature), 3);
    EXPECT_EQ(sampler.sample(std::vector<float>{0, NAN, 1}).error().message,
              "the logit of token 1 is NaN; logits must be finite or -inf");
    EXPECT_EQ(sampler.sample(std::vector<float>{0, 1, INFINITY}).error().message,
              "the logit of token 2 is +inf; logits must be finite or -inf");
    EXPECT_EQ(sampler.sample(std::vector<float>(3, -INFINITY)).error().message,
              "every logit is -inf; no token can be picked");
    EXPECT_EQ(sampler.sample(std::vector<float>{1, 2}).error().message,
              "there are 2 logits for a vocabulary of 3");
    EXPECT_EQ(*sampler.sample(std::vector<float>{-INFINITY, 5, -INFINITY}), 1);
    EXPECT_EQ(*sampler.sample(std::vector<float>{-3e38f, 3e38f, -3e38f}), 1);
  }
}

TEST(Sampler, stays_finite_under_extreme_options) {
  SamplerOptions options = at_temperature(1e-40f);
  options.repetition_penalty = 1e-38f;
  Sampler sampler = make(options, 3);
  sampler.accept(2);
  EXPECT_EQ(*sampler.sample(std::vector<float>{3e38f, 1, 1}), 0);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 1, 3e38f}), 2);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 3e38f, -INFINITY}), 1);
}

TEST(Sampler, refuses_options_out_of_range) {
  auto refused = [](auto change) {
    SamplerOptions options;
    change(options);
    auto sampler = Sampler::create(options, 10);
    return sampler.ok() ? "" : sampler.error().message;
  };
  EXPECT_EQ(refused([](auto& o) { o.temperature = -1; }),
            "sampler option temperature is -1.000000; supported: 0 (greedy) and above");
  EXPECT_NE(refused([](auto& o) { o.temperature = NAN; }), "");
  EXPECT_NE(refused([](auto& o) { o.top_k = -1; }), "");
  EXPECT_NE(refused([](auto& o) { o.top_p = 0; }), "");
  EXPECT_NE(refused([](auto& o) { o.top_p = 1.5f; }), "");
  EXPECT_NE(refused([](auto& o) { o.min_p = NAN; }), "");
  EXPECT_NE(refused([](auto& o) { o.repetition_penalty = 0; }), "");
  EXPECT_NE(refused([](auto& o) { o.repetition_window = -1; }), "");
  EXPECT_FALSE(Sampler::create({}, 0).ok());
}

TEST(Sampler, allocates_nothing_per_token) {
  std::vector<float> logits(5000);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>((i * 7919) % 5000) * 0.002f;
  for (int64_t top_k : {0, 40})
    for (float top_p : {0.9f, 1.0f}) {
      SamplerOptions options{0.8f, top_k, top_p, 0.01f, 1.1f, 64, 1};
      Sampler sampler = make(options, 5000);
      const uint64_t before = counters().heap_allocations;
      int64_t sum = 0;
      for (int i = 0; i < 100; ++i) {
        int64_t id = *sampler.sample(logits);
        sampler.accept(id);
        sum += id;
      }
      EXPECT_EQ(counters().heap_allocations, before);
      EXPECT_GT(sum, 0);
    }
  const uint64_t before = counters().heap_allocations;
  std::vector<float> copy(logits);
  EXPECT_GT(counters().heap_allocations, before);  // the counter counts
}

}  // namespace
}  // namespace weft::text
