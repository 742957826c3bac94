#include "core/ir/dtype.h"

namespace weft::ir {

namespace {

struct Row {
  DType dtype;
  std::string_view name;
  int bits;
};

constexpr Row kRows[] = {
    {DType::f32, "f32", 32}, {DType::u8, "u8", 8},         {DType::i8, "i8", 8},
    {DType::u16, "u16", 16}, {DType::i16, "i16", 16},      {DType::i32, "i32", 32},
    {DType::i64, "i64", 64}, {DType::string, "string", 0}, {DType::boolean, "bool", 8},
    {DType::f16, "f16", 16}, {DType::f64, "f64", 64},      {DType::u32, "u32", 32},
    {DType::u64, "u64", 64}, {DType::bf16, "bf16", 16},    {DType::u4, "u4", 4},
    {DType::i4, "i4", 4},    {DType::e0m4, "e0m4", 4},
};

const Row* row(DType dtype) {
  for (const Row& r : kRows) {
    if (r.dtype == dtype) return &r;
  }
  return nullptr;
}

}  // namespace

int bits(DType dtype) {
  const Row* r = row(dtype);
  return r ? r->bits : 0;
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f64;
}

bool is_integer(DType dtype) {
  return bits(dtype) > 0 && !is_float(dtype) && dtype != DType::boolean && dtype != DType::e0m4;
}

std::string_view name(DType dtype) {
  const Row* r = row(dtype);
  return r ? r->name : "undefined";
}

std::optional<DType> parse_dtype(std::string_view text) {
  for (const Row& r : kRows) {
    if (r.name == text) return r.dtype;
  }
  return {};
}

int64_t size_bytes(DType dtype, int64_t count) {
  const int width = bits(dtype);
  return width >= 8 ? count * (width / 8) : (count * width + 7) / 8;
}

}  // namespace weft::ir
