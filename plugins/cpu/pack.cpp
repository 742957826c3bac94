// See pack.h and the layouts in kernels/kernels.h.
#include "plugins/cpu/pack.h"

#include <cmath>

#include "quant/f16.h"

namespace weft::cpu {

using common::is_nibble;
using plugin::GraphView;
using Source = common::StoredCodes;

namespace {

// What is added to a stored code to make it 0 or above, as the kernels see it; E0M4's codes decode
// to 16 + q, so there the zero point moves the other way.
double code_shift(uint32_t storage) {
  switch (storage) {
    case WEFT_I4:
      return 8;
    case WEFT_I8:
      return 128;
    case WEFT_F4_E0M4:
      return -16;
    default:
      return 0;
  }
}

// Codes per scale in the packed form: a multiple of 8.
int64_t packed_block(const Source& s) { return (s.block + 7) / 8 * 8; }

double zero_of(const Source& s, int64_t block) { return s.zero_at(block) + code_shift(s.storage); }
float offset_of(const Source& s, int64_t block) {
  return float(-zero_of(s, block) * double(s.scale[block]));
}

// The half a float is to the last bits of an f32, or not.
bool is_half(float x) {
  const float half = quant::f16_to_f32(quant::f32_to_f16(x));
  return std::isfinite(half) && std::fabs(half - x) <= std::fabs(x) * 0x1p-22f;
}

// The shortest header that says all of `count` blocks. Offsets that were made from the minimum of
// a block, which is a half, are that half again to within an f32's rounding.
void choose_forms(const Source& s, int64_t count, PackedMatrix& packed) {
  bool half_scales = true, half_offsets = true, small_zeros = true;
  for (int64_t i = 0; i < count; i++) {
    half_scales = half_scales && quant::f16_to_f32(quant::f32_to_f16(s.scale[i])) == s.scale[i];
    half_offsets = half_offsets && is_half(offset_of(s, i));
    const double zero = zero_of(s, i);
    small_zeros = small_zeros && zero >= 0 && zero <= 255 && zero == std::floor(zero);
  }
  const double zero = s.zero + code_shift(s.storage);
  const bool one_zero = !s.zero_f32 && !s.zero_u8 && small_zeros;
  packed.half_scales = half_scales;
  packed.offset_form = one_zero       ? kOffsetNone
                       : small_zeros  ? kOffsetU8
                       : half_offsets ? kOffsetF16
                                      : kOffsetF32;
  packed.zero = one_zero ? int32_t(zero) : 0;
  constexpr int64_t kOffsetBytes[] = {64, 32, 16, 0};
  packed.header_bytes = (half_scales ? 32 : 64) + kOffsetBytes[packed.offset_form];
}

template <typename T>
void put(char* to, int64_t lane, T value) {
  std::memcpy(to + lane * int64_t(sizeof value), &value, sizeof value);
}

void pack_header(const Source& s, const PackedMatrix& packed, int64_t block, int64_t lane,
                 char* to) {
  if (packed.half_scales) {
    put(to, lane, quant::f32_to_f16(s.scale[block]));
  } else {
    put(to, lane, s.scale[block]);
  }
  char* offsets = to + (packed.half_scales ? 32 : 64);
  switch (packed.offset_form) {
    case kOffsetF32:
      return put(offsets, lane, offset_of(s, block));
    case kOffsetF16:
      return put(offsets, lane, quant::f32_to_f16(offset_of(s, block)));
    case kOffsetU8:
      return put(offsets, lane, uint8_t(zero_of(s, block)));
    case kOffsetNone:
      return;
  }
}

// k0 .. k7, low nibble first, as the kernels have them: k0 k4 k1 k5 k2 k6 k3 k7.
uint32_t interleave(uint32_t word) {
  uint32_t out = 0;
  for (int k = 0; k < 8; k++) {
    const int to = k < 4 ? 2 * k : 2 * k - 7;
    out |= (word >> (4 * k) & 15) << (4 * to);
  }
  return out;
}

// Block b of a tile; pairs of tiles lie together (kernels.h).
void pack_block(const Source& s, const PackedMatrix& packed, int64_t tile, int64_t b, char* data) {
  const int64_t even = tile / 2 * 2, odd = tile - even;
  const int64_t together = even + 1 < packed.tiles ? 2 : 1;
  char* to = data + even * packed.tile_bytes + b * together * packed.block_bytes;
  char* header = to + odd * packed.header_bytes;
  char* words = to + together * packed.header_bytes + odd * 64;
  const bool nibble = is_nibble(s.storage);
  const int64_t first = b * s.block, per_word = nibble ? 8 : 4;
  const int64_t count = std::min(s.block, packed.k - first);
  const uint32_t flip = s.storage == WEFT_I4 ? 0x88888888u : s.storage == WEFT_I8 ? 0x80808080u : 0;
  for (int64_t lane = 0; lane < 16 && tile * 16 + lane < packed.n; lane++) {
    const int64_t line = tile * 16 + lane;
    pack_header(s, packed, line * s.blocks + b, lane, header);
    const char* from = s.codes + line * s.line_bytes + (nibble ? first / 2 : first);
    for (int64_t i = 0; i < count; i += per_word) {
      uint32_t word = 0;
      const int64_t bytes = nibble ? (count - i + 1) / 2 : count - i;
      std::memcpy(&word, from + (nibble ? i / 2 : i), size_t(std::min<int64_t>(4, bytes)));
      word ^= flip;
      put(words + i / per_word * together * 64, lane, nibble ? interleave(word) : word);
    }
  }
}

// The shortest form that keeps every bit of `count` floats: many a model of floats was trained and
// saved in bfloat16, or was a model of halves.
uint32_t float_form(const float* x, int64_t count) {
  bool bf16 = true, f16 = true;
  for (int64_t i = 0; i < count && (bf16 || f16); i++) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    bf16 = bf16 && (bits & 0xffff) == 0;
    f16 = f16 && std::isfinite(x[i]) && quant::f16_to_f32(quant::f32_to_f16(x[i])) == x[i];
  }
  return bf16 ? kPackedBF16 : f16 ? kPackedF16 : kPackedF32;
}

int64_t float_tile_bytes(uint32_t form, int64_t k) {
  return form == kPackedBF16 ? rounded_k(k) * 32 : k * (form == kPackedF16 ? 32 : 64);
}

void put_float(uint32_t form, float x, int64_t k, int64_t lane, char* tile) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if (form == kPackedF32) put(tile, k * 16 + lane, x);
  if (form == kPackedF16) put(tile, k * 16 + lane, quant::f32_to_f16(x));
  if (form == kPackedBF16) put(tile, k / 2 * 32 + lane * 2 + k % 2, uint16_t(bits >> 16));
}

