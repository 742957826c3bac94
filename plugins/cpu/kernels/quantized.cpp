// Products of packed codes with activations that are codes themselves: int8 with a scale per chunk
// of 32, so that the sum of a chunk is integer dot products, exact.
//
//   y = sum over chunks of  fma(float(dot), x scale, ...) in the weights' scale, plus offsets:
//
//   dot  = sum (weight code * x code) - zero * sum (x code)       zero: where one is all columns'
//   acc  = fma(float(dot) * w scale, x scale, acc)
//   acc  = fma(w offset, x scale * sum (x code), acc)             where columns have their own
//
// Every element goes through this sequence whatever rows are computed with it, so one row
// (decoding) and many (a prompt) agree bit for bit. Weights are read packed by both: a register
// tile of twelve rows decodes a word for all of them. The scheme is that of ggml's Q8_0
// activations.
#include "plugins/cpu/kernels/finish.h"
#include "plugins/cpu/kernels/halves.h"
#include "plugins/cpu/kernels/packed.h"

namespace weft::cpu::WEFT_ISA {

namespace {

// Bytes of records that stay in the second-level cache while all tiles pass over them.
constexpr int64_t kPanelBytes = 384 << 10;

struct Record {
  int8_t codes[kChunk];
  float scale, sum;
  int32_t start, none;
};
static_assert(sizeof(Record) == kRecordBytes);

struct Tile {
  TileBlocks blocks[2];
  const Record* x;  // row 0, chunk 0
  int64_t step;     // records from a chunk to the next
};

WEFT_INLINE int32_t word_of(const int8_t* codes) {
  int32_t word;
  memcpy(&word, codes, sizeof word);
  return word;
}

// A chunk of R rows, as dot products take it: the records themselves, or their halves, from memory:
// a compiler that keeps them in registers spends more on taking them apart.
template <bool takes_bytes, int R>
struct Chunk {
  const Record* x;
  const Halves* halves;
  Halves room[takes_bytes ? 1 : R];

  __attribute__((always_inline)) explicit Chunk(const Record* rows) : x(rows), halves(room) {
    if constexpr (!takes_bytes) {
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) split(rows[r].codes, room[r]);
      asm("" : "+r"(halves) : : "memory");
    }
  }
};

// dot[r][t] += four codes of tile t times word `word` of row r; part by part, so that few registers
// hold codes.
template <int R, int T>
WEFT_INLINE void four_in_halves(const vu (&codes)[T], const Chunk<false, R>& chunk, int64_t word,
                                vi (&dot)[R][T]) {
#pragma GCC unroll 4
  for (int t = 0; t < T; t++) WEFT_PARTS(p) {
      const u32n even = even_bytes(codes[t].part[p]), odd = odd_bytes(codes[t].part[p]);
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        dot2(dot[r][t].part[p], even, chunk.halves[r].even[word]);
        dot2(dot[r][t].part[p], odd, chunk.halves[r].odd[word]);
      }
    }
}

// dot[r][t] += the next eight codes of tile t times those of row r.
template <bool nibbles, int R, int T>
WEFT_INLINE void eight(const char* const (&at)[T], int64_t word_step,
                       const Chunk<kTakesBytes<nibbles>, R>& chunk, int64_t k, vi (&dot)[R][T]) {
  vu first[T], second[T];
#pragma GCC unroll 4
  for (int t = 0; t < T; t++) {
    const vu words = load_u32(at[t]);
    first[t] = nibbles ? low_nibbles(words) : words;
    second[t] = nibbles ? high_nibbles(words) : load_u32(at[t] + word_step);
  }
  if constexpr (!kTakesBytes<nibbles>) {
    four_in_halves<R, T>(first, chunk, k / 4, dot);
    four_in_halves<R, T>(second, chunk, k / 4 + 1, dot);
    return;
  }
  const Record* x = chunk.x;
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
    const int32_t low = word_of(x[r].codes + k), high = word_of(x[r].codes + k + 4);
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) dot[r][t] = dot4<nibbles>(dot[r][t], first[t], low);
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) dot[r][t] = dot4<nibbles>(dot[r][t], second[t], high);
  }
}

