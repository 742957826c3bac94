// See pack.h and the layouts in kernels/kernels.h.
#include "plugins/cpu/pack.h"

namespace weft::cpu {

using plugin::Failure;
using plugin::GraphView;

namespace {

constexpr int64_t kHeaderBytes = 32 * sizeof(float);

bool is_nibble(uint32_t storage) {
  return storage == WEFT_U4 || storage == WEFT_I4 || storage == WEFT_F4_E0M4;
}

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

struct Blocks {
  int64_t block;   // codes per scale in the source
  int64_t count;   // blocks of a line
  int64_t packed;  // codes per scale in the packed form: a multiple of 8
};
Blocks blocks_of(const weft_quant& quant, int64_t k) {
  const int64_t block = quant.block ? quant.block : std::max<int64_t>(k, 1);
  return {block, (k + block - 1) / block, (block + 7) / 8 * 8};
}

// Everything that decides the packed bytes of a quantized constant.
struct Source {
  const char* codes;
  int64_t line_bytes;
  const float* scale;
  const float* zero_f32;
  const uint8_t* zero_u8;
  double zero;
  uint32_t storage;
  Blocks blocks;
};

void pack_block(const Source& s, int64_t n, int64_t k, int64_t tile, int64_t b, char* to) {
  float* scale = reinterpret_cast<float*>(to);
  char* codes = to + kHeaderBytes;
  const bool nibble = is_nibble(s.storage);
  const int64_t first = b * s.blocks.block;
  const int64_t count = std::min(s.blocks.block, k - first);
  const uint32_t flip = s.storage == WEFT_I4 ? 0x88888888u : 0;
  const uint8_t flip_byte = s.storage == WEFT_I8 ? 0x80 : 0;
  for (int64_t lane = 0; lane < 16 && tile * 16 + lane < n; lane++) {
    const int64_t line = tile * 16 + lane, at = line * s.blocks.count + b;
    const double d = s.scale[at];
    const double zero = s.zero_f32 ? s.zero_f32[at] : s.zero_u8 ? s.zero_u8[at] : s.zero;
    scale[lane] = float(d);
    scale[16 + lane] = float(-(zero + code_shift(s.storage)) * d);
    const char* from = s.codes + line * s.line_bytes + (nibble ? first / 2 : first);
    if (!nibble) {
      for (int64_t i = 0; i < count; i++) codes[i * 16 + lane] = char(uint8_t(from[i]) ^ flip_byte);
      continue;
    }
    for (int64_t i = 0; i < count; i += 8) {
      uint32_t word = 0;
      std::memcpy(&word, from + i / 2, size_t(std::min<int64_t>(4, (count - i + 1) / 2)));
      word ^= flip;
      std::memcpy(codes + (i / 8 * 16 + lane) * 4, &word, sizeof word);
    }
  }
}

void pack_floats(const LineMatrix& m, const float* from, char* to) {
  float* out = reinterpret_cast<float*>(to);
  const int64_t tiles = (m.n + 15) / 16;
  const int64_t step_n = m.line_major ? m.k : 1, step_k = m.line_major ? 1 : m.n;
  for (int64_t tile = 0; tile < tiles; tile++)
    for (int64_t k = 0; k < m.k; k++)
      for (int64_t lane = 0; lane < 16; lane++) {
        const int64_t n = tile * 16 + lane;
        *out++ = n < m.n ? from[n * step_n + k * step_k] : 0.0f;
      }
}

const weft_value& plain_constant(const GraphView& graph, uint32_t index, int64_t count) {
  if (!graph.is_constant(index)) throw Failure(WEFT_E_INVALID, "a scale is not a constant");
  const weft_value& value = graph.value(index);
  if (value.data_size < uint64_t(count) * element_size(value.dtype))
    throw Failure(WEFT_E_INVALID, "a scale or zero point has fewer elements than there are blocks");
  return value;
}

}  // namespace

LineMatrix columns_of(const GraphView& graph, uint32_t index) {
  const weft_value& v = graph.value(index);
  return {&v, index, v.dims[1].value, v.dims[0].value, v.order == WEFT_COLUMN_MAJOR};
}

LineMatrix rows_of(const GraphView& graph, uint32_t index) {
  const weft_value& v = graph.value(index);
  return {&v, index, v.dims[0].value, v.dims[1].value, v.order == WEFT_ROW_MAJOR};
}

LineMatrix experts_of(const GraphView& graph, uint32_t index, bool transposed) {
  const weft_value& v = graph.value(index);
  const int64_t rows = v.dims[1].value, columns = v.dims[2].value;
  return {&v,         index,          transposed ? rows : columns, transposed ? columns : rows,
          transposed, v.dims[0].value};
}

void check_packable(const GraphView& graph, const LineMatrix& m) {
  const weft_value& value = *m.value;
  if (value.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("a constant matrix of %s; the cpu takes f32, quantized or not",
                       common::dtype_name(value.dtype)),
                  m.index};
  if (!value.quant) return;
  const weft_quant& q = *value.quant;
  const auto refuse = [&](const std::string& why) {
    throw Refusal{WEFT_REFUSE_QUANT, why, m.index};
  };
  if (q.scheme != WEFT_Q_AFFINE) refuse("the cpu decodes affine codes only");
  if (!is_nibble(q.storage) && q.storage != WEFT_U8 && q.storage != WEFT_I8)
    refuse(text("codes stored as %s; the cpu takes u4, i4, e0m4, u8 and i8",
                common::dtype_name(q.storage)));
  if (!m.line_major) refuse("blocks must run along K: the codes lie in the other order");
  const Blocks b = blocks_of(q, m.k);
  if (b.count > 1 && b.block % 8)
    refuse(text("blocks of %u; the cpu takes multiples of 8", q.block));
  if (is_nibble(q.storage) && b.block % 2) refuse("4-bit codes in blocks of odd length");
  if (graph.value(q.scale_value).dtype != WEFT_F32) refuse("scales that are not f32");
  if (q.zero_point_value != WEFT_NONE) {
    const uint32_t zero = graph.value(q.zero_point_value).dtype;
    if (zero != WEFT_F32 && zero != WEFT_U8) refuse("zero points that are neither f32 nor u8");
  }
}

namespace {

// What quantized codes are made of, in `key` too.
Source source_of(const GraphView& graph, const LineMatrix& m, const Blocks& b,
                 common::ConstantKey& key) {
  const weft_value& value = *m.value;
  const weft_quant& q = *value.quant;
  const int64_t lines = m.matrices * m.n;
  const weft_value& scale = plain_constant(graph, q.scale_value, lines * b.count);
  const int64_t codes = b.count * b.block;
  Source source{static_cast<const char*>(value.data),
                is_nibble(q.storage) ? codes / 2 : codes,
                static_cast<const float*>(scale.data),
                nullptr,
                nullptr,
                q.zero,
                q.storage,
                b};
  if (value.data_size < uint64_t(lines * source.line_bytes))
    throw Failure(WEFT_E_INVALID, "a quantized constant is shorter than its shape");
  const auto scale_id = common::content_id(scale);
  key[5] = common::mix(scale_id[0], scale_id[1]);
  if (q.zero_point_value != WEFT_NONE) {
    const weft_value& zero = plain_constant(graph, q.zero_point_value, lines * b.count);
    if (zero.dtype == WEFT_F32) source.zero_f32 = static_cast<const float*>(zero.data);
    if (zero.dtype == WEFT_U8) source.zero_u8 = static_cast<const uint8_t*>(zero.data);
    const auto zero_id = common::content_id(zero);
    key[5] = common::mix(key[5], common::mix(zero_id[0], zero_id[1]));
  }
  std::memcpy(&key[6], &q.zero, sizeof key[6]);
  key[7] = uint64_t(q.storage) << 32 | uint64_t(b.block);
  return source;
}

// Matrix i of the stack.
Source matrix_of(Source s, const LineMatrix& m, int64_t i) {
  const int64_t lines = i * m.n, blocks = lines * s.blocks.count;
  s.codes += lines * s.line_bytes;
  s.scale += blocks;
  if (s.zero_f32) s.zero_f32 += blocks;
  if (s.zero_u8) s.zero_u8 += blocks;
  return s;
}

}  // namespace

PackedMatrix pack(const GraphView& graph, const LineMatrix& m, common::ConstantStore& store) {
  const weft_value& value = *m.value;
  const int64_t tiles = (m.n + 15) / 16;
  const auto id = common::content_id(value);
  common::ConstantKey key = {
      uint64_t(m.matrices), uint64_t(m.n), uint64_t(m.k), id[0], id[1], 0, 0, 0};
  PackedMatrix packed{nullptr, m.k, m.n, tiles, 0, kPackedF32, 1, 0};
  if (!value.quant) {
    if (value.data_size < uint64_t(m.matrices * m.n * m.k) * sizeof(float))
      throw Failure(WEFT_E_INVALID, "a constant matrix is shorter than its shape");
    key[5] = m.line_major;
    packed.tile_bytes = m.k * 16 * int64_t(sizeof(float));
    const int64_t size = tiles * packed.tile_bytes;
    packed.data = store.get(key, uint64_t(m.matrices * size), [&](char* to) {
      const float* from = static_cast<const float*>(value.data);
      for (int64_t i = 0; i < m.matrices; i++) pack_floats(m, from + i * m.n * m.k, to + i * size);
    });
    return packed;
  }
  const Blocks b = blocks_of(*value.quant, m.k);
  const bool nibble = is_nibble(value.quant->storage);
  const Source source = source_of(graph, m, b, key);
  packed.kind = nibble ? kPackedU4 : kPackedU8;
  packed.block = uint32_t(b.packed);
  packed.block_bytes = kHeaderBytes + (nibble ? b.packed * 8 : b.packed * 16);
  packed.tile_bytes = b.count * packed.block_bytes;
  const int64_t size = tiles * packed.tile_bytes;
  packed.data = store.get(key, uint64_t(m.matrices * size), [&](char* to) {
    std::memset(to, 0, size_t(m.matrices * size));
    for (int64_t i = 0; i < m.matrices; i++, to += size)
      for (int64_t tile = 0; tile < tiles; tile++)
        for (int64_t block = 0; block < b.count; block++)
          pack_block(matrix_of(source, m, i), m.n, m.k, tile, block,
                     to + tile * packed.tile_bytes + block * packed.block_bytes);
  });
  return packed;
}

}  // namespace weft::cpu
