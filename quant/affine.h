// Groups of reals as codes of 4 or 8 bits on an evenly spaced grid, and how well they fit.
//
//   real(code) = (code - zero) * scale          code in 0 .. most, most = 15 or 255
//
//   form         scale                 zero                  reaches
//   symmetric    max|x| / 7 (127)      8 (128)               -max|x| .. max|x|, code 0 unused
//   extreme      x / -8 (-128)         8 (128)               the x of largest size, exactly
//   asymmetric   (max - min) / most    round(-min / scale)   min .. max and 0, to half a step
//   clipped      of asymmetric over the part of min .. max that leaves the least squared error
//
// Scales are halves (f16) held in f32, so that they take 16 bits wherever they are packed; where a
// half is off by more than 2^-9 (smaller than 2^-16, larger than 65504) the f32 stays. Codes are
// the nearest on the grid so rounded. Zeros are codes. A group of equal reals becomes that real
// exactly: the scale is the real, the code 1 above zero.
//
// Error of a real within the grid: scale / 2. "extreme" is how ggml's Q4_0 chooses its scale.
// Threads: any; there is no state.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace weft::quant {

struct Grid {
  float scale = 1, zero = 0;
  bool operator==(const Grid&) const = default;
};

enum class Form { symmetric, extreme, asymmetric, clipped };

// The grid of one group; nothing when a real is a NaN or an infinity. `most` is 15 or 255.
std::optional<Grid> fit(std::span<const float> reals, Form form, int most);

// The nearest codes, ties to the even one.
void encode(std::span<const float> reals, const Grid& grid, int most, std::span<uint8_t> codes);

// Rounded once, from the exact value: what the reference and every backend make of the code.
inline float decode(int code, const Grid& grid) {
  return float((double(code) - double(grid.zero)) * double(grid.scale));
}

// What codes lose, summed over groups.
struct Loss {
  double signal = 0, noise = 0;  // sums of squares of the reals, and of the errors
  double worst = 0;              // largest error, over the range (max - min) of its group

  void add(std::span<const float> reals, std::span<const uint8_t> codes, const Grid& grid);
  void add(const Loss& other);
  // 10 log10(signal / noise); infinite when nothing is lost.
  double sqnr_db() const;
};

// Parts that formats of other grids share.

struct Range {
  float low = 0, high = 0;
};
// Nothing when a real is not finite.
std::optional<Range> range_of(std::span<const float> reals);
// The half nearest to `scale`, or its f32 where a half is too coarse.
float half_scale(double scale);
// Of a group whose reals all are `value`.
Grid constant_grid(float value, float zero);

// Makes the grid for a part of a range.
using GridOf = Grid (*)(Range range);
// The grid of least squared error among those of `grid_of` over the whole range, over its middle
// 80 to 100 %, and over what is left when one end of the best of those moves in by up to 20 %.
Grid search_grid(std::span<const float> reals, Range range, int most, GridOf grid_of);

}  // namespace weft::quant
