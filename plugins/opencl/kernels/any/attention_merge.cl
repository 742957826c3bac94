// The parts of a query's blocks (attention_job.cl), merged in the order of the keys. WIDTH values
// per work-item, global size (blocks of values, queries of all heads and batches).
kernel void attention_merge(global float* y, long y_at, JOB_PARAMETERS) {
  const int first = get_global_id(0) * WIDTH;
  const long query = get_global_id(1);
  if (first >= DV) return;
  const long row = query % QUERIES, head = query / QUERIES % HEADS, batch = query / QUERIES / HEADS;
  const int2 valid = length_of(lengths, lengths_at, lengths_item, batch, sizes);
  const int2 keys = keys_of((int)row + valid.y, valid.x, sizes);
  const int blocks = (ALL_KEYS + KEYS - 1) / KEYS, count = min(WIDTH, DV - first);
  float most = -INFINITY, sum = 0;
  floatw all = 0;
  for (int block = keys.x / KEYS; block * KEYS < keys.y; block++) {
    global const float* part = parts + parts_at + (query * blocks + block) * (DV + 2);
    const float m = part[0], top = fmax(most, m);
    const float old = most == top ? 1.0f : exp_like(most - top);
    const float fresh = m == top ? 1.0f : exp_like(m - top);
    const floatw values =
        count == WIDTH ? load_w(0, part + 2 + first) : load_few(part + 2 + first, count);
    if (top == -INFINITY) continue;
    sum = fma(part[1], fresh, sum * old);
    all = fma(values, (floatw)fresh, all * old);
    most = top;
  }
  if (EXTRAS & 1) {
    const float sink = sinks[sinks_at + head], top = fmax(most, sink);
    const float old = most == top ? 1.0f : exp_like(most - top);
    sum = fma(sum, old, sink == top ? 1.0f : exp_like(sink - top));
    all *= old;
  }
  all *= sum == 0 ? 0.0f : 1.0f / sum;
  y += y_at + batch * Y_BATCH + row * Y_ROW + head * Y_HEAD + first;
  if (count == WIDTH) {
    store_w(all, 0, y);
  } else {
    store_few(all, count, y);
  }
}
