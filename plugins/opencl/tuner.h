// Which way of cutting a kernel's work is fastest on this device: measured once per question when
// an island is compiled, kept with the kernels' blob, never asked again while programs run.
//
//   choice = tuner.choose("product u4/32 576x1536 256", 3, [&](size_t variant, Submission& s) {
//     ...launches the variant...
//   });
//
// Variants give the same bits, so a choice is a matter of time alone. The first is what is taken
// without measuring; another must be faster by more than noise. Transformer-Lite picks its tiles
// per device by hand (spec A2); this is what an engine for any device needs instead.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "plugins/opencl/cl_handle.h"
#include "plugins/opencl/counters.h"
#include "plugins/opencl/limits.h"

namespace weft::opencl {

class Submission;

class Tuner {
 public:
  static constexpr int kMeasure = -1;
  // `forced`: kMeasure, or the variant that is always taken (the last where there are fewer).
  // `queue` and `limits` outlive the tuner.
  Tuner(cl_command_queue queue, const Limits& limits, Counters& counters, int forced);

  using Variant = std::function<void(size_t variant, Submission& commands)>;
  // The fastest of `variants`; 0 where a variant cannot be run, as for want of memory.
  size_t choose(const std::string& question, size_t variants, const Variant& run);

  // The answers so far, a line each: "variant question".
  std::string text() const;
  // Answers of an earlier start; those that are here already stay. What is no such line is passed
  // over, and a variant that there is not means that the question is asked again.
  void read(const std::string& lines);

 private:
  size_t measure(size_t variants, const Variant& run);
  double seconds(size_t variant, const Variant& run);

  cl_command_queue queue_;
  const Limits& limits_;
  Counters& counters_;
  const int forced_;
  mutable std::mutex mutex_;  // guards the rest, and lets one question be measured at a time
  Counters unseen_;           // work of measuring is none of the device's
  std::map<std::string, size_t> answers_;
};

}  // namespace weft::opencl