// sums[t][r][16] of R rows and T tiles.
template <bool nibbles, int R, int T>
void tile_sums(const PackedMatrix& w, const Tile& tile, float* sums) {
  const bool has_offsets = w.offset_form != kOffsetNone;
  const Record* x = tile.x;
  const int64_t word_step = tile.blocks[0].word_step;
  const char *header[T], *words[T];
  vf acc[R][T];
#pragma GCC unroll 4
  for (int t = 0; t < T; t++) {
    header[t] = tile.blocks[t].header;
    words[t] = tile.blocks[t].words;
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) acc[r][t] = zero();
  }
  for (int64_t done = 0; done < w.k; done += w.block) {
    const char* at[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) at[t] = words[t];
    for (int64_t chunk = 0; chunk < w.block; chunk += kChunk) {
      const int64_t count = w.block - chunk < kChunk ? w.block - chunk : kChunk;
      vi dot[R][T];
#pragma GCC unroll 8
      for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) dot[r][t] = set1_i32(x[r].start);
      const Chunk<kTakesBytes<nibbles>, R> rows(x);
      for (int64_t k = 0; k < count; k += 8) {
        eight<nibbles, R, T>(at, word_step, rows, k, dot);
#pragma GCC unroll 4
        for (int t = 0; t < T; t++) at[t] += nibbles ? word_step : 2 * word_step;
      }
#pragma GCC unroll 4
      for (int t = 0; t < T; t++) {
        const vf scale = read_scales(w, header[t]);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++)
          acc[r][t] = fma(to_floats(dot[r][t]) * scale, set1(x[r].scale), acc[r][t]);
        if (!has_offsets) continue;
        const vf offset = read_offsets(w, header[t], scale);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) acc[r][t] = fma(offset, set1(x[r].sum), acc[r][t]);
      }
      x += tile.step;
    }
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) {
      header[t] += tile.blocks[0].step;
      words[t] += tile.blocks[0].step;
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; t++)
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) store(sums + (t * R + r) * 16, acc[r][t]);
}

template <int R, int T>
WEFT_INLINE void tile_sums_of(const PackedMatrix& w, const Tile& tile, float* sums) {
  if (w.kind == kPackedU4) {
    tile_sums<true, R, T>(w, tile, sums);
  } else {
    tile_sums<false, R, T>(w, tile, sums);
  }
}

#if defined(__AVX512F__)

// The codes of a whole chunk, four of a column in each lane.
template <bool nibbles>
WEFT_INLINE void chunk_codes(const char* at, int64_t word_step, vu (&codes)[8]) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    const vu words = load_u32(at + (nibbles ? i / 2 : i) * word_step);
    codes[i] = !nibbles ? words : i % 2 ? high_nibbles(words) : low_nibbles(words);
  }
}

// The same as tile_sums for one tile and blocks of whole chunks. Half of the rows at a time: their
// dot products take turns, so that none waits for the one before.
template <bool nibbles, bool has_offsets, int R>
void tall_sums(const PackedMatrix& w, const Tile& tile, float* sums) {
  constexpr int kTurns = R > 6 ? R / 2 : R;
  const Record* x = tile.x;
  const int64_t word_step = tile.blocks[0].word_step;
  const int64_t chunk_bytes = (nibbles ? 4 : 8) * word_step;
  const char *header = tile.blocks[0].header, *words = tile.blocks[0].words;
  vf acc[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) acc[r] = zero();
  for (int64_t done = 0; done < w.k; done += w.block) {
    const vf scale = read_scales(w, header);
    const vf offset = has_offsets ? read_offsets(w, header, scale) : zero();
    const char* at = words;
    for (int64_t chunk = 0; chunk < w.block; chunk += kChunk) {
      vu codes[8];
      chunk_codes<nibbles>(at, word_step, codes);
      const Chunk<kTakesBytes<nibbles>, R> rows(x);
#pragma GCC unroll 2
      for (int first = 0; first < R; first += kTurns) {
        vi dot[kTurns];
#pragma GCC unroll 8
        for (int r = 0; r < kTurns; r++)
          dot[r] = set1_i32(has_offsets ? 0 : x[first + r].start);  // no zero point is all columns'
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
          if constexpr (kTakesBytes<nibbles>) {
#pragma GCC unroll 8
            for (int r = 0; r < kTurns; r++)
              dot[r] = dot4<nibbles>(dot[r], codes[i], word_of(x[first + r].codes + 4 * i));
          } else {
            const u32n even = even_bytes(codes[i].part[0]), odd = odd_bytes(codes[i].part[0]);
#pragma GCC unroll 8
            for (int r = 0; r < kTurns; r++) {
              dot2(dot[r].part[0], even, rows.halves[first + r].even[i]);
              dot2(dot[r].part[0], odd, rows.halves[first + r].odd[i]);
            }
          }
#pragma GCC unroll 8
        for (int r = 0; r < kTurns; r++) {
          vf& sum = acc[first + r];
          sum = fma(to_floats(dot[r]) * scale, set1(x[first + r].scale), sum);
          if (has_offsets) sum = fma(offset, set1(x[first + r].sum), sum);
        }
      }
      at += chunk_bytes;
      x += tile.step;
    }
    header += tile.blocks[0].step;
    words += tile.blocks[0].step;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) store(sums + r * 16, acc[r]);
}

