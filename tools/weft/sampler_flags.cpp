#include "tools/weft/sampler_flags.h"

#include <CLI/CLI.hpp>

namespace weft::cli {

void add_sampler_flags(CLI::App& verb, text::SamplerOptions& options) {
  verb.add_option("-s,--seed", options.seed, "Seed of the sampler");
  verb.add_option("--temp", options.temperature, "Temperature (0: the most likely token)");
  verb.add_option("--top-k", options.top_k, "Keep the k most likely tokens (0: all)");
  verb.add_option("--top-p", options.top_p, "Keep the fewest tokens of this probability (1: all)");
  verb.add_option("--min-p", options.min_p, "Keep tokens of this share of the best (0: all)");
  verb.add_option("--repeat-penalty", options.repetition_penalty,
                  "Penalty of repeated tokens (1: none)");
}

Status check(const text::SamplerOptions& options) {
  TRY(text::Sampler::create(options, 1));
  return {};
}

}  // namespace weft::cli
