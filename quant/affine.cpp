#include "quant/affine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "quant/f16.h"

namespace weft::quant {

namespace {

constexpr int kRatios = 20;            // steps of a search
constexpr double kRatioStep = 0.01;    // of the range
constexpr float kRounder = 0x1.8p+23;  // x + kRounder - kRounder is x rounded to even, |x| < 2^22
constexpr size_t kLanes = 8;

Grid asymmetric_over(Range range, int most) {
  const double low = std::min(range.low, 0.0f), high = std::max(range.high, 0.0f);
  const float scale = half_scale((high - low) / most);
  return {scale, float(std::clamp(std::nearbyint(-low / double(scale)), 0.0, double(most)))};
}
Grid asymmetric_15(Range range) { return asymmetric_over(range, 15); }
Grid asymmetric_255(Range range) { return asymmetric_over(range, 255); }

float lane_error(float x, const Grid& grid, float inverse, float most) {
  float code = x * inverse + grid.zero;
  code = code < 0 ? 0 : code;
  code = code > most ? most : code;
  code = (code + kRounder) - kRounder;
  const float error = (code - grid.zero) * grid.scale - x;
  return error * error;
}

// Sum of the squared errors, in f32 and in lanes: compared with its like, never reported.
double squared_error(std::span<const float> reals, const Grid& grid, int most) {
  const float inverse = 1 / grid.scale;
  std::array<float, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= reals.size(); i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += lane_error(reals[i + lane], grid, inverse, float(most));
  for (; i < reals.size(); ++i) sums[0] += lane_error(reals[i], grid, inverse, float(most));
  double sum = 0;
  for (const float lane : sums) sum += double(lane);
  return sum;
}

// The range with `left` and `right` hundredths of its width taken off.
Range part_of(Range range, int left, int right) {
  const double width = double(range.high) - double(range.low);
  return {float(range.low + width * kRatioStep * left),
          float(range.high - width * kRatioStep * right)};
}

}  // namespace

std::optional<Range> range_of(std::span<const float> reals) {
  Range range{std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()};
  bool finite = true;
  for (const float x : reals) {
    finite = finite && std::isfinite(x);
    range.low = std::min(range.low, x);
    range.high = std::max(range.high, x);
  }
  if (!finite) return {};
  return reals.empty() ? Range{} : range;
}

float half_scale(double scale) {
  const float half = f16_to_f32(f32_to_f16(float(scale)));
  const bool close = std::isfinite(half) && std::fabs(half - scale) <= std::fabs(scale) * 0x1p-9;
  return close ? half : float(scale);
}

Grid constant_grid(float value, float zero) { return {value == 0 ? 1 : value, zero}; }

Grid search_grid(std::span<const float> reals, Range range, int most, GridOf grid_of) {
  Grid best = grid_of(range);
  double least = squared_error(reals, best, most);
  const auto try_part = [&](int left, int right) {
    const Grid grid = grid_of(part_of(range, left, right));
    const double error = squared_error(reals, grid, most);
    if (!(error < least)) return false;
    best = grid;
    least = error;
    return true;
  };
  // Both ends by half of what is taken off; then either end alone.
  int left = 0, right = 0;
  for (int n = 1; n <= kRatios / 2; ++n)
    if (try_part(n, n)) left = right = n;
  const int middle = right;
  for (int n = 0; n <= kRatios; ++n)
    if (n != middle && try_part(n, middle)) left = n;
  for (int n = 0; n <= kRatios; ++n)
    if (n != middle && try_part(left, n)) right = n;
  return best;
}

std::optional<Grid> fit(std::span<const float> reals, Form form, int most) {
  const std::optional<Range> range = range_of(reals);
  if (!range) return {};
  const float middle = float(most / 2 + 1);
  if (range->low == range->high) {
    const bool in_middle = form == Form::symmetric || form == Form::extreme;
    return constant_grid(range->low, in_middle ? middle : 0);
  }
  const float largest = -range->low > range->high ? range->low : range->high;
  switch (form) {
    case Form::symmetric:
      return Grid{half_scale(std::fabs(double(largest)) / (middle - 1)), middle};
    case Form::extreme:
      return Grid{half_scale(double(largest) / -middle), middle};
    case Form::asymmetric:
      return asymmetric_over(*range, most);
    case Form::clipped:
      break;
  }
  return search_grid(reals, *range, most, most == 15 ? asymmetric_15 : asymmetric_255);
}

void encode(std::span<const float> reals, const Grid& grid, int most, std::span<uint8_t> codes) {
  for (size_t i = 0; i < reals.size(); ++i) {
    const double code = double(reals[i]) / double(grid.scale) + double(grid.zero);
    codes[i] = uint8_t(std::clamp(std::nearbyint(code), 0.0, double(most)));
  }
}

void Loss::add(std::span<const float> reals, std::span<const uint8_t> codes, const Grid& grid) {
  double largest = 0;
  for (size_t i = 0; i < reals.size(); ++i) {
    const double real = reals[i], error = double(decode(codes[i], grid)) - real;
    signal += real * real;
    noise += error * error;
    largest = std::max(largest, std::fabs(error));
  }
  const Range range = range_of(reals).value_or(Range{});
  const double width = double(range.high) - double(range.low);
  if (width > 0) worst = std::max(worst, largest / width);
}

void Loss::add(const Loss& other) {
  signal += other.signal;
  noise += other.noise;
  worst = std::max(worst, other.worst);
}

double Loss::sqnr_db() const {
  return noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
}

}  // namespace weft::quant
