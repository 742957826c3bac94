// The body of both matrix products: 8 rows by 8 columns per invocation, exact.
//
//   a   [rows padded to 8][words]   int64, 8 codes of a row each, lowest byte first
//   w   panels of 512 columns, each [words][columns of the panel]   int64, 8 codes of a column
//
// A workgroup of 64 takes one panel and 8 rows; lane l has the columns l, l + 64, ... of the panel,
// so neighbouring lanes load neighbouring words. Sums are floats for 512 codes at a time: 512
// products of at most 2^14 stay within 2^23, where floats are exact, and a float multiplication
// costs less than an integer one on what this runs on.
//
// The including file defines store_sum(row, column, sum).

const uint kPanel = 512, kLanes = 64, kFlush = 64;  // columns, invocations, words

layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Activations { int64_t a[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weights { int64_t w[]; };

#include "plugins/vulkan_npu/kernels/arguments.glsl"

// Byte `at` of a word, sign-extended.
float code(ivec2 word, int at) { return float(bitfieldExtract(word[at >> 2], (at & 3) * 8, 8)); }

void main() {
  const uint panel = args.first_panel + gl_WorkGroupID.x;
  const uint width = min(kPanel, args.columns - panel * kPanel);
  const uint panel_base = gl_WorkGroupID.x * kPanel * args.words;
  const uint row = gl_WorkGroupID.y * 8;
  const uint a_row = args.a_base + row * args.words;
  const uint lane = gl_LocalInvocationID.x;

  int sums[8][8];
  uint column[8];
  [[unroll]] for (int j = 0; j < 8; ++j) {
    // Columns past the panel read its last one, and are not stored.
    column[j] = panel_base + min(lane + uint(j) * kLanes, width - 1);
    [[unroll]] for (int i = 0; i < 8; ++i) sums[i][j] = 0;
  }
  for (uint first = 0; first < args.words; first += kFlush) {
    float part[8][8];
    [[unroll]] for (int i = 0; i < 8; ++i)
      [[unroll]] for (int j = 0; j < 8; ++j) part[i][j] = 0;
    const uint end = min(first + kFlush, args.words);
    for (uint k = first; k < end; ++k) {
      ivec2 left[8], right[8];
      [[unroll]] for (int i = 0; i < 8; ++i) left[i] = unpack32(a[a_row + uint(i) * args.words + k]);
      [[unroll]] for (int j = 0; j < 8; ++j) right[j] = unpack32(w[column[j] + k * width]);
      [[unroll]] for (int t = 0; t < 8; ++t) {
        float y[8];
        [[unroll]] for (int j = 0; j < 8; ++j) y[j] = code(right[j], t);
        [[unroll]] for (int i = 0; i < 8; ++i) {
          const float x = code(left[i], t);
          [[unroll]] for (int j = 0; j < 8; ++j) part[i][j] = fma(x, y[j], part[i][j]);
        }
      }
    }
    [[unroll]] for (int i = 0; i < 8; ++i)
      [[unroll]] for (int j = 0; j < 8; ++j) sums[i][j] += int(part[i][j]);
  }
  [[unroll]] for (int i = 0; i < 8; ++i) {
    if (row + uint(i) >= args.rows) break;
    [[unroll]] for (int j = 0; j < 8; ++j) {
      const uint at = lane + uint(j) * kLanes;
      if (at < width) store_sum(row + uint(i), panel * kPanel + at, sums[i][j]);
    }
  }
}
