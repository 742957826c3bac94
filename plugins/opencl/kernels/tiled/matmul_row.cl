// y [m, n] = x [m, k] by a packed weight, m up to R: matmul_row of one row, matmul_few_2, _4, _8.
// One panel per work-group of PANEL * SLICES items, each with one column and every SLICES-th group
// of k.
//
// Neighbouring items read neighbouring words of a panel, each word once for all rows; the slices
// of a column meet in local memory, at most 4 KiB. The sums of one row are the same whatever R is.
#define FEW(name, R)                                                                              \
  kernel __attribute__((reqd_work_group_size(PANEL * SLICES, 1, 1))) void name(                   \
      global const float* x, long x_at, global const uint* w, global float* y, long y_at,         \
      Weight f, int m) {                                                                          \
    local float partial[R][SLICES][PANEL];                                                        \
    const int lane = get_local_id(0) % PANEL, slice = get_local_id(0) / PANEL;                    \
    const int column = GROUP_ID(0) * PANEL + lane;                                            \
    x += x_at;                                                                                    \
    w += (long)GROUP_ID(0) * f.panel_words;                                                   \
    float sums[R];                                                                                \
    for (int r = 0; r < R; r++) sums[r] = 0;                                                      \
    for (int group = slice; group * 8 < f.k; group += SLICES) {                                   \
      float d[8];                                                                                 \
      decode_column(w, f, group, lane, d);                                                        \
      const int count = min(8, f.k - group * 8);                                                  \
      for (int r = 0; r < R; r++) {                                                               \
        global const float* a = x + (long)min(r, m - 1) * f.k + group * 8;                        \
        if (count == 8) {                                                                         \
          for (int i = 0; i < 8; i++) sums[r] = fma(a[i], d[i], sums[r]);                         \
        } else {                                                                                  \
          for (int i = 0; i < 7; i++)                                                             \
            if (i < count) sums[r] = fma(a[i], d[i], sums[r]);                                    \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
    for (int r = 0; r < R; r++) partial[r][slice][lane] = sums[r];                                \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                 \
    for (int r = slice; r < min(m, R); r += SLICES) {                                             \
      float sum = partial[r][0][lane];                                                            \
      for (int s = 1; s < SLICES; s++) sum += partial[r][s][lane];                                \
      if (column < f.columns) y[y_at + (long)r * f.stride + f.first + column] = sum;              \
    }                                                                                             \
  }

FEW(matmul_row, 1)
FEW(matmul_few_2, 2)
FEW(matmul_few_4, 4)
FEW(matmul_few_8, 8)
