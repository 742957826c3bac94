// Strided views: element access by type, packed nibbles, decoding of quantized constants.
#include "core/ops/array.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/base/check.h"
#include "core/ops/half.h"
#include "core/ops/walk.h"

namespace weft::ops {
namespace {

using ir::DType;

struct Boolean {
  uint8_t bits = 0;
};

template <typename T>
T read(const std::byte* data, int64_t offset) {
  T value;
  std::memcpy(&value, data + offset * int64_t(sizeof(T)), sizeof(T));
  return value;
}
template <typename T>
void write(std::byte* data, int64_t offset, T value) {
  std::memcpy(data + offset * int64_t(sizeof(T)), &value, sizeof(T));
}

// Truncates toward zero; out of range saturates, NaN is 0.
template <typename T>
T to_integer(double value) {
  if (std::isnan(value)) return 0;
  // The upper limit of a 64-bit type is not a double; its successor is.
  const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (value >= limit) return std::numeric_limits<T>::max();
  if (value <= double(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return T(value);
}

template <typename T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat>) {
    return to_double(value);
  } else if constexpr (std::is_same_v<T, Boolean>) {
    return value.bits != 0;
  } else {
    return double(value);
  }
}
template <typename T>
int64_t as_int(T value) {
  if constexpr (std::is_integral_v<T>) return int64_t(value);
  return to_integer<int64_t>(as_double(value));
}
template <typename T>
T from_double(double value) {
  if constexpr (std::is_same_v<T, Half>) return to_half(value);
  if constexpr (std::is_same_v<T, BFloat>) return to_bfloat(value);
  if constexpr (std::is_same_v<T, Boolean>) return {uint8_t(value != 0)};
  if constexpr (std::is_integral_v<T>) return to_integer<T>(value);
  if constexpr (std::is_floating_point_v<T>) return T(value);
}
template <typename T>
T from_int(int64_t value) {
  if constexpr (std::is_integral_v<T>) return T(value);
  if constexpr (std::is_same_v<T, Boolean>) return {uint8_t(value != 0)};
  return from_double<T>(double(value));
}

// Calls fn with a value of the C++ type behind `dtype`. 4-bit types are not among them.
template <typename Fn>
auto with_type(DType dtype, Fn fn) {
  switch (dtype) {
    case DType::f32:
      return fn(float());
    case DType::f64:
      return fn(double());
    case DType::f16:
      return fn(Half());
    case DType::bf16:
      return fn(BFloat());
    case DType::i64:
      return fn(int64_t());
    case DType::i32:
      return fn(int32_t());
    case DType::i16:
      return fn(int16_t());
    case DType::i8:
      return fn(int8_t());
    case DType::u64:
      return fn(uint64_t());
    case DType::u32:
      return fn(uint32_t());
    case DType::u16:
      return fn(uint16_t());
    case DType::u8:
      return fn(uint8_t());
    case DType::boolean:
      return fn(Boolean());
    default:
      break;
  }
  WEFT_CHECK(!"an element type without a reference");
  return fn(float());
}

bool is_packed(DType dtype) {
  return dtype == DType::u4 || dtype == DType::i4 || dtype == DType::e0m4;
}

int64_t read_nibble(const std::byte* data, int64_t offset, bool is_signed) {
  const auto at = uint64_t(offset);
  const int64_t code = (uint8_t(data[at / 2]) >> (at % 2 * 4)) & 15;
  return is_signed && code > 7 ? code - 16 : code;
}

void write_nibble(std::byte* data, int64_t offset, int64_t value) {
  auto& pair = data[offset / 2];
  const auto code = std::byte(uint8_t(value) & 15);
  pair = offset % 2 ? (pair & std::byte(0x0f)) | (code << 4) : (pair & std::byte(0xf0)) | code;
}

// Reads codes [first, first + out.size()) of the whole storage, as they are.
void read_codes(const Array& array, int64_t first, std::span<double> out) {
  const DType storage = array.quantization->storage;
  if (is_packed(storage)) {
    const bool is_signed = storage == DType::i4;
    // E0M4: no exponent, four mantissa bits; a code stands for 16 + code.
    const int64_t bias = storage == DType::e0m4 ? 16 : 0;
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = double(read_nibble(array.data, first + int64_t(i), is_signed) + bias);
    }
    return;
  }
  with_type(storage, [&](auto tag) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = as_double(read<decltype(tag)>(array.data, first + int64_t(i)));
    }
  });
}