template <int R>
WEFT_INLINE void tall_sums_of(const PackedMatrix& w, const Tile& tile, float* sums) {
  const bool nibbles = w.kind == kPackedU4, has_offsets = w.offset_form != kOffsetNone;
  if (nibbles && has_offsets) return tall_sums<true, true, R>(w, tile, sums);
  if (nibbles) return tall_sums<true, false, R>(w, tile, sums);
  if (has_offsets) return tall_sums<false, true, R>(w, tile, sums);
  return tall_sums<false, false, R>(w, tile, sums);
}

#endif

// Sums of one tile for the first R of `rows` rows; returns R.
WEFT_INLINE int64_t rows_of_sums(const PackedMatrix& w, const Tile& tile,
                                 [[maybe_unused]] int64_t rows, float* sums) {
#if defined(__AVX512F__)
  if (w.block % kChunk == 0) {
    if (rows >= 12) return tall_sums_of<12>(w, tile, sums), 12;
    if (rows >= 6) return tall_sums_of<6>(w, tile, sums), 6;
    if (rows >= 4) return tall_sums_of<4>(w, tile, sums), 4;
  }
#endif
#if defined(__SSE2__)
  if (rows >= 3) return tile_sums_of<3, 1>(w, tile, sums), 3;
#endif
#if defined(__AVX512F__)
  if (rows >= 2) return tile_sums_of<2, 1>(w, tile, sums), 2;
#endif
  return tile_sums_of<1, 1>(w, tile, sums), 1;
}

// sums[r] of a group's rows.
WEFT_INLINE void group_sums(const PackedMatrix& w, Tile tile, int64_t rows, float* sums) {
  while (rows > 0) {
    const int64_t some = rows_of_sums(w, tile, rows, sums);
    tile.x += some;
    sums += some * 16;
    rows -= some;
  }
}

// Rows [row, row + rows) of records, a group, and one tile.
void group_of_rows(const Product& p, int64_t tile, int64_t row, int64_t rows) {
  alignas(64) float sums[2 * kGroupRows * 16];
  const int64_t chunks = chunks_of(p.w->k, p.w->block);
  Tile at{{blocks_of(*p.w, tile)}, reinterpret_cast<const Record*>(p.x) + row * chunks, rows};
  group_sums(*p.w, at, rows, sums);
  if (p.finish != kGate) return finish(p, tile, row / p.terms, rows, sums);
  at.blocks[0] = blocks_of(*p.gated, tile);
  group_sums(*p.gated, at, rows, sums + kGroupRows * 16);
  finish_gate(p, tile, row / p.terms, rows, sums, sums + kGroupRows * 16);
}

// Tiles of few rows that are summed before what becomes of them is computed.
constexpr int64_t kSpan = 32;

// sums[tile - begin][R][16] of one row of R terms: a pair of tiles at a time, whose words are one
// stream of memory, which the processor fetches ahead by itself; two streams at once are slower,
// and so are prefetches.
template <int R>
void few_rows_of(const PackedMatrix& w, const char* x, int64_t begin, int64_t end, float* sums) {
  Tile at{{}, reinterpret_cast<const Record*>(x), R};
  for (int64_t tile = begin; tile < end; tile += 2, sums += 2 * R * 16) {
    at.blocks[0] = blocks_of(w, tile);
    if (tile + 1 == end) return tile_sums_of<R, 1>(w, at, sums);
    at.blocks[1] = blocks_of(w, tile + 1);
    tile_sums_of<R, 2>(w, at, sums);
  }
}

