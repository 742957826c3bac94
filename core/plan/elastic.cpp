#include "core/plan/elastic.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <set>

#include "core/plan/memory.h"

namespace weft::plan {

using sym::Bindings;
using sym::Bounds;
using sym::Dim;
using sym::Truth;

namespace {

constexpr double kGood = 1.09;     // times the least arena: a better plan is not worth its time
constexpr double kWorthIt = 0.01;  // what a choice between two plans must gain

// A height in the arena: the largest of some expressions, none of which provably is it.
class Height {
 public:
  explicit Height(Dim only = 0) : parts_{std::move(only)} {}

  void raise_to(const Height& other, const Bounds& bounds) {
    for (const Dim& part : other.parts_) raise_to(part, bounds);
  }
  Height plus(const Dim& size) const {
    Height sum = *this;
    for (Dim& part : sum.parts_) part = part + size;
    return sum;
  }
  // Whether `other` is at or below this height for every binding.
  bool provably_holds(const Height& other, const Bounds& bounds) const {
    return std::all_of(other.parts_.begin(), other.parts_.end(), [&](const Dim& low) {
      return std::any_of(parts_.begin(), parts_.end(),
                         [&](const Dim& high) { return bounds.ge(high, low) == Truth::yes; });
    });
  }
  int64_t at(const Bindings& point) const {
    int64_t most = 0;
    for (const Dim& part : parts_) most = std::max(most, part.eval(point).value_or(0));
    return most;
  }
  Dim dim() const {
    Dim largest = parts_[0];
    for (size_t i = 1; i < parts_.size(); ++i) largest = sym::max(largest, parts_[i]);
    return largest;
  }

 private:
  void raise_to(const Dim& dim, const Bounds& bounds) {
    for (const Dim& part : parts_) {
      if (bounds.ge(part, dim) == Truth::yes) return;
    }
    std::erase_if(parts_, [&](const Dim& part) { return bounds.ge(dim, part) == Truth::yes; });
    parts_.push_back(dim);
  }
  std::vector<Dim> parts_;
};

// Rounded up to the alignment; an expression whose every coefficient is a multiple stays as it is.
Dim aligned(const Dim& bytes) {
  return sym::floordiv(bytes + Dim(kAlignment - 1), kAlignment) * Dim(kAlignment);
}

bool live_together(const ElasticBlock& a, const ElasticBlock& b) {
  return a.first <= b.last && b.first <= a.last;
}

// Which block is placed first: the largest, the one that is needed first, the longest-lived, or by
// size and lifetime with some chance in it.
enum class Order : uint8_t { size, time, duration, mixed };

// One way to place all blocks: in an order, by the sizes they have at one point.
class Attempt {
 public:
  Attempt(const std::vector<ElasticBlock>& blocks, const std::vector<Dim>& sizes,
          const Bounds& bounds, const Bindings& point, Order by, uint32_t seed)
      : blocks_(blocks), sizes_(sizes), bounds_(bounds), point_(point) {
    std::vector<double> weight;
    std::minstd_rand random(seed);
    const double share = double(random() % 4) / 2;
    for (size_t i = 0; i < blocks.size(); ++i) {
      const double size = double(sizes[i].eval(point).value_or(0));
      const double duration = double(blocks[i].last - blocks[i].first);
      const auto chance = [&] { return double(random() % 1024) / 512 - 1; };
      weight.push_back(by == Order::size   ? size
                       : by == Order::time ? -double(blocks[i].first)
                       : by == Order::duration
                           ? duration * double(int64_t{1} << 40) + size
                           : size * std::exp2(chance()) * std::pow(duration, share));
    }
    std::vector<size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return weight[a] > weight[b]; });
    offsets.resize(blocks.size());
    placed_.reserve(blocks.size());
    for (const size_t i : order) place(i);
  }

  std::vector<Height> offsets;
  Height arena;

 private:
  struct Placed {
    size_t block = 0;
    Height offset, end;
    int64_t offset_at_point = 0;
  };

  void place(size_t block) {
    std::vector<const Placed*> live;
    std::copy_if(by_offset_.begin(), by_offset_.end(), std::back_inserter(live),
                 [&](const Placed* p) { return live_together(blocks_[block], blocks_[p->block]); });
    const Height at = find_place(live, sizes_[block]);
    placed_.push_back({block, at, at.plus(sizes_[block]), at.at(point_)});
    offsets[block] = at;
    arena.raise_to(placed_.back().end, bounds_);
    const auto after = std::upper_bound(
        by_offset_.begin(), by_offset_.end(), &placed_.back(),
        [](const Placed* a, const Placed* b) { return a->offset_at_point < b->offset_at_point; });
    by_offset_.insert(after, &placed_.back());
  }

  // The tightest gap that provably holds `size` bytes; else the top. `live` are the blocks that are
  // live with the new one, by offset.
  Height find_place(const std::vector<const Placed*>& live, const Dim& size) const {
    Height below, best;
    int64_t best_waste = INT64_MAX;
    bool found = false;
    for (size_t k = 0; k <= live.size(); ++k) {
      const Height end = below.plus(size);
      const bool fits = std::all_of(live.begin() + ptrdiff_t(k), live.end(), [&](const Placed* p) {
        return p->offset.provably_holds(end, bounds_);
      });
      const int64_t waste =
          k == live.size() ? INT64_MAX : live[k]->offset_at_point - end.at(point_);
      if (fits && (!found || waste < best_waste)) {
        best = below;
        best_waste = waste;
        found = true;
      }
      if (k < live.size()) below.raise_to(live[k]->end, bounds_);
    }
    return best;
  }

