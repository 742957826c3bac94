// The table of numeric kernels, one per instruction set, and the plain data they work on.
//
// Every output element is computed by one fixed sequence of operations that depends on nothing but
// the element: not on how many rows are computed with it, nor on the number of threads. A product
// is acc = fma(w_k, x_k, acc) for k ascending from acc = 0, in gemv and in gemm alike. So results
// are equal bit for bit over chunk sizes and threads.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace weft::cpu {

// A constant [K, N] repacked into tiles of 16 columns ("lines" where rows of an embedding are
// read).
//
//   f32   tile: K x 16 floats
//   bf16  tile: pairs of rows, K32 / 2 x 16 columns x 2: what dot products of bfloat16 take
//   f16   tile: K x 16 halves
//   u8    tile: blocks of { header, block / 4 x 16 words of codes k0 k1 k2 k3 }
//   u4    tile: blocks of { header, block / 8 x 16 words of codes k0 k4 k1 k5 k2 k6 k3 k7, low
//               nibble first }
//
// Tiles of codes lie in pairs: of each block the two headers, then the words of 16 columns in
// turns, so that a thread that decodes reads one stream. A last tile without a partner lies alone.
//
// A word's bytes, or its low and its high nibbles, are four consecutive codes of one column:
// what integer dot products take. A header is { scale[16], offset[16] } in the shortest form that
// keeps every bit: scales are f16 where all of the matrix are; see OffsetForm.
//
// weight = fma(code, scale, offset), with offset = -zero * scale. Lanes past N hold zeros, codes
// past K anything, rows of bf16 past K up to K32, the next multiple of 32, zeros.
enum : uint32_t {
  kPackedF32 = 0,
  kPackedU8 = 1,
  kPackedU4 = 2,
  kPackedBF16 = 3,
  kPackedF16 = 4,
};
enum OffsetForm : uint32_t {
  kOffsetF32 = 0,
  kOffsetF16 = 1,
  kOffsetU8 = 2,    // 16 zero points
  kOffsetNone = 3,  // PackedMatrix::zero is the zero point of all
};
struct PackedMatrix {
  const char* data;
  int64_t k, n;
  int64_t tiles;
  int64_t tile_bytes;
  uint32_t kind;
  uint32_t block;       // codes per scale, a multiple of 8
  int64_t block_bytes;  // header and codes
  uint32_t half_scales;
  OffsetForm offset_form;
  int32_t zero;
  int64_t header_bytes;
};

// Signed bytes [K, N] in tiles of 16 columns: K / 4 x 16 words of w + 128, k0 k1 k2 k3, whatever
// past K and N.
struct PackedBytes {
  const char* data;
  int64_t k, n;
  int64_t tiles;
  int64_t tile_bytes;
};
constexpr int64_t byte_tile_bytes(int64_t k) { return (k + 3) / 4 * 64; }

// Rows of activations as int8 codes in chunks of 32 that start anew at each block of the weights:
//
//   record { int8 codes[32], f32 scale, f32 scale * sum of codes, i32 -zero * sum of codes, i32 0 }
//
// Twelve rows lie together: group of rows, chunk, row of the group. Codes past a block are zeros.
constexpr int64_t kChunk = 32;
constexpr int64_t kRecordBytes = 48;
constexpr int64_t kGroupRows = 12;
constexpr int64_t chunks_of(int64_t k, int64_t block) {
  return (k + block - 1) / block * ((block + kChunk - 1) / kChunk);
}

// Rows of activations as bfloat16, rounded to nearest even: K32 elements each, zeros past K. There
// is room for whole groups of 32 rows.
constexpr int64_t kRoundedRows = 32;
constexpr int64_t rounded_k(int64_t k) { return (k + 31) / 32 * 32; }
constexpr int64_t rounded_bytes(int64_t k, int64_t rows) {
  return (rows + kRoundedRows - 1) / kRoundedRows * kRoundedRows * rounded_k(k) * 2;
}
// Weights of two tiles as bf16, decoded once for all rows.
constexpr int64_t rounded_panel_bytes(int64_t k) { return 2 * rounded_k(k) * 16 * 2; }

// What becomes of the sums s of one row and column.
enum : uint32_t {
  kStore,  // y = s
  kJoin,   // y = s + other
  kGate,   // y = activation(s of w) * (s of gated)
};
struct Product {
  const PackedMatrix* w;
  const PackedMatrix* gated;  // kGate: of the same form as w
  const char* x;              // records, or rounded rows
  int64_t rows;               // of x
  int64_t
      terms;  // records of a row: 1, or 2 that are added, the codes and those of what they leave
  float* y;
  int64_t y_row;
  uint32_t finish;
  const float* other;  // kJoin
  int64_t other_row;   // 0: one row for all, a bias
  void (*activate)(uint32_t op, int64_t n, const float* x, float* y, float alpha);  // kGate
  uint32_t activation;
  float alpha;
};

