// The body of the matrix products: ROWS rows by COLUMNS columns per invocation, exact.
//
//   a   [rows padded to 8][words]   int64, 8 codes of a row each, lowest byte first
//   w   panels of 512 columns, each [words][columns of the panel]   int64, 8 codes of a column
//
// A workgroup of LANES takes ROWS rows and LANES * COLUMNS columns of a panel; lane l has the columns
// l, l + LANES, ... of them, so neighbouring lanes load neighbouring words. Sums are floats for 512
// codes at a time: 512 products of at most 2^14 stay within 2^23, where floats are exact, and a
// float multiplication costs less than an integer one on what this runs on. So every tiling gives
// the same bits.
//
// The build defines the three (tiles.def). The including file defines store_sum(row, column, sum).

const uint kPanel = 512, kFlush = 64;  // columns, words
const uint kWide = LANES * COLUMNS;    // columns of a workgroup

layout(local_size_x = LANES) in;
layout(set = 0, binding = 0, std430) readonly buffer Activations { int64_t a[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weights { int64_t w[]; };

#include "plugins/vulkan_npu/kernels/arguments.glsl"

// Byte `at` of a word, sign-extended.
float code(ivec2 word, int at) { return float(bitfieldExtract(word[at >> 2], (at & 3) * 8, 8)); }

void main() {
  // Neighbouring workgroups share rows, or columns where the tuner found that faster.
  const uint part = args.by_rows == 1 ? gl_WorkGroupID.y : gl_WorkGroupID.x;
  const uint row = (args.by_rows == 1 ? gl_WorkGroupID.x : gl_WorkGroupID.y) * ROWS;
  const uint in_panel = part % (kPanel / kWide) * kWide;
  const uint panel = args.first_panel + part / (kPanel / kWide);
  const uint width = min(kPanel, args.columns - panel * kPanel);
  if (in_panel >= width) return;
  const uint panel_base = part / (kPanel / kWide) * kPanel * args.words;
  const uint a_row = args.a_base + row * args.words;
  const uint lane = in_panel + gl_LocalInvocationID.x;

  int sums[ROWS][COLUMNS];
  uint column[COLUMNS];
  [[unroll]] for (int j = 0; j < COLUMNS; ++j) {
    // Columns past the panel read its last one, and are not stored.
    column[j] = panel_base + min(lane + uint(j) * LANES, width - 1);
    [[unroll]] for (int i = 0; i < ROWS; ++i) sums[i][j] = 0;
  }
  for (uint first = 0; first < args.words; first += kFlush) {
    float part_sum[ROWS][COLUMNS];
    [[unroll]] for (int i = 0; i < ROWS; ++i)
      [[unroll]] for (int j = 0; j < COLUMNS; ++j) part_sum[i][j] = 0;
    const uint end = min(first + kFlush, args.words);
    for (uint k = first; k < end; ++k) {
      ivec2 left[ROWS], right[COLUMNS];
      [[unroll]] for (int i = 0; i < ROWS; ++i) left[i] = unpack32(a[a_row + uint(i) * args.words + k]);
      [[unroll]] for (int j = 0; j < COLUMNS; ++j) right[j] = unpack32(w[column[j] + k * width]);
      [[unroll]] for (int t = 0; t < 8; ++t) {
        float y[COLUMNS];
        [[unroll]] for (int j = 0; j < COLUMNS; ++j) y[j] = code(right[j], t);
        [[unroll]] for (int i = 0; i < ROWS; ++i) {
          const float x = code(left[i], t);
          [[unroll]] for (int j = 0; j < COLUMNS; ++j)
            part_sum[i][j] = fma(x, y[j], part_sum[i][j]);
        }
      }
    }
    [[unroll]] for (int i = 0; i < ROWS; ++i)
      [[unroll]] for (int j = 0; j < COLUMNS; ++j) sums[i][j] += int(part_sum[i][j]);
  }
  [[unroll]] for (int i = 0; i < ROWS; ++i) {
    if (row + uint(i) >= args.rows) break;
    [[unroll]] for (int j = 0; j < COLUMNS; ++j) {
      const uint at = lane + uint(j) * LANES;
      if (at < width) store_sum(row + uint(i), panel * kPanel + at, sums[i][j]);
    }
  }
}