  const std::vector<ElasticBlock>& blocks_;
  const std::vector<Dim>& sizes_;
  const Bounds& bounds_;
  const Bindings& point_;
  std::vector<Placed> placed_;  // reserved: entries do not move
  std::vector<const Placed*> by_offset_;
};

// Bindings that stand for all: every symbol at its largest, then at its least; each alone at one of
// the two; and mixtures of lengths between.
std::vector<Bindings> sample_points(const std::vector<Dim>& sizes, const Bounds& bounds) {
  constexpr size_t kMixtures = 48, kSymbols = 4;
  std::set<std::string> names;
  for (const Dim& size : sizes) names.merge(size.symbols());
  const std::vector<std::string> symbols(names.begin(), names.end());
  const size_t alone = 2 * std::min(symbols.size(), kSymbols);
  std::vector<Bindings> points(symbols.empty() ? 1 : 2 + alone + kMixtures);
  std::minstd_rand random(1);
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t s = 0; s < symbols.size(); ++s) {
      const sym::Interval range = bounds.of(symbols[s]);
      const double low = double(std::max<int64_t>(range.lo, 1)), high = double(range.hi);
      const double shares[] = {1, 0, 0.1, 0.2, 0.35, 0.5, 0.75, 0.9};
      size_t share = random() % std::size(shares);
      if (i < 2)
        share = i;
      else if (i < 2 + alone)
        share = (i / 2 - 1 == s) == (i % 2 == 0) ? 0 : 1;
      points[i][symbols[s]] =
          share == 1 ? range.lo
                     : int64_t(std::min(high, low * std::pow(high / low, shares[share])));
    }
    for (const auto& [small, large] : bounds.at_most()) {
      if (names.contains(small) && names.contains(large))
        points[i][small] = std::min(points[i][small], points[i][large]);
    }
  }
  return points;
}

// Bytes that no plan can do without at `point`: what lives at the fullest step.
int64_t least_arena(const std::vector<ElasticBlock>& blocks, const std::vector<Dim>& sizes,
                    const Bindings& point) {
  std::map<int64_t, int64_t> changes;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const int64_t size = sizes[i].eval(point).value_or(0);
    changes[blocks[i].first] += size;
    changes[blocks[i].last + 1] -= size;
  }
  int64_t now = 0, most = 1;
  for (const auto& [step, change] : changes) most = std::max(most, now += change);
  return most;
}

// A finished attempt, and at each sample point its arena in multiples of the least possible.
struct Candidate {
  std::vector<Dim> offsets;
  Dim arena;
  std::vector<double> ratios;

  double worst() const { return *std::max_element(ratios.begin(), ratios.end()); }
  double worst_with(const Candidate& other) const {
    double most = 0;
    for (size_t k = 0; k < ratios.size(); ++k)
      most = std::max(most, std::min(ratios[k], other.ratios[k]));
    return most;
  }
};

Candidate candidate_of(const Attempt& attempt, const std::vector<Bindings>& points,
                       const std::vector<int64_t>& least) {
  Candidate out;
  for (const Height& offset : attempt.offsets) out.offsets.push_back(offset.dim());
  out.arena = attempt.arena.dim();
  for (size_t k = 0; k < points.size(); ++k)
    out.ratios.push_back(double(attempt.arena.at(points[k])) / double(least[k]));
  return out;
}

std::vector<Candidate> attempts_at(const std::vector<ElasticBlock>& blocks,
                                   const std::vector<Dim>& sizes, const Bounds& bounds) {
  constexpr size_t kPairs = 400'000;  // of blocks that all attempts may look at
  const std::vector<Bindings> points = sample_points(sizes, bounds);
  std::vector<int64_t> least;
  for (const Bindings& point : points) least.push_back(least_arena(blocks, sizes, point));
  std::vector<Candidate> candidates;
  // An attempt takes a time that grows with the square of the blocks.
  const size_t attempts =
      std::clamp<size_t>(kPairs / std::max<size_t>(blocks.size() * blocks.size(), 1), 1, 64);
  for (uint32_t i = 0; i < attempts; ++i) {
    const Order order = i < 12   ? Order::size
                        : i < 14 ? Order::time
                        : i < 18 ? Order::duration
                                 : Order::mixed;
    const Attempt attempt(blocks, sizes, bounds, points[i % points.size()], order, i + 1);
    candidates.push_back(candidate_of(attempt, points, least));
    if (candidates.back().worst() <= kGood) break;
  }
  return candidates;
}

}  // namespace

Dim assign_elastic_offsets(std::vector<ElasticBlock>& blocks, const Bounds& bounds) {
  std::vector<Dim> sizes;
  for (const ElasticBlock& block : blocks) sizes.push_back(aligned(block.size_bytes));
  const std::vector<Candidate> candidates = attempts_at(blocks, sizes, bounds);
  const Candidate *one = &candidates[0], *other = one;
  for (const Candidate& candidate : candidates)
    if (candidate.worst() < one->worst()) one = other = &candidate;
  for (const Candidate& a : candidates) {
    if (one->worst_with(*other) <= kGood) break;
    for (const Candidate& b : candidates)
      if (a.worst_with(b) < one->worst_with(*other) - kWorthIt) one = &a, other = &b;
  }
  if (one == other) {
    for (size_t i = 0; i < blocks.size(); ++i) blocks[i].offset = one->offsets[i];
    return one->arena;
  }
  // 1 where the first plan's arena is the smaller, else 0.
  const Dim first = sym::min(1, sym::max(0, other->arena - one->arena));
  for (size_t i = 0; i < blocks.size(); ++i)
    blocks[i].offset = other->offsets[i] + first * (one->offsets[i] - other->offsets[i]);
  return sym::min(one->arena, other->arena);
}

}  // namespace weft::plan