// Queries of one batch that share a key head: `rows` rows of `heads` heads each. A query (r, h) is
// vector r * heads + h of the unit.
struct AttentionUnit {
  const float* q;  // row 0, first of the heads
  const void* k;   // key 0
  const void* v;
  float* y;
  uint32_t k_is_half, v_is_half;    // f16, or f32
  uint32_t k_is_codes, v_is_codes;  // or rows of codes (quant/code_rows.h), strides in bytes
  int64_t q_row, q_head;            // strides in elements
  int64_t k_row, v_row;
  int64_t y_row, y_head;
  int64_t rows, heads;
  int64_t d, dv;                          // head sizes of q and k, of v
  int64_t keys;                           // valid keys
  int64_t position;                       // row r stands at key position + r
  int64_t left;                           // keys before its position that a row sees; kNoLimit: all
  int64_t right;                          // and after it: 0 is causal; kNoLimit: all
  const void* mask;                       // nullptr: none; of the unit's first head and row
  int64_t mask_head, mask_row, mask_key;  // strides in elements
  uint32_t mask_is_bool;
  float scale, softcap;  // softcap 0: none
  const float* sinks;    // per head: the score of what has no key; nullptr: none
  const float* slopes;   // per head: added to a score per key of distance; nullptr: none
};

// What one block of keys gives one query, and the sum of such parts over blocks: each is
// attention_part_floats(dv) floats.
//
//   O [dv16]   sum of exp(score - m) v        dv16: dv up to a multiple of 16
//   l [16]     sum of exp(score - m), in lanes that are added up at the end
//   m          highest score; -inf: no key was seen, and O and l are 0
constexpr int64_t attention_part_floats(int64_t dv) { return (dv + 15) / 16 * 16 + 32; }

enum : uint32_t {  // binary
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMax,
  kMin,
  kPow,
  kMod,   // integers only: of the divisor's sign
  kFmod,  // of the dividend's
};
enum : uint32_t {  // unary
  kNeg,
  kAbs,
  kSqrt,
  kReciprocal,
  kExp,
  kLog,
  kErf,
  kTanh,
  kSigmoid,
  kRelu,
  kGelu,
  kGeluTanh,
  kSwish,
  kCos,
  kSin,
  kFloor,
  kCeil,
  kRound,  // halves to even
};

