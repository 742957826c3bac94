// Attention of LANES queries of one key head at a time: queries are lanes of a vector, keys and
// values are read once for all of them, and nothing is transposed but the queries. The job and the
// order of the sums are described in attention_job.cl.
//
// Lane u of a key head is query head u % group of row u / group; global size (blocks of lanes, key
// heads of all batches, SPLITS).
#define LANES 16
#define AHEAD 8  // keys at a time, to hide the latency of fused multiply-add

// Row `at` of keys or values as floats.
void load_head(global const uchar* from, long at, int item, int d, float* to) {
  int i = 0;
  if (item == ITEM_F32) {
    global const float* x = (global const float*)from + at;
    for (; i + 16 <= d; i += 16) vstore16(vload16(0, x + i), 0, to + i);
    for (; i < d; i++) to[i] = x[i];
  } else if (item == ITEM_F16) {
    global const half* x = (global const half*)from + at;
    for (; i + 16 <= d; i += 16) vstore16(vload_half16(0, x + i), 0, to + i);
    for (; i < d; i++) to[i] = vload_half(i, x);
  } else {  // codes, then a scale for 32 of them each: quant/code_rows.h
    global const char* x = (global const char*)from + at;
    global const half* scales = (global const half*)(x + (d + 3) / 4 * 4);
    for (; i + 16 <= d; i += 16)
      vstore16(convert_float16(vload16(0, x + i)) * vload_half(i / 32, scales), 0, to + i);
    for (; i < d; i++) to[i] = x[i] * vload_half(i / 32, scales);
  }
}

float16 times_exp(float16 x, float16 top) { return select(exp(x - top), (float16)1.0f, x == top); }

// Which key heads, rows and keys the lanes of a work-item have.
typedef struct {
  long batch, kv_head, lane;
  int group, lanes;
  int16 low, high, position;
} Lanes;

long row_of(const Lanes* w, int l) { return (w->lane + min(l, w->lanes - 1)) / w->group; }
long head_of(const Lanes* w, int l) {
  return w->kv_head * w->group + (w->lane + min(l, w->lanes - 1)) % w->group;
}

// Scores of the keys [first, last) of a block in all lanes, masked ones -INFINITY.
float16 score(const Lanes* w, global const uchar* k, long k_at, const float16* q, int first,
              int last, float16* scores, const float16* slope, JOB_PARAMETERS) {
  float rows[AHEAD][HEAD];
  float16 most = -INFINITY;
  for (int from = first; from < last; from += AHEAD) {
    for (int j = 0; j < AHEAD; j++)
      load_head(k, k_at + (long)min(from + j, last - 1) * K_ROW, K_ITEM, DK, rows[j]);
    float16 c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0;
    for (int e = 0; e < DK; e++) {
      const float16 v = q[e];
      c0 = fma(v, rows[0][e], c0), c1 = fma(v, rows[1][e], c1);
      c2 = fma(v, rows[2][e], c2), c3 = fma(v, rows[3][e], c3);
      c4 = fma(v, rows[4][e], c4), c5 = fma(v, rows[5][e], c5);
      c6 = fma(v, rows[6][e], c6), c7 = fma(v, rows[7][e], c7);
    }
    float16* to = scores + (from - first);
    to[0] = c0, to[1] = c1, to[2] = c2, to[3] = c3, to[4] = c4, to[5] = c5, to[6] = c6, to[7] = c7;
    for (int j = 0; j < AHEAD; j++) {
      const int key = from + j;
      float16 s = to[j] * SCALE;
      if (SOFTCAP > 0) s = SOFTCAP * tanh(s / SOFTCAP);
      if (EXTRAS & 2) s += *slope * convert_float16(key - w->position);
      if (MASK_ITEM && key < last) {
        float bias[LANES];
        for (int l = 0; l < LANES; l++) {
          const long at = w->batch * MASK_BATCH + head_of(w, l) * MASK_HEAD +
                          row_of(w, l) * MASK_ROW + key * MASK_KEY;
          bias[l] = key < MASK_KEYS ? mask_of(mask, mask_at + at, MASK_ITEM) : -INFINITY;
        }
        s += vload16(0, bias);
      }
      s = select((float16)(-INFINITY), s, key >= w->low && key < w->high);
      to[j] = s;
      most = fmax(most, s);
    }
  }
  return most;
}

// The part of the keys [first, last) of a block: sums of probabilities and of values times them.
float16 weigh(global const uchar* v, long v_at, int first, int last, float16 most,
              const float16* scores, float16* part, long16 steps, int16 sizes) {
  float rows[AHEAD][HEAD];
  const float16 top = select(most, (float16)0.0f, most == -INFINITY);
  float16 sum = 0;
  for (int e = 0; e < DV; e++) part[e] = 0;
  for (int from = first; from < last; from += AHEAD) {
    float16 p[AHEAD];
    for (int j = 0; j < AHEAD; j++) {
      load_head(v, v_at + (long)min(from + j, last - 1) * V_ROW, V_ITEM, DV, rows[j]);
      p[j] = exp(scores[from - first + j] - top);
      sum += p[j];
    }
    for (int e = 0; e < DV; e++) {
      float16 a = part[e];
      a = fma(p[0], rows[0][e], a), a = fma(p[1], rows[1][e], a);
      a = fma(p[2], rows[2][e], a), a = fma(p[3], rows[3][e], a);
      a = fma(p[4], rows[4][e], a), a = fma(p[5], rows[5][e], a);
      a = fma(p[6], rows[6][e], a), a = fma(p[7], rows[7][e], a);
      part[e] = a;
    }
  }
  return sum;
}