// A gate's two matrices take turns by the span: each turn ends a stream, and the next is slow until
// it is fetched ahead.
template <int R>
void few_rows(const Product& p, int64_t begin, int64_t end) {
  alignas(64) float sums[kSpan * R * 16], up[kSpan * R * 16];
  for (int64_t first = begin; first < end; first += kSpan) {
    const int64_t last = end - first < kSpan ? end : first + kSpan;
    few_rows_of<R>(*p.w, p.x, first, last, sums);
    if (p.finish == kGate) few_rows_of<R>(*p.gated, p.x, first, last, up);
    for (int64_t tile = first; tile < last; tile++) {
      const int64_t at = (tile - first) * R * 16;
      if (p.finish == kGate) {
        finish_gate(p, tile, 0, R, sums + at, up + at);
      } else {
        finish(p, tile, 0, R, sums + at);
      }
    }
  }
}

// All tiles over a panel of rows, group by group of rows.
void panel(const Product& p, int64_t begin, int64_t end, int64_t row0, int64_t rows) {
  for (int64_t tile = begin; tile < end; tile++)
    for (int64_t row = row0; row < row0 + rows; row += kGroupRows)
      group_of_rows(p, tile, row, p.rows - row < kGroupRows ? p.rows - row : kGroupRows);
}

void quantized_product(const Product& p, int64_t begin, int64_t end) {
  if (p.rows == 1) return few_rows<1>(p, begin, end);
  if (p.rows == 2) return few_rows<2>(p, begin, end);
  const int64_t row_bytes = chunks_of(p.w->k, p.w->block) * kRecordBytes;
  int64_t step = kPanelBytes / (row_bytes * kGroupRows) * kGroupRows;
  if (step < kGroupRows) step = kGroupRows;
  for (int64_t row = 0; row < p.rows; row += step)
    panel(p, begin, end, row, p.rows - row < step ? p.rows - row : step);
}

// An infinity or a NaN makes the scale a NaN, and so every result of its row.
void quantize_chunk(const float* x, int64_t count, int32_t zero_point, Record* to, float* rest) {
  const vf values[2] = {load_leading(x, count), load_leading(x + 16, count - 16)};
  const float highest = maximum(max(abs(values[0]), abs(values[1])));
  const vf inverse = set1(highest > 0 ? 127.0f / highest : 0.0f);
  const vf magic = set1(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, halves to even
  vf codes[2];
  for (int i = 0; i < 2; i++) codes[i] = values[i] * inverse + magic - magic;
  const float total = sum(codes[0] + codes[1]);
  const bool finite = total - total == 0;
  for (int i = 0; i < 2; i++) store_codes(to->codes + 16 * i, finite ? codes[i] : zero());
  to->scale = finite ? highest / 127.0f : __builtin_nanf("");
  to->sum = to->scale * total;
  to->start = finite ? -zero_point * int32_t(total) : 0;
  to->none = 0;
  for (int i = 0; rest && i < 2; i++) {
    const vf left = values[i] - codes[i] * set1(to->scale);
    const int64_t some = count - 16 * i;
    if (some >= 16) store(rest + 16 * i, left);
    if (some > 0 && some < 16) store_n(rest + 16 * i, left, some);
  }
}

void quantize(const float* x, int64_t k, int64_t block, int32_t zero_point, char* records,
              int64_t step, float* rest) {
  for (int64_t b = 0; b < k; b += block)
    for (int64_t chunk = 0; chunk < block; chunk += kChunk) {
      int64_t count = block - chunk < kChunk ? block - chunk : kChunk;
      const int64_t left = k - b - chunk, at = b + chunk;
      if (count > left) count = left > 0 ? left : 0;
      quantize_chunk(x + at, count, zero_point, reinterpret_cast<Record*>(records),
                     rest ? rest + at : nullptr);
      records += step;
    }
}

}  // namespace

void install_quantized(Kernels& table) {
  table.quantize = quantize;
  table.quantized_product = quantized_product;
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
  table.second_term_is_cheap = true;
#else
  table.second_term_is_cheap = false;
#endif
}

}  // namespace weft::cpu::WEFT_ISA
