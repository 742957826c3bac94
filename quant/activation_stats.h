// What one linear's input looks like over a text: the ground for its int8 step.
//
//   ActivationStats stats(channels, weight_energy);
//   stats.add(rows);                      [rows, channels], any number of times
//   stats.quantile(0.999)                 of |x|
//   stats.noise(step, true)               squared error of the product per row, if x were codes
//
// Magnitudes are counted in bins of relative width 2^-7 (a float's bits without the low 16 of its
// mantissa), so a quantile is right to 1 part in 128 and sums over bins nearly so; the largest
// magnitudes are exact. Per channel, bins are of relative width 2^-3.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::quant {

class ActivationStats {
 public:
  // `weight_energy` holds sum_n w_kn^2 of each input channel k.
  ActivationStats(int64_t channels, std::span<const double> weight_energy);

  // Fails (false) at a value that is not finite; what came before it counts.
  bool add(std::span<const float> rows);

  int64_t channels() const { return int64_t(largest_.size()); }
  int64_t rows() const { return rows_; }
  // Exact: max |x|, over all channels and of each.
  float largest() const;
  std::span<const float> largest_of_channels() const { return largest_; }
  // A magnitude that `share` of all elements are not beyond.
  double quantile(double share) const;

  // The mean over rows of the squared error of x W when x becomes round(x / step) * step, codes
  // within -128 .. 127 if `clipped`, of any size if not; errors of elements are taken as
  // independent. `signal` is the same sum of x itself, of magnitudes up to `limit`.
  double noise(double step, bool clipped) const;
  double signal(double limit) const;
  double signal() const { return signal(double(largest()) * 2); }

  // Elements whose code would be beyond -128 .. 127, to the precision of a channel's bins.
  std::vector<int64_t> beyond(double step) const;

 private:
  struct Bin {
    uint64_t count = 0;
    double energy = 0;  // sum of the weight energies of its elements
  };
  std::vector<double> weight_energy_;
  std::vector<float> largest_;
  std::vector<Bin> bins_;
  std::vector<uint32_t> channel_bins_;  // [channels, kChannelBins]
  int64_t rows_ = 0;
};

}  // namespace weft::quant
