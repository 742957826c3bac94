// How long the stages of a prompt take, learned while they run.
//
//   add(stage, rows, past, ns)     one run
//   expect(stage, rows, past)      a line over `past`, by stage and number of rows
//
// Attention grows with what is in the cache and a product does not, so every stage has a line, not
// a mean: least squares over its runs, of which each counts a tenth less than the one after it.
// Rows are taken in steps of powers of two; a number of rows that never ran is taken from the
// nearest that did, in proportion.
//
// Files are text, one line per stage and number of rows; one that cannot be read is as good as
// none. Threads: one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <utility>

#include "core/base/result.h"

namespace weft::runtime {

// Beside the entries of the preparation cache, named after the programs.
constexpr const char* kTaskTimesSuffix = ".tasktimes";

class TaskTimes {
 public:
  void add(uint32_t stage, int64_t rows, int64_t past, int64_t ns);
  // 0: nothing is known about the stage. Else at least 1.
  int64_t expect(uint32_t stage, int64_t rows, int64_t past) const;
  // Whether each of stages 0 to count - 1 has run.
  bool knows(uint32_t count) const;

  // Whether what is expected has moved by more than a fifth anywhere since load() or save().
  bool has_moved() const;
  void load(const std::filesystem::path& file);
  Status save(const std::filesystem::path& file);

 private:
  // Sums of weights, x, y, x * x, x * y; x is past, y nanoseconds.
  struct Line {
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    double saved_ns = 0;  // its mean when it was last saved
    double at(double past) const;
  };
  std::map<std::pair<uint32_t, int64_t>, Line> lines_;  // by stage and rows
};

}  // namespace weft::runtime
