// What is known of symbols: an interval each, and proofs that follow from the intervals.
//
//   bounds.set("seq", {1, 512});  bounds.set("past", {0, 2048});
//   bounds.ge(Dim::symbol("past") + Dim::symbol("seq"), 1)   -> yes, for every binding
//
// Proof of a >= b: put s = s' + lo(s) into a - b; if no coefficient is negative it holds for all
// s' >= 0. Otherwise the corners of the box decide where a - b is linear in each symbol, interval
// arithmetic elsewhere; then the same with large = small + rest put in for symbols of which one
// never exceeds the other; or the answer is `unknown`: the memory planner then treats the pair as
// not comparable. An answer other than `unknown` is a proof.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/sym/dim.h"

namespace weft::sym {

constexpr int64_t kUnbounded = INT64_MAX;

struct Interval {
  int64_t lo = 0;
  int64_t hi = kUnbounded;
};

enum class Truth : uint8_t { no, yes, unknown };

class Bounds {
 public:
  void set(const std::string& symbol, Interval interval) { intervals_[symbol] = interval; }
  // The symbol `small` never exceeds the symbol `large`: more than two intervals can say. Known to
  // proofs only; not part of what a graph prints.
  void set_at_most(const std::string& small, const std::string& large) {
    at_most_.emplace_back(small, large);
  }
  const std::vector<std::pair<std::string, std::string>>& at_most() const { return at_most_; }
  // [0, unbounded] for a symbol never set: dims are not negative.
  Interval of(std::string_view symbol) const;
  // An interval that holds every value of `dim`.
  Interval of(const Dim& dim) const;
  Truth ge(const Dim& a, const Dim& b) const;
  const std::map<std::string, Interval, std::less<>>& all() const { return intervals_; }

 private:
  Truth ge_by_intervals(const Dim& difference) const;
  std::map<std::string, Interval, std::less<>> intervals_;
  std::vector<std::pair<std::string, std::string>> at_most_;  // small, large
};

}  // namespace weft::sym
