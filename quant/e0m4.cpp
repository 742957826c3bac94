#include "quant/e0m4.h"

#include <cmath>

#include "quant/f16.h"

namespace weft::quant::e0m4 {

namespace {

float rounded_zero(double z) {
  if (std::fabs(z) >= kBase) return float(std::nearbyint(z * 128) / 128);
  return f16_to_f32(f32_to_f16(float(std::nearbyint(z * 1024) / 1024)));
}

// `cells` steps over the range, the same left over at both ends.
Grid centred(Range range, double cells) {
  const double low = range.low, high = range.high;
  const float scale = half_scale((high - low) / cells);
  return {scale, rounded_zero(kMost / 2.0 - (low + high) / 2 / double(scale))};
}

Grid edge(Range range) { return centred(range, kMost); }
Grid half_cell(Range range) { return centred(range, kMost + 1); }

Grid binade(Range range) {
  const float scale = half_scale((double(range.high) - double(range.low)) / (kMost + 0.5));
  return {scale, rounded_zero(-double(range.low) / double(scale))};
}

}  // namespace

std::optional<Grid> fit(std::span<const float> reals, Form form) {
  const std::optional<Range> range = range_of(reals);
  if (!range) return {};
  if (range->low == range->high) return constant_grid(range->low, 0);
  switch (form) {
    case Form::edge:
      return edge(*range);
    case Form::binade:
      return binade(*range);
    case Form::half_cell:
      return half_cell(*range);
    case Form::clipped:
      break;
  }
  return search_grid(reals, *range, kMost, edge);
}

std::optional<float> from_codes(float z) {
  const float stored = stored_zero(z);
  const bool exact = double(stored) == double(kBase) + double(z);
  return exact ? std::optional(stored) : std::nullopt;
}

}  // namespace weft::quant::e0m4
