// What `weft bench` measures: reading a prompt (pp) and generating tokens (tg), with so many
// positions in the cache before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/runtime/session.h"

namespace weft::cli {

struct Test {
  bool prompt = true;        // read `tokens` at once; else feed them one by one
  int64_t tokens = 0;        // at least 1
  int64_t depth = 0;         // positions in the cache before
  std::string name() const;  // as llama-bench has it: "pp512", "tg128 @ d1024"
};

struct TimedRun {
  double ms = 0;                         // for all tokens of the test
  std::optional<double> others_percent;  // of the machine's processors; see MachineLoad
};

struct Measurement {
  Test test;
  std::vector<TimedRun> repeats;         // at least one
  std::optional<double> others_percent;  // over all repeats

  double rate(const TimedRun& repeat) const { return 1000 * double(test.tokens) / repeat.ms; }
  // Tokens per second: the mean of the repeats, and their standard deviation (0 for one repeat).
  double mean_rate() const;
  double rate_deviation() const;
  // The mean time of a repeat: for a prompt the time to its first logits (TTFT).
  double mean_ms() const;
  // The mean time of one token of it (TPOT, when generating).
  double mean_ms_per_token() const { return mean_ms() / double(test.tokens); }
};

// Runs a test once unmeasured, then `repeats` times. Tokenizing and sampling are not part of it.
// The session must hold test.depth + test.tokens positions; what it held before is forgotten.
Result<Measurement> measure(runtime::Session& session, const Test& test, int repeats);

}  // namespace weft::cli
