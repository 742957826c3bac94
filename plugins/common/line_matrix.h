// Constant matrices in the forms that a graph stores them in, for plugins that repack them.
//
// A matrix is N lines of K elements: the columns of a MatMul's B [K, N], or the rows of an
// embedding [V, K]. A head and an embedding that share their bytes are therefore the same lines. A
// stack has one matrix per expert.
#pragma once

#include "plugins/common/constant_store.h"
#include "plugins/common/row.h"

namespace weft::common {

struct LineMatrix {
  const weft_value* value;
  uint32_t index;   // of the value
  int64_t n, k;     // lines and their length
  bool line_major;  // a line is contiguous
  int64_t matrices = 1;
};

// B [K, N] of a MatMul, or an embedding [V, K]; the value is a rank-2 constant.
LineMatrix columns_of(const plugin::GraphView& graph, uint32_t value);
LineMatrix rows_of(const plugin::GraphView& graph, uint32_t value);
// Of weights [E, K, N], or [E, N, K] when transposed; the value is a rank-3 constant.
LineMatrix experts_of(const plugin::GraphView& graph, uint32_t value, bool transposed);

// Codes of 4 bits, two to a byte.
bool is_nibble(uint32_t storage);

// Throws Refusal unless the matrix is f32, or affine codes of u4, i4, e0m4, u8 or i8 in blocks
// along K. `who` stands in the sentences: "the cpu".
void check_stored_form(const plugin::GraphView& graph, const LineMatrix& matrix, const char* who);

// A quantized matrix: for each line its blocks, and per block a scale and a zero point.
struct StoredCodes {
  const char* codes;
  int64_t line_bytes;
  const float* scale;      // [lines][blocks]
  const float* zero_f32;   // or null
  const uint8_t* zero_u8;  // or null; without both it is `zero`
  double zero;
  uint32_t storage;
  int64_t block, blocks;  // codes per scale, blocks of a line

  double zero_at(int64_t i) const { return zero_f32 ? zero_f32[i] : zero_u8 ? zero_u8[i] : zero; }
};

// Of a matrix that check_stored_form() took; key[5] to key[7] say what its values depend on beyond
// the codes. Throws Failure when a constant is shorter than its form says.
StoredCodes stored_codes(const plugin::GraphView& graph, const LineMatrix& matrix,
                         ConstantKey& key);
// The floats of one that is not quantized; throws like stored_codes().
const float* stored_floats(const LineMatrix& matrix);

}  // namespace weft::common
