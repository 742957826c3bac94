// Element types, numbered as in ONNX's TensorProto.DataType (1..27), ours from 240.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::ir {

enum class DType : uint8_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  bf16 = 16,
  u4 = 21,
  i4 = 22,
  e0m4 = 240,
};

// Bits of one element; 4-bit types are packed two to a byte, low nibble first. 0 for undefined and
// string.
int bits(DType dtype);
bool is_float(DType dtype);
bool is_integer(DType dtype);        // boolean excluded
std::string_view name(DType dtype);  // "f32"
std::optional<DType> parse_dtype(std::string_view text);
// Bytes of `count` elements stored tightly: 4-bit types round up to whole bytes.
int64_t size_bytes(DType dtype, int64_t count);

}  // namespace weft::ir