// Lane l of `values`, n vectors, as n floats `step` apart.
void store_lane(const float16* values, int l, int n, global float* to) {
  const float* all = (const float*)values;
  for (int e = 0; e < n; e++) to[e] = all[e * LANES + l];
}

kernel void attention(global const float* q, long q_at, global const uchar* k, long k_at,
                      global const uchar* v, long v_at, global float* y, long y_at,
                      JOB_PARAMETERS) {
  Lanes w;
  w.group = HEADS / KV_HEADS;
  w.lane = (long)get_global_id(0) * LANES;
  w.batch = get_global_id(1) / KV_HEADS;
  w.kv_head = get_global_id(1) % KV_HEADS;
  w.lanes = (int)min((long)LANES, (long)QUERIES * w.group - w.lane);
  if (w.lanes <= 0) return;
  const int2 valid = length_of(lengths, lengths_at, lengths_item, w.batch, sizes);
  float16 turned[HEAD], scores[KEYS], part[HEAD], all[HEAD], slope = 0, sink = -INFINITY;
  int low[LANES], high[LANES], position[LANES];
  int begin = INT_MAX, end = 0;
  for (int l = 0; l < LANES; l++) {
    const long row = row_of(&w, l), head = head_of(&w, l);
    position[l] = (int)row + valid.y;
    const int2 keys = keys_of(position[l], valid.x, sizes);
    low[l] = keys.x, high[l] = keys.y;
    begin = min(begin, keys.x), end = max(end, keys.y);
    global const float* from = q + q_at + w.batch * Q_BATCH + row * Q_ROW + head * Q_HEAD;
    for (int e = 0; e < DK; e++) ((float*)turned)[e * LANES + l] = from[e];
    if (EXTRAS & 1) ((float*)&sink)[l] = sinks[sinks_at + head];
    if (EXTRAS & 2) ((float*)&slope)[l] = slopes[slopes_at + head];
  }
  w.low = vload16(0, low), w.high = vload16(0, high), w.position = vload16(0, position);
  k_at += w.batch * K_BATCH + w.kv_head * K_HEAD;
  v_at += w.batch * V_BATCH + w.kv_head * V_HEAD;

  const int from = begin / KEYS, to = end > begin ? (end + KEYS - 1) / KEYS : from;
  const int share = (to - from + SPLITS - 1) / SPLITS, mine = from + (int)get_global_id(2) * share;
  const int blocks = (ALL_KEYS + KEYS - 1) / KEYS;
  float16 most = -INFINITY, sum = 0;
  for (int e = 0; e < DV; e++) all[e] = 0;
  for (int block = mine; block < min(mine + share, to); block++) {
    const int first = block * KEYS, last = min(first + KEYS, end);
    const float16 m = score(&w, k, k_at, turned, first, last, scores, &slope, JOB);
    const float16 l = weigh(v, v_at, first, last, m, scores, part, steps, sizes);
    if (SPLITS > 1) {
      for (int i = 0; i < w.lanes; i++) {
        const long query = (w.batch * HEADS + head_of(&w, i)) * QUERIES + row_of(&w, i);
        global float* out = parts + parts_at + (query * blocks + block) * (DV + 2);
        store_lane(&m, i, 1, out);
        store_lane(&l, i, 1, out + 1);
        store_lane(part, i, DV, out + 2);
      }
      continue;
    }
    const float16 top = fmax(most, m), old = times_exp(most, top), fresh = times_exp(m, top);
    sum = fma(l, fresh, sum * old);
    for (int e = 0; e < DV; e++) all[e] = fma(part[e], fresh, all[e] * old);
    most = top;
  }
  if (SPLITS > 1) return;
  float16 factor = 1;
  if (EXTRAS & 1) {
    const float16 top = fmax(most, sink);
    factor = times_exp(most, top);
    sum = fma(sum, factor, times_exp(sink, top));
    for (int e = 0; e < DV; e++) all[e] *= factor;
  }
  const float16 inverse = select(1.0f / sum, (float16)0.0f, sum == 0.0f);
  for (int e = 0; e < DV; e++) all[e] *= inverse;
  for (int l = 0; l < w.lanes; l++)
    store_lane(all, l, DV,
               y + y_at + w.batch * Y_BATCH + row_of(&w, l) * Y_ROW + head_of(&w, l) * Y_HEAD);
}
