// The k best elements of each line along an axis, best first, equal ones by lower index; a line per
// work-item. The output of indices is the list that is kept in order while a line is read.
bool is_better(global const uchar* x, long a, long b, int item, int largest) {
  if (item == ITEM_F32) {
    const float p = ((global const float*)x)[a], q = ((global const float*)x)[b];
    return largest ? p > q : p < q;
  }
  const long p = load_integer(x, a, item), q = load_integer(x, b, item);
  return largest ? p > q : p < q;
}

kernel void topk(global const uchar* x, long x_at, global uchar* values, long values_at,
                 int has_values, global long* indices, long indices_at, long lines, long length,
                 long k, long step, int largest, int item, int bytes) {
  const long line = get_global_id(0);
  if (line >= lines) return;
  const long from = x_at + line / step * step * length + line % step;
  const long to = line / step * step * k + line % step;
  global long* best = indices + indices_at + to;
  long count = 0;
  for (long i = 0; i < length; i++) {
    const long v = from + i * step;
    if (count == k && !is_better(x, v, from + best[(k - 1) * step] * step, item, largest)) continue;
    long at = count < k ? count++ : k - 1;
    for (; at > 0 && is_better(x, v, from + best[(at - 1) * step] * step, item, largest); at--)
      best[at * step] = best[(at - 1) * step];
    best[at * step] = i;
  }
  for (long i = 0; has_values && i < k; i++)
    move_item(x, from + best[i * step] * step, values, values_at + to + i * step, bytes);
}