// The length of a storage line; the dims before the last one only count lines.
int64_t line_length(const Array& array) {
  return array.column_major ? array.shape.front() : array.shape.back();
}

// Decodes elements [first, first + out.size()) of storage line `line`.
void decode(const Array& array, int64_t line, int64_t first, std::span<double> out) {
  const ArrayQuantization& q = *array.quantization;
  const int64_t length = line_length(array);
  const int64_t block = q.block > 0 ? q.block : std::max<int64_t>(length, 1);
  const int64_t blocks = (length + block - 1) / block;
  read_codes(array, line * blocks * block + first, out);
  const int64_t end = first + int64_t(out.size());
  for (int64_t at = first; at < end;) {
    const int64_t group = line * blocks + at / block;
    const int64_t stop = std::min(end, (at / block + 1) * block);
    const double scale = q.scale[group];
    double zero = q.zero;
    if (q.zero_f32) zero = q.zero_f32[group];
    if (q.zero_u8) zero = q.zero_u8[group];
    for (; at < stop; ++at) out[size_t(at - first)] = (out[size_t(at - first)] - zero) * scale;
  }
}

double decode_at(const Array& array, int64_t index) {
  const int64_t width = array.shape.back(), row = index / width, column = index % width;
  double value = 0;
  decode(array, array.column_major ? column : row, array.column_major ? row : column, {&value, 1});
  return value;
}

}  // namespace

int64_t Array::count() const {
  uint64_t n = 1;
  for (int64_t dim : shape) n *= uint64_t(dim);
  return int64_t(n);
}

std::vector<int64_t> row_major(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  // Unsigned: beside a dim of 0 the others may multiply to anything, and no stride is used.
  for (size_t i = shape.size(); i-- > 1;) {
    strides[i - 1] = int64_t(uint64_t(strides[i]) * uint64_t(shape[i]));
  }
  return strides;
}

int64_t offset_of(const Array& array, int64_t index) {
  int64_t offset = 0;
  for (size_t i = array.shape.size(); i-- > 0;) {
    offset += index % array.shape[i] * array.strides[i];
    index /= array.shape[i];
  }
  return offset;
}

bool is_row_major(const Array& array) {
  if (array.count() == 0) return true;
  int64_t expected = 1;
  for (size_t i = array.shape.size(); i-- > 0;) {
    if (array.shape[i] != 1 && array.strides[i] != expected) return false;
    expected *= array.shape[i];
  }
  return true;
}

double load(const Array& array, int64_t index) {
  if (array.quantization) return decode_at(array, index);
  const int64_t offset = offset_of(array, index);
  if (is_packed(array.dtype)) {
    return double(read_nibble(array.data, offset, array.dtype == DType::i4));
  }
  return with_type(array.dtype,
                   [&](auto tag) { return as_double(read<decltype(tag)>(array.data, offset)); });
}

int64_t load_int(const Array& array, int64_t index) {
  const int64_t offset = offset_of(array, index);
  if (is_packed(array.dtype)) return read_nibble(array.data, offset, array.dtype == DType::i4);
  return with_type(array.dtype,
                   [&](auto tag) { return as_int(read<decltype(tag)>(array.data, offset)); });
}

void store(const Array& array, int64_t index, double value) {
  if (is_packed(array.dtype)) return store_int(array, index, to_integer<int64_t>(value));
  const int64_t offset = offset_of(array, index);
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    write<T>(array.data, offset, from_double<T>(value));
  });
}

void store_int(const Array& array, int64_t index, int64_t value) {
  const int64_t offset = offset_of(array, index);
  if (is_packed(array.dtype)) return write_nibble(array.data, offset, value);
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    write<T>(array.data, offset, from_int<T>(value));
  });
}

std::vector<double> load_all(const Array& array) {
  std::vector<double> all;
  all.reserve(size_t(array.count()));
  if (array.quantization || is_packed(array.dtype)) {
    for (int64_t i = 0; i < array.count(); ++i) all.push_back(load(array, i));
    return all;
  }
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    walk(array, [&](int64_t at) { all.push_back(as_double(read<T>(array.data, at))); });
  });
  return all;
}