// `to` holds zeros.
void pack_floats(const LineMatrix& m, uint32_t form, const float* from, char* to) {
  const int64_t step_n = m.line_major ? m.k : 1, step_k = m.line_major ? 1 : m.n;
  for (int64_t tile = 0; tile * 16 < m.n; tile++, to += float_tile_bytes(form, m.k))
    for (int64_t k = 0; k < m.k; k++)
      for (int64_t lane = 0; lane < 16 && tile * 16 + lane < m.n; lane++)
        put_float(form, from[(tile * 16 + lane) * step_n + k * step_k], k, lane, to);
}

// Matrix i of the stack.
Source matrix_of(Source s, const LineMatrix& m, int64_t i) {
  const int64_t lines = i * m.n, blocks = lines * s.blocks;
  s.codes += lines * s.line_bytes;
  s.scale += blocks;
  if (s.zero_f32) s.zero_f32 += blocks;
  if (s.zero_u8) s.zero_u8 += blocks;
  return s;
}

}  // namespace

void check_packable(const GraphView& graph, const LineMatrix& m) {
  common::check_stored_form(graph, m, "the cpu");
}

PackedMatrix pack(const GraphView& graph, const LineMatrix& m, common::ConstantStore& store) {
  const weft_value& value = *m.value;
  const int64_t tiles = (m.n + 15) / 16;
  const auto id = common::content_id(value);
  common::ConstantKey key = {
      uint64_t(m.matrices), uint64_t(m.n), uint64_t(m.k), id[0], id[1], 0, 0, 0};
  PackedMatrix packed{nullptr, m.k, m.n, tiles, 0, kPackedF32, 1, 0, 0, kOffsetNone, 0, 0};
  if (!value.quant) {
    const float* from = common::stored_floats(m);
    // The form is kept too: finding it reads all of the constant.
    key[6] = 1;
    const char* form = store.get(key, sizeof packed.kind, [&](char* to) {
      put(to, 0, float_form(from, m.matrices * m.n * m.k));
    });
    std::memcpy(&packed.kind, form, sizeof packed.kind);
    key[5] = m.line_major, key[6] = 0;
    packed.tile_bytes = float_tile_bytes(packed.kind, m.k);
    const int64_t size = tiles * packed.tile_bytes;
    packed.data = store.get(key, uint64_t(m.matrices * size), [&](char* to) {
      std::memset(to, 0, size_t(m.matrices * size));
      for (int64_t i = 0; i < m.matrices; i++, to += size)
        pack_floats(m, packed.kind, from + i * m.n * m.k, to);
    });
    return packed;
  }
  const Source source = common::stored_codes(graph, m, key);
  const bool nibble = is_nibble(source.storage);
  const int64_t block_codes = packed_block(source);
  packed.kind = nibble ? kPackedU4 : kPackedU8;
  packed.block = uint32_t(block_codes);
  choose_forms(source, m.matrices * m.n * source.blocks, packed);
  packed.block_bytes = packed.header_bytes + block_codes * (nibble ? 8 : 16);
  packed.tile_bytes = source.blocks * packed.block_bytes;
  const int64_t size = tiles * packed.tile_bytes;
  packed.data = store.get(key, uint64_t(m.matrices * size), [&](char* to) {
    std::memset(to, 0, size_t(m.matrices * size));
    for (int64_t i = 0; i < m.matrices; i++, to += size)
      for (int64_t tile = 0; tile < tiles; tile++)
        for (int64_t block = 0; block < source.blocks; block++)
          pack_block(matrix_of(source, m, i), packed, tile, block, to);
  });
  return packed;
}

}  // namespace weft::cpu
