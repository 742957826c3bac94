// A result of codes, four elements per invocation: a word where four are left and it is aligned,
// else bytes, because the next tensor may begin right behind.
layout(set = 0, binding = 2, std430) writeonly buffer Words { uint y_word[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Bytes { int8_t y_byte[]; };

void store_codes(uint first, int codes[4]) {
  const uint at = args.y_base + first;
  if ((at & 3u) == 0 && first + 4 <= args.count) {
    uint word = 0;
    for (int i = 0; i < 4; ++i) word |= (uint(codes[i]) & 0xffu) << (8 * i);
    y_word[at >> 2] = word;
    return;
  }
  for (uint i = 0; i < 4; ++i)
    if (first + i < args.count) y_byte[at + i] = int8_t(codes[i]);
}