std::vector<int64_t> load_ints(const Array& array) {
  std::vector<int64_t> all;
  all.reserve(size_t(array.count()));
  if (is_packed(array.dtype)) {
    for (int64_t i = 0; i < array.count(); ++i) all.push_back(load_int(array, i));
    return all;
  }
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    walk(array, [&](int64_t at) { all.push_back(as_int(read<T>(array.data, at))); });
  });
  return all;
}

void store_all(const Array& array, std::span<const double> values) {
  WEFT_CHECK(int64_t(values.size()) == array.count());
  if (is_packed(array.dtype)) {
    for (size_t i = 0; i < values.size(); ++i) store(array, int64_t(i), values[i]);
    return;
  }
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    const double* next = values.data();
    walk(array, [&](int64_t at) { write<T>(array.data, at, from_double<T>(*next++)); });
  });
}

void store_ints(const Array& array, std::span<const int64_t> values) {
  WEFT_CHECK(int64_t(values.size()) == array.count());
  if (is_packed(array.dtype)) {
    for (size_t i = 0; i < values.size(); ++i) store_int(array, int64_t(i), values[i]);
    return;
  }
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    const int64_t* next = values.data();
    walk(array, [&](int64_t at) { write<T>(array.data, at, from_int<T>(*next++)); });
  });
}

void copy_elements(const Array& from, const Array& to) {
  WEFT_CHECK(from.count() == to.count());
  if (from.quantization) return store_all(to, load_all(from));
  WEFT_CHECK(from.dtype == to.dtype);
  if (from.data == to.data && from.shape == to.shape && from.strides == to.strides) return;
  if (is_packed(from.dtype)) return store_ints(to, load_ints(from));
  with_type(from.dtype, [&](auto tag) {
    using T = decltype(tag);
    if (from.shape == to.shape && from.count() > 0 && is_row_major(from) && is_row_major(to)) {
      // memmove: a view may overlap itself shifted when a state is its own source.
      std::memmove(to.data, from.data, size_t(from.count()) * sizeof(T));
      return;
    }
    const std::vector<int64_t> sources = offsets(from);
    const int64_t* next = sources.data();
    walk(to, [&](int64_t at) { write<T>(to.data, at, read<T>(from.data, *next++)); });
  });
}

Array narrowed(const Array& array, int64_t axis, int64_t first, int64_t count) {
  WEFT_CHECK(!array.quantization && !is_packed(array.dtype));
  Array view = array;
  view.shape[size_t(axis)] = count;
  if (view.count() > 0) {
    view.data += first * array.strides[size_t(axis)] * (ir::bits(array.dtype) / 8);
  }
  return view;
}

Array permuted(const Array& array, std::span<const int64_t> order) {
  WEFT_CHECK(!array.quantization && order.size() == array.shape.size());
  Array view = array;
  for (size_t i = 0; i < order.size(); ++i) {
    view.shape[i] = array.shape[size_t(order[i])];
    view.strides[i] = array.strides[size_t(order[i])];
  }
  return view;
}

Array dense(const Array& array, Tensor& scratch) {
  if (!array.quantization) return array;
  scratch = Tensor::zeros(array.dtype, array.shape);
  store_all(scratch.view(), load_all(array));
  return scratch.view();
}

void load_line(const Array& array, int64_t line, bool column, std::span<double> out) {
  WEFT_CHECK(array.rank() == 2 && int64_t(out.size()) == array.shape[column ? 0 : 1]);
  if (array.quantization && column == array.column_major) return decode(array, line, 0, out);
  if (array.quantization || is_packed(array.dtype)) {
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t at = int64_t(i);
      const int64_t row = column ? at : line, col = column ? line : at;
      out[i] = load(array, row * array.shape[1] + col);
    }
    return;
  }
  const int64_t base = line * array.strides[column ? 1 : 0];
  const int64_t step = array.strides[column ? 0 : 1];
  with_type(array.dtype, [&](auto tag) {
    using T = decltype(tag);
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = as_double(read<T>(array.data, base + int64_t(i) * step));
    }
  });
}

Tensor Tensor::zeros(ir::DType dtype, std::vector<int64_t> shape) {
  const int64_t count = Array{dtype, shape, {}, nullptr, nullptr, false}.count();
  return {dtype, std::move(shape), std::vector<std::byte>(size_t(ir::size_bytes(dtype, count)))};
}

Array Tensor::view() const {
  return {dtype, shape, row_major(shape), const_cast<std::byte*>(bytes.data()), nullptr, false};
}

}  // namespace weft::ops
