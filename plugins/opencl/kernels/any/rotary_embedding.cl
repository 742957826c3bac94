// Pairs (a, b) of each head become (a cos - b sin, a sin + b cos); a pair is two halves of the
// rotated elements, or two neighbours (interleaved). WIDTH pairs per work-item, global size (blocks
// of pairs, heads, batches * rows); the last block copies the elements that are not rotated.
//
//   per_batch   rows of ids, or of the tables, from one batch to the next
kernel void rotary_embedding(global const float* x, long x_at, global const float* cosines,
                             long cos_at, global const float* sines, long sin_at,
                             global const uchar* ids, long ids_at, int ids_item, global float* y,
                             long y_at, long per_batch, long positions, int rows, int heads, int d,
                             int pairs, int interleaved, int by_heads) {
  const int first = get_global_id(0) * WIDTH, head = get_global_id(1);
  const long line = get_global_id(2), batch = line / rows, row = line % rows;
  const long at = by_heads ? ((batch * heads + head) * rows + row) * d : (line * heads + head) * d;
  x += x_at + at;
  y += y_at + at;
  if (first >= pairs) {
    for (int i = 2 * pairs; i < d; i++) y[i] = x[i];
    return;
  }
  long position = batch * per_batch + row;
  if (ids_item) position = load_integer(ids, ids_at + position, ids_item);
  position = clamp(position, 0L, positions - 1);
  cosines += cos_at + position * pairs;
  sines += sin_at + position * pairs;
  if (!interleaved && first + WIDTH <= pairs) {
    const floatw c = load_w(0, cosines + first), s = load_w(0, sines + first);
    const floatw a = load_w(0, x + first), b = load_w(0, x + pairs + first);
    store_w(fma(a, c, -(b * s)), 0, y + first);
    store_w(fma(a, s, b * c), 0, y + pairs + first);
    return;
  }
  for (int i = first; i < min(first + WIDTH, pairs); i++) {
    const int left = interleaved ? 2 * i : i, right = interleaved ? 2 * i + 1 : i + pairs;
    const float a = x[left], b = x[right], c = cosines[i], s = sines[i];
    y[left] = fma(a, c, -(b * s));
    y[right] = fma(a, s, b * c);
  }
}
