#include "tools/weft/measurement.h"

#include <cmath>
#include <span>

#include "tools/weft/clock.h"
#include "tools/weft/machine_load.h"

namespace weft::cli {

namespace {

// Ids that look like text to the caches: spread over the vocabulary, the same in every run.
std::vector<int64_t> tokens(int64_t count, int64_t vocabulary) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back((i * 7919 + 17) % vocabulary);
  return ids;
}

Status run(runtime::Session& session, const Test& test, std::span<const int64_t> ids) {
  if (test.prompt) {
    TRY(session.feed(ids, 1));
    return {};
  }
  for (const int64_t& id : ids) TRY(session.feed(std::span(&id, 1), 1));
  return {};
}

}  // namespace

std::string Test::name() const {
  const std::string what = (prompt ? "pp" : "tg") + std::to_string(tokens);
  return depth > 0 ? what + " @ d" + std::to_string(depth) : what;
}

double Measurement::mean_rate() const {
  double sum = 0;
  for (const TimedRun& repeat : repeats) sum += rate(repeat);
  return sum / double(repeats.size());
}

double Measurement::rate_deviation() const {
  if (repeats.size() < 2) return 0;
  const double mean = mean_rate();
  double sum = 0;
  for (const TimedRun& repeat : repeats) sum += (rate(repeat) - mean) * (rate(repeat) - mean);
  return std::sqrt(sum / double(repeats.size() - 1));
}

double Measurement::mean_ms() const {
  double sum = 0;
  for (const TimedRun& repeat : repeats) sum += repeat.ms;
  return sum / double(repeats.size());
}

Result<Measurement> measure(runtime::Session& session, const Test& test, int repeats) {
  Measurement out;
  out.test = test;
  const std::vector<int64_t> ids = tokens(test.tokens, session.vocabulary());
  TRY(session.truncate(0));
  if (test.depth > 0) TRY(session.feed(tokens(test.depth, session.vocabulary()), 1));
  MachineLoad all;
  for (int i = 0; i <= repeats; ++i) {
    TRY(session.truncate(test.depth));
    if (i == 0) {
      TRY(run(session, test, ids));
      continue;
    }
    MachineLoad one;
    all.start();
    one.start();
    const auto start = Clock::now();
    TRY(run(session, test, ids));
    const double ms = ms_since(start);
    one.stop();
    all.stop();
    out.repeats.push_back({ms, one.others_percent()});
  }
  out.others_percent = all.others_percent();
  return out;
}

}  // namespace weft::cli
