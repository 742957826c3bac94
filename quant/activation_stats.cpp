#include "quant/activation_stats.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace weft::quant {

namespace {

constexpr uint32_t kShift = 16;         // bits of a mantissa that a bin does not tell apart
constexpr uint32_t kChannelShift = 20;  // of a channel's
constexpr size_t kBins = 0x7f80'0000u >> kShift;
// Channels tell apart magnitudes from 2^-20 to 2^20; what is beyond counts as that.
constexpr uint32_t kFirst = uint32_t(127 - 20) << 3, kChannelBins = 40 << 3;

float magnitude_of(size_t bin) { return std::bit_cast<float>(uint32_t(bin) << kShift); }
// The magnitude that stands for all of a bin.
double middle_of(size_t bin) {
  return 0.5 * (double(magnitude_of(bin)) + double(magnitude_of(bin + 1)));
}

uint32_t channel_bin(uint32_t bits) {
  const uint32_t bin = bits >> kChannelShift;
  return bin < kFirst ? 0 : std::min(bin - kFirst, kChannelBins - 1);
}

// The squared error of a magnitude as a code. Within a bin that spans several steps the error of
// the middle says nothing, the mean over a step does.
double squared_error(double x, double width, double step, bool clipped) {
  if (clipped && x > 127.5 * step) return (x - 127 * step) * (x - 127 * step);
  if (width > step / 4) return step * step / 12;
  const double error = x - std::nearbyint(x / step) * step;
  return error * error;
}

}  // namespace

ActivationStats::ActivationStats(int64_t channels, std::span<const double> weight_energy)
    : weight_energy_(weight_energy.begin(), weight_energy.end()),
      largest_(size_t(channels), 0.0f),
      bins_(kBins),
      channel_bins_(size_t(channels) * kChannelBins, 0) {}

bool ActivationStats::add(std::span<const float> rows) {
  const size_t n = largest_.size();
  for (size_t first = 0; first + n <= rows.size(); first += n) {
    for (size_t k = 0; k < n; ++k) {
      const float x = std::abs(rows[first + k]);
      if (!std::isfinite(x)) return false;
      const auto bits = std::bit_cast<uint32_t>(x);
      largest_[k] = std::max(largest_[k], x);
      Bin& bin = bins_[bits >> kShift];
      ++bin.count;
      bin.energy += weight_energy_[k];
      ++channel_bins_[k * kChannelBins + channel_bin(bits)];
    }
    ++rows_;
  }
  return true;
}

float ActivationStats::largest() const {
  return largest_.empty() ? 0 : *std::max_element(largest_.begin(), largest_.end());
}

double ActivationStats::quantile(double share) const {
  const double wanted = share * double(rows_) * double(largest_.size());
  double count = 0;
  for (size_t bin = 0; bin < kBins; ++bin) {
    count += double(bins_[bin].count);
    if (bins_[bin].count && count >= wanted) return std::min(middle_of(bin), double(largest()));
  }
  return largest();
}

double ActivationStats::noise(double step, bool clipped) const {
  double sum = 0;
  for (size_t bin = 0; bin < kBins; ++bin) {
    if (!bins_[bin].count) continue;
    const double width = double(magnitude_of(bin + 1)) - double(magnitude_of(bin));
    sum += bins_[bin].energy * squared_error(middle_of(bin), width, step, clipped);
  }
  return rows_ ? sum / double(rows_) : 0;
}

double ActivationStats::signal(double limit) const {
  double sum = 0;
  for (size_t bin = 0; bin < kBins && double(magnitude_of(bin)) <= limit; ++bin) {
    if (bins_[bin].count) sum += bins_[bin].energy * middle_of(bin) * middle_of(bin);
  }
  return rows_ ? sum / double(rows_) : 0;
}

std::vector<int64_t> ActivationStats::beyond(double step) const {
  const uint32_t from = channel_bin(std::bit_cast<uint32_t>(float(127.5 * step)));
  std::vector<int64_t> counts(largest_.size(), 0);
  for (size_t k = 0; k < counts.size(); ++k) {
    if (double(largest_[k]) <= 127.5 * step) continue;
    for (uint32_t bin = from + 1; bin < kChannelBins; ++bin)
      counts[k] += channel_bins_[k * kChannelBins + bin];
    // The largest is known to be beyond, whatever bin it shares.
    counts[k] = std::max<int64_t>(counts[k], 1);
  }
  return counts;
}

}  // namespace weft::quant
