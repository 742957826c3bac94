// y [count, k] = the lines of a packed weight that `ids` names, for those of this part; indices
// below 0 count from the end of all `lines`. Eight elements per work-item, global size (groups of a
// line, count). An index beyond the ends means the line nearest to it.
kernel void gather_packed(global const void* ids, long ids_at, int wide, global const uint* w,
                          global float* y, long y_at, Weight f, long lines, int count) {
  const int group = get_global_id(0), i = get_global_id(1);
  if (group * 8 >= f.k || i >= count) return;
  long line = wide ? ((global const long*)ids)[ids_at + i] : ((global const int*)ids)[ids_at + i];
  if (line < 0) line += lines;
  line = clamp(line, 0L, lines - 1) - f.first;
  if (line < 0 || line >= f.columns) return;
  float d[8];
  decode_column(w + line / PANEL * f.panel_words, f, group, (int)(line % PANEL), d);
  y += y_at + (long)i * f.k + group * 8;
  for (int j = 0; j < min(8, f.k - group * 8); j++) y[j] = d[j];
}
