// Views of host tensors for the slow reference kernels and for folding constants.
//
// Element access goes through double (or int64 for integers): slow, and obviously right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ir/dtype.h"

namespace weft::ops {

// Codes behind a quantized constant: real = (code - zero) * scale, as in ir::Quantization. A line
// of the storage holds ceil(length / block) * block codes; block 0 means one scale for the whole
// line.
struct ArrayQuantization {
  ir::DType storage = ir::DType::u4;
  int64_t block = 0;
  const float* scale = nullptr;      // [rows, blocks]
  const float* zero_f32 = nullptr;   // [rows, blocks], or
  const uint8_t* zero_u8 = nullptr;  // [rows, blocks], or neither: `zero`
  double zero = 0;
};

// A typed view. Not owning; an absent optional input has data == nullptr and dtype undefined.
struct Array {
  ir::DType dtype = ir::DType::undefined;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements, one per dim
  std::byte* data = nullptr;
  const ArrayQuantization* quantization = nullptr;  // constants of rank 2 and above
  bool column_major = false;  // quantized, rank 2: codes stored [shape[1]][shape[0]]

  bool present() const { return dtype != ir::DType::undefined; }
  int64_t rank() const { return int64_t(shape.size()); }
  int64_t count() const;
};

// Row-major strides of a shape.
std::vector<int64_t> row_major(std::span<const int64_t> shape);
// The offset in elements of row-major position `index`, through the strides.
int64_t offset_of(const Array& array, int64_t index);

// Element at row-major position `index` (quantized constants are decoded). load_int reads integers
// and booleans exactly (u64 as the same 64 bits) and truncates floats. store rounds to nearest
// even, sends a float to an integer type by truncation, saturating, NaN as 0; a boolean is `value
// != 0`. store_int keeps the low bits. 4-bit types are packed, low nibble first.
double load(const Array& array, int64_t index);
int64_t load_int(const Array& array, int64_t index);
void store(const Array& array, int64_t index, double value);
void store_int(const Array& array, int64_t index, int64_t value);
// All elements, row-major.
std::vector<double> load_all(const Array& array);
std::vector<int64_t> load_ints(const Array& array);
// Writes all elements, row-major; `values` holds count() of them. Not for 4-bit integers' doubles:
// see store for how each type rounds.
void store_all(const Array& array, std::span<const double> values);
void store_ints(const Array& array, std::span<const int64_t> values);
// Moves `from` into `to` element by element, each in row-major order of its own shape: the counts
// are equal, and so are the dtypes unless `from` is quantized. Nothing is written when both are the
// same view.
void copy_elements(const Array& from, const Array& to);
// Whether the elements lie one after the other, row-major.
bool is_row_major(const Array& array);
// The view of `count` indices of `axis` from `first` on.
Array narrowed(const Array& array, int64_t axis, int64_t first, int64_t count);
// The view whose axis i is axis order[i] of `array`.
Array permuted(const Array& array, std::span<const int64_t> order);
// out[i] = element (row, i) of a rank-2 array's row (or column, when `column`), decoded.
void load_line(const Array& array, int64_t line, bool column, std::span<double> out);

// An owning, row-major tensor.
struct Tensor {
  ir::DType dtype = ir::DType::undefined;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  static Tensor zeros(ir::DType dtype, std::vector<int64_t> shape);
  Array view() const;  // writable through: the caller owns the tensor
};

// `array` itself, or, when it is a quantized constant, a view of its decoded elements kept in
// `scratch`: for kernels that move strides about.
Array dense(const Array& array, Tensor& scratch);

}  // namespace weft::ops
