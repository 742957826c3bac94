// Attention of one query per work-group of GROUP = KEYS items: an item has a key of a block, and
// then every GROUP-th value. The job and the order of the sums are described in attention_job.cl.
//
// Global size (GROUP * queries of all heads, batches, SPLITS).
float load_one(global const uchar* from, long at, int item, int d, int i) {
  if (item == ITEM_F32) return ((global const float*)from)[at + i];
  if (item == ITEM_F16) return vload_half(at + i, (global const half*)from);
  // codes, then a scale for 32 of them each: quant/code_rows.h
  global const half* scales = (global const half*)(from + at + (d + 3) / 4 * 4);
  return ((global const char*)from)[at + i] * vload_half(i / 32, scales);
}

float times_exp(float x, float top) { return x == top ? 1.0f : exp(x - top); }

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attention(
    global const float* q, long q_at, global const uchar* k, long k_at, global const uchar* v,
    long v_at, global float* y, long y_at, JOB_PARAMETERS) {
  local float shared[GROUP], weights[GROUP], query[HEAD];
  const int id = get_local_id(0);
  const long head = get_group_id(0) / QUERIES, row = get_group_id(0) % QUERIES,
             batch = get_group_id(1), kv_head = head / (HEADS / KV_HEADS);
  const int2 valid = length_of(lengths, lengths_at, lengths_item, batch, sizes);
  const int position = (int)row + valid.y;
  const int2 keys = keys_of(position, valid.x, sizes);
  q += q_at + batch * Q_BATCH + row * Q_ROW + head * Q_HEAD;
  for (int e = id; e < DK; e += GROUP) query[e] = q[e];
  barrier(CLK_LOCAL_MEM_FENCE);
  k_at += batch * K_BATCH + kv_head * K_HEAD;
  v_at += batch * V_BATCH + kv_head * V_HEAD;
  mask_at += batch * MASK_BATCH + head * MASK_HEAD + row * MASK_ROW;

  const int from = keys.x / KEYS, to = keys.y > keys.x ? (keys.y + KEYS - 1) / KEYS : from;
  const int share = (to - from + SPLITS - 1) / SPLITS, mine = from + (int)get_group_id(2) * share;
  const int blocks = (ALL_KEYS + KEYS - 1) / KEYS;
  float most = -INFINITY, sum = 0, all[HEAD / GROUP];
  for (int i = 0; i < HEAD / GROUP; i++) all[i] = 0;
  for (int block = mine; block < min(mine + share, to); block++) {
    const int key = block * KEYS + id, last = min(KEYS, keys.y - block * KEYS);
    float s = -INFINITY;
    if (key >= keys.x && key < keys.y) {
      float dot = 0;
      for (int e = 0; e < DK; e++)
        dot = fma(query[e], load_one(k, k_at + key * K_ROW, K_ITEM, DK, e), dot);
      s = dot * SCALE;
      if (SOFTCAP > 0) s = SOFTCAP * tanh(s / SOFTCAP);
      if (EXTRAS & 2) s += slopes[slopes_at + head] * (key - position);
      if (MASK_ITEM) s += mask_of(mask, mask_at + key * MASK_KEY, MASK_ITEM);
    }
    const float m = group_max(shared, s);
    weights[id] = m == -INFINITY ? 0.0f : exp(s - m);
    const float l = group_sum(shared, weights[id]);
    const float top = fmax(most, m), old = times_exp(most, top), fresh = times_exp(m, top);
    global float* part =
        parts + parts_at + (((batch * HEADS + head) * QUERIES + row) * blocks + block) * (DV + 2);
    for (int e = id, i = 0; e < DV; e += GROUP, i++) {
      float value = 0;
      for (int j = max(keys.x - block * KEYS, 0); j < last; j++)
        value = fma(weights[j], load_one(v, v_at + (long)(block * KEYS + j) * V_ROW, V_ITEM, DV, e),
                    value);
      if (SPLITS > 1) {
        part[2 + e] = value;
      } else {
        all[i] = fma(value, fresh, all[i] * old);
      }
    }
    if (SPLITS > 1 && id == 0) {
      part[0] = m;
      part[1] = l;
    }
    sum = fma(l, fresh, sum * old);
    most = top;
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (SPLITS > 1) return;
  float factor = 1;
  if (EXTRAS & 1) {
    const float sink = sinks[sinks_at + head], top = fmax(most, sink);
    factor = times_exp(most, top);
    sum = fma(sum, factor, times_exp(sink, top));
  }
  const float inverse = sum == 0 ? 0.0f : 1.0f / sum;
  y += y_at + batch * Y_BATCH + row * Y_ROW + head * Y_HEAD;
  for (int e = id, i = 0; e < DV; e += GROUP, i++) y[e] = all[i] * factor * inverse;
}