struct Kernels {
  const char* isa;
  // y[n] = x[K] . w[K, n] for the tiles [begin, end).
  void (*gemv)(const PackedMatrix& w, const float* x, float* y, int64_t begin, int64_t end);
  // The same for `rows` rows; `panel` holds gemm_panel_floats floats, 64-byte aligned.
  void (*gemm)(const PackedMatrix& w, const float* x, int64_t x_row, float* y, int64_t y_row,
               int64_t rows, int64_t begin, int64_t end, float* panel);
  // x[K] as records; `step` bytes from one chunk's record to the next. `rest`, when not null, is
  // what the codes leave of x, and may be x.
  void (*quantize)(const float* x, int64_t k, int64_t block, int32_t zero, char* records,
                   int64_t step, float* rest);
  // The columns of tiles [begin, end).
  void (*quantized_product)(const Product& p, int64_t begin, int64_t end);
  bool second_term_is_cheap;  // one row of two terms waits for memory most of its time
  // Products of bfloat16, nullptr where the processor has none: x[K] as a rounded row, and the
  // columns of tiles [begin, end), where `begin` is even; `panel` holds rounded_panel_bytes,
  // 64-byte aligned. Weights are rounded to bf16, sums are f32. An element does not depend on the
  // rows it is computed with, but is not what gemm() gives.
  void (*round_row)(const float* x, int64_t k, uint16_t* to);
  void (*rounded_product)(const Product& p, int64_t begin, int64_t end, char* panel);
  bool rounding_is_fastest;  // of all products of many rows, those of codes included
  // y[K] = column `line` of w.
  void (*gather)(const PackedMatrix& w, int64_t line, float* y);
  // c[rows, n] = a[rows, k] . b[k, n], b row-major with stride b_row; `panel` as above.
  void (*matmul)(const float* a, int64_t a_row, const float* b, int64_t b_row, float* c,
                 int64_t c_row, int64_t rows, int64_t k, int64_t n, float* panel);
  // y[n] += a * b[n] over bytes, signed or not.
  void (*add_bytes)(int32_t a, const uint8_t* b, uint32_t is_signed, int32_t* y, int64_t n);
  // y[rows, n] = x[rows, K] . w for the columns of tiles [begin, end): exact, wrapping at 32 bits.
  void (*byte_product)(const PackedBytes& w, const int8_t* x, int64_t x_row, int64_t rows,
                       int32_t* y, int64_t y_row, int64_t begin, int64_t end);
  // Codes of x: round_even(x / step) within -128 .. 127, a NaN as 0; and back: float(x) * scale,
  // with a scale per element where scale_step is 1, else one.
  void (*quantize_bytes)(const float* x, int64_t n, float step, int8_t* y);
  void (*dequantize_sums)(const int32_t* x, int64_t n, const float* scale, int64_t scale_step,
                          float* y);
  // Elements whose codes are beyond -128 .. 127, in order: index, and round_even(x / step) less the
  // nearest code; how many there are.
  int64_t (*find_outliers)(const float* x, int64_t n, float step, int32_t* index, float* residual);
  // y[n] += a * w[n] over signed bytes.
  void (*add_scaled_bytes)(float a, const int8_t* w, float* y, int64_t n);
  // Attention of at most kAttentionVectors queries. `scratch` holds attention_scratch_floats(d, dv)
  // floats, 64-byte aligned.
  void (*attend)(const AttentionUnit& unit, float* scratch);
  // The same in two steps, so that threads can share a row's keys. The part that block `block` + i
  // of kKeyBlock keys, i < `count`, gives query (r, h) goes to parts + h * head_floats + r * part
  // floats + i * block_floats; then the parts of query (r, h) over `blocks` blocks, at parts + h *
  // head_floats + r * part floats + i * block_floats, become its row of y.
  void (*attend_blocks)(const AttentionUnit& unit, int64_t block, int64_t count, float* parts,
                        int64_t head_floats, int64_t block_floats, float* scratch);
  void (*attend_merge)(const AttentionUnit& unit, int64_t blocks, const float* parts,
                       int64_t head_floats, int64_t block_floats, float* scratch);
  // attend() for many rows, rows * heads at most kPromptTiles times kAttentionVectors, from dot
  // products of bfloat16; nullptr where the instruction set has none. `scratch` holds
  // prompt_scratch_floats(d, dv) floats, 64-byte aligned.
  void (*attend_prompt)(const AttentionUnit& unit, float* scratch);
  // y = x in halves, rounded to nearest even; nullptr where the instruction set has no conversion.
  void (*narrow)(const float* x, uint16_t* y, int64_t n);
  // `row` = x[n] as a row of codes (quant/code_rows.h).
  void (*encode)(const float* x, int64_t n, char* row);
  void (*rms_norm)(const float* x, const float* weight, float* y, int64_t n, float epsilon);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float* y, int64_t n,
                     float epsilon);  // bias may be null
  void (*softmax)(const float* x, float* y, int64_t n);
  // One head: the first 2 * half elements are rotated, y may be x.
  void (*rotate)(const float* x, const float* cos, const float* sin, float* y, int64_t half,
                 uint32_t interleaved);
  // Steps are 0 (one element for all) or 1.
  void (*binary)(uint32_t op, int64_t n, const float* a, int64_t a_step, const float* b,
                 int64_t b_step, float* y);
  void (*unary)(uint32_t op, int64_t n, const float* x, float* y, float alpha);
};

constexpr int64_t kPanelK = 256;  // rows of a dequantized panel
constexpr int64_t kGemmPanelFloats = kPanelK * 2 * 16;
constexpr int64_t kAttentionVectors = 48;  // most rows * heads of a unit
constexpr int64_t kKeyBlock = 64;          // keys are taken in blocks that start at multiples of 64
constexpr int64_t kNoLimit = INT64_MAX / 4;
constexpr int64_t kQueryBlockFloats = 18;  // 32 elements of a query as codes (attention_codes.h)

// Scratch of one thread in attend(), attend_blocks() and attend_merge().
constexpr int64_t attention_scratch_floats(int64_t d, int64_t dv) {
  const int64_t dv16 = (dv + 15) / 16 * 16, d16 = (d + 15) / 16 * 16;
  return kAttentionVectors * d16 + kKeyBlock * d + 16 * d16 + kAttentionVectors * kKeyBlock +
         kKeyBlock * dv16 + 2 * kAttentionVectors * attention_part_floats(dv) +
         kAttentionVectors * ((d + 31) / 32) * kQueryBlockFloats +
         2 * kAttentionVectors * kKeyBlock;
}

constexpr int64_t kPromptTiles = 4;

// Scratch of one thread in attend_prompt(): see carve_prompt().
constexpr int64_t prompt_scratch_floats(int64_t d, int64_t dv) {
  const int64_t dv16 = (dv + 15) / 16 * 16, d16 = (d + 15) / 16 * 16;
  const int64_t row = d16 / 2 > dv16 ? d16 / 2 : dv16;
  return kKeyBlock * (d16 / 2 + dv16 / 2) +
         kAttentionVectors * (kKeyBlock + kKeyBlock / 2 + row + 3) +
         kPromptTiles * kAttentionVectors * (d16 / 2 + dv16 + 2);
}

}  // namespace weft::cpu
