// Measuring variants of kernels; see tuner.h.
#include "plugins/opencl/tuner.h"

#include <algorithm>
#include <sstream>

#include "plugins/common/clock.h"
#include "plugins/opencl/submission.h"

namespace weft::opencl {

namespace {

constexpr int kRuns = 3;                  // of a variant; its best counts
constexpr double kLongSeconds = 25e-3;    // what takes longer runs once
constexpr double kWorthwhile = 1 / 1.03;  // of the time so far

}  // namespace

Tuner::Tuner(cl_command_queue queue, const Limits& limits, Counters& counters, int forced)
    : queue_(queue), limits_(limits), counters_(counters), forced_(forced) {}

double Tuner::seconds(size_t variant, const Variant& run) {
  const uint64_t start = common::now_ns();
  Submission commands(queue_, limits_, unseen_, {}, nullptr, nullptr);
  run(variant, commands);
  const EventRef done = commands.finish();
  check(clFinish(queue_), "clFinish");
  if (done->status() < 0) throw Failure(done->status(), done->message());
  return double(common::now_ns() - start) * 1e-9;
}

size_t Tuner::measure(size_t variants, const Variant& run) {
  size_t best = 0;
  double best_seconds = 0;
  for (size_t variant = 0; variant < variants; variant++) {
    // The first run may be the driver's compiler's.
    double least = seconds(variant, run);
    for (int i = 0; i < kRuns && least < kLongSeconds; i++)
      least = std::min(least, seconds(variant, run));
    if (variant == 0 || least < best_seconds * kWorthwhile) best = variant, best_seconds = least;
  }
  return best;
}

size_t Tuner::choose(const std::string& question, size_t variants, const Variant& run) {
  if (forced_ != kMeasure) return std::min(size_t(forced_), variants - 1);
  const std::lock_guard lock(mutex_);
  const auto known = answers_.find(question);
  if (known != answers_.end() && known->second < variants) return known->second;
  counters_.tunings++;
  size_t answer = 0;
  try {
    answer = measure(variants, run);
  } catch (const Failure&) {
    clFinish(queue_);
    return 0;  // what cannot be measured may still run; if not, the run says why
  }
  answers_[question] = answer;
  return answer;
}

std::string Tuner::text() const {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const auto& [question, answer] : answers_)
    lines += std::to_string(answer) + " " + question + "\n";
  return lines;
}

void Tuner::read(const std::string& lines) {
  const std::lock_guard lock(mutex_);
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    size_t answer = 0;
    std::string question;
    if (words >> answer && words.get() == ' ' && std::getline(words, question))
      answers_.emplace(question, answer);
  }
}

}  // namespace weft::opencl
