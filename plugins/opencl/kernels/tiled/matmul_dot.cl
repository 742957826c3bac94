// y [m, n] = x [m, k] by a packed weight of codes, with rows of int8: matmul_dot_rows, then
// matmul_dot. Chunks of k, which no block of the weight crosses, have a scale per row:
//
//   x ~ a * row_scale,  w = (c - zero) * scale
//   sum x w ~ row_scale * scale * (sum a c - zero * sum a), both sums exact integers
//
//   rows     words of quantized rows: [m][2 * groups] codes, k 0..3 and 4..7 of every group;
//            [m][chunks] scales; [m][chunks] sums of codes

#if INTEGER_DOT
#pragma OPENCL EXTENSION cl_khr_integer_dot_product : enable
#define dot4(a, b) dot_4x8packed_ss_int(a, b)
#else
int dot4(uint a, uint b) {
  const char4 p = as_char4(a), q = as_char4(b);
  return p.x * q.x + p.y * q.y + p.z * q.z + p.w * q.w;
}
#endif

// One chunk of one row per item, global size (chunks, m).
kernel void matmul_dot_rows(global const float* x, long x_at, global uint* rows, long rows_at,
                            int k, int m, int chunk) {
  const int at = get_global_id(0), row = get_global_id(1), chunks = (k + chunk - 1) / chunk;
  if (at >= chunks || row >= m) return;
  const int row_words = (k + 7) / 8 * 2, count = min(chunk, k - at * chunk);
  x += x_at + (long)row * k + at * chunk;
  rows += rows_at;
  float most = 0;
  for (int i = 0; i < count; i++) most = fmax(most, fabs(x[i]));
  const float inverse = most > 0 ? 127 / most : 0;
  int sum = 0;
  global uint* to = rows + (long)row * row_words + at * chunk / 4;
  for (int j = 0; j < min(chunk / 4, row_words - at * chunk / 4); j++) {
    uint word = 0;
    for (int b = 0; b < 4; b++) {
      const int code = 4 * j + b < count ? convert_int_rte(x[4 * j + b] * inverse) : 0;
      sum += code;
      word |= (uint)(code & 255) << (8 * b);
    }
    to[j] = word;
  }
  const long scale_at = (long)m * row_words + (long)row * chunks + at;
  rows[scale_at] = as_uint(most / 127);
  rows[scale_at + (long)m * chunks] = as_uint(sum);
}

// Four consecutive codes in each of two words of a group of one column, as signed bytes: those of 8
// bits are less 128.
uint2 signed_codes(global const uint* from, int form) {
  if (form == FORM_U4) return (uint2)(from[0] & 0x0F0F0F0Fu, from[0] >> 4 & 0x0F0F0F0Fu);
  return (uint2)(from[0], from[PANEL]) ^ 0x80808080u;
}

// What a column's signed codes are less before they are scaled.
float signed_zero(global const uint* panel, Weight f, int block, int lane) {
  return weight_zero(panel, f, block, lane) + f.offset - (f.form == FORM_U8 ? 128 : 0);
}

// A block of TILE x TILE per work-group of (TILE / 4) x (TILE / 4) items, 4 x 4 results each, one
// chunk at a time through 5.3 KiB of local memory.
#define DOT_SIDE (TILE / 4)

kernel __attribute__((reqd_work_group_size(DOT_SIDE, DOT_SIDE, 1))) void matmul_dot(
    global const uint* rows, long rows_at, global const uint* w, global float* y, long y_at,
    Weight f, int m, int chunk) {
  local uint a[TILE][9];
  local uint b[8][TILE];
  local float row_scale[TILE], row_sum[TILE], scale[TILE], zero[TILE];
  const int lx = get_local_id(0), ly = get_local_id(1), id = ly * DOT_SIDE + lx;
  const int column = GROUP_ID(0) * TILE, row = GROUP_ID(1) * TILE;
  const int row_words = (f.k + 7) / 8 * 2, chunks = (f.k + chunk - 1) / chunk;
  const int words = chunk / 4, groups = chunk / 8;
  rows += rows_at;
  y += y_at + f.first;
  float c[4][4];
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) c[i][j] = 0.0f;
  for (int at = 0; at < chunks; at++) {
    for (int e = id; e < TILE * words; e += DOT_SIDE * DOT_SIDE) {
      const int r = e / words, j = e % words, word = at * words + j;
      const bool inside = row + r < m && word < row_words;
      a[r][j] = inside ? rows[(long)(row + r) * row_words + word] : 0;
    }
    for (int e = id; e < TILE * groups; e += DOT_SIDE * DOT_SIDE) {
      const int lane = e % PANEL, group = e / PANEL % groups, panel = e / (PANEL * groups);
      uint2 codes = 0;
      if (column + panel * PANEL < f.columns && (at * groups + group) * 8 < f.k)
        codes = signed_codes(w + (long)(column / PANEL + panel) * f.panel_words +
                                 (long)(at * groups + group) * f.group_words + lane,
                             f.form);
      b[2 * group][panel * PANEL + lane] = codes.x;
      b[2 * group + 1][panel * PANEL + lane] = codes.y;
    }
    for (int e = id; e < 2 * TILE; e += DOT_SIDE * DOT_SIDE) {
      const int i = e % TILE;
      if (e < TILE) {
        const long from = (long)m * row_words + (long)(row + i) * chunks + at;
        row_scale[i] = row + i < m ? as_float(rows[from]) : 0.0f;
        row_sum[i] = row + i < m ? (float)as_int(rows[from + (long)m * chunks]) : 0.0f;
      } else {
        const bool inside = column + i / PANEL * PANEL < f.columns;
        global const uint* panel = w + (long)((column + i) / PANEL) * f.panel_words;
        const int block = at * chunk / f.block;
        scale[i] = inside ? weight_scale(panel, f, block, i % PANEL) : 0.0f;
        zero[i] = inside ? signed_zero(panel, f, block, i % PANEL) : 0.0f;
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    int sums[4][4];
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) sums[i][j] = 0;
    for (int word = 0; word < words; word++)
      for (int i = 0; i < 4; i++) {
        const uint v = a[ly + i * DOT_SIDE][word];
        for (int j = 0; j < 4; j++) sums[i][j] += dot4(v, b[word][lx + j * DOT_SIDE]);
      }
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) {
        const int r = ly + i * DOT_SIDE, s = lx + j * DOT_SIDE;
        c[i][j] = fma(row_scale[r] * scale[s], (float)sums[i][j] - zero[s] * row_sum[r], c[i][j]);
      }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      const int r = row + ly + i * DOT_SIDE, s = column + lx + j * DOT_SIDE;
      if (r < m && s < f.columns) y[(long)r * f.stride + s] = c[i][j];
    }
}
