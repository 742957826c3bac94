// Reads TensorProto; see tensors.h. Source: onnx.proto, message TensorProto (which field holds
// which element type).
#include "importers/onnx/tensors.h"

#include <onnx/onnx_pb.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "core/base/hash.h"
#include "core/ops/half.h"
#include "importers/onnx/element_types.h"

namespace weft::onnx {

using ir::DType;

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

Result<int64_t> element_count(const std::vector<int64_t>& dims) {
  constexpr int64_t most = int64_t{1} << 48;
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : dims) {
    if (dim < 0) return Error("dim " + std::to_string(dim) + " is negative");
    if (dim == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, dim, &count) || count > most) {
      return Error("its dims multiply to more elements than any machine holds");
    }
  }
  return empty ? 0 : count;
}

// Elements of a typed field, each narrowed to T: how onnx.proto stores small types.
template <typename T, typename Field>
static std::vector<std::byte> narrowed(const Field& field) {
  std::vector<std::byte> bytes(size_t(field.size()) * sizeof(T));
  std::byte* out = bytes.data();
  for (int i = 0; i < field.size(); i++) {
    T element = T(field.Get(i));
    std::memcpy(out + size_t(i) * sizeof(T), &element, sizeof(T));
  }
  return bytes;
}

static std::vector<std::byte> typed_bytes(const ::onnx::TensorProto& proto, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return narrowed<float>(proto.float_data());
    case DType::f64:
      return narrowed<double>(proto.double_data());
    case DType::i64:
      return narrowed<int64_t>(proto.int64_data());
    case DType::u64:
      return narrowed<uint64_t>(proto.uint64_data());
    case DType::u32:
      return narrowed<uint32_t>(proto.uint64_data());
    case DType::i32:
      return narrowed<int32_t>(proto.int32_data());
    case DType::u16:
    case DType::i16:
    case DType::f16:
    case DType::bf16:
      return narrowed<uint16_t>(proto.int32_data());
    default:
      return narrowed<uint8_t>(proto.int32_data());  // 8-bit types; two 4-bit ones an entry
  }
}

static std::shared_ptr<const ir::Constant> take_raw(::onnx::TensorProto& proto) {
  auto text = std::make_shared<const std::string>(std::move(*proto.mutable_raw_data()));
  auto constant = std::make_shared<ir::Constant>();
  constant->bytes = std::as_bytes(std::span(text->data(), text->size()));
  constant->owner = text;
  constant->content_id = hash128(constant->bytes);
  return constant;
}

static Result<std::shared_ptr<const ir::Constant>> read_bytes(::onnx::TensorProto& proto,
                                                              DType dtype, int64_t count,
                                                              ExternalFiles& files) {
  std::string who = "tensor '" + proto.name() + "'";
  int64_t expected = ir::size_bytes(dtype, count);
  if (proto.has_segment()) return Error(who + " is stored in segments, which is not supported");
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) {
    size_t alignment = size_t(std::max(ir::bits(dtype) / 8, 1));
    return files.read(proto, expected, alignment);
  }
  std::shared_ptr<const ir::Constant> data;
  if (proto.has_raw_data()) {
    data = take_raw(proto);
  } else {
    data = ir::make_constant(typed_bytes(proto, dtype));
  }
  if (int64_t(data->bytes.size()) != expected)
    return Error(who + " has " + std::to_string(data->bytes.size()) + " bytes of data, but " +
                 std::to_string(count) + " elements of " + std::string(ir::name(dtype)) + " take " +
                 std::to_string(expected));
  return data;
}

Result<Tensor> read_tensor(::onnx::TensorProto& proto, ExternalFiles& files) {
  std::string who = "tensor '" + proto.name() + "'";
  Tensor tensor;
  tensor.dtype = TRY(element_type(proto.data_type()), who);
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  int64_t count = TRY(element_count(tensor.dims), who);
  tensor.data = TRY(read_bytes(proto, tensor.dtype, count, files));
  return tensor;
}

Tensor make_tensor(DType dtype, std::vector<int64_t> dims, std::vector<std::byte> bytes) {
  return {dtype, std::move(dims), ir::make_constant(std::move(bytes))};
}

Tensor make_integers(const std::vector<int64_t>& elements) {
  auto bytes = std::as_bytes(std::span(elements));
  return make_tensor(DType::i64, {int64_t(elements.size())}, {bytes.begin(), bytes.end()});
}

template <typename T>
static std::vector<std::byte> bytes_of(T value) {
  auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

Tensor make_float(DType dtype, double value) {
  switch (dtype) {
    case DType::f64:
      return make_tensor(dtype, {}, bytes_of(value));
    case DType::f16:
      return make_tensor(dtype, {}, bytes_of(ops::to_half(value).bits));
    case DType::bf16:
      return make_tensor(dtype, {}, bytes_of(ops::to_bfloat(value).bits));
    default:
      return make_tensor(DType::f32, {}, bytes_of(float(value)));
  }
}

// Calls `visit` with each element of type T.
template <typename T, typename Visit>
static void for_each(const Tensor& tensor, Visit visit) {
  std::span<const std::byte> bytes = tensor.data->bytes;
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes.data() + at, sizeof(T));
    visit(element);
  }
}

Result<std::vector<int64_t>> integers(const Tensor& tensor) {
  std::vector<int64_t> out;
  auto append = [&](auto element) { out.push_back(int64_t(element)); };
  switch (tensor.dtype) {
    case DType::i64:
      for_each<int64_t>(tensor, append);
      break;
    case DType::i32:
      for_each<int32_t>(tensor, append);
      break;
    case DType::u8:
      for_each<uint8_t>(tensor, append);
      break;
    default:
      return Error(std::string(ir::name(tensor.dtype)) + " where integers are expected");
  }
  return out;
}

Result<Tensor> as_f32(const Tensor& tensor) {
  if (tensor.dtype == DType::f32) return tensor;
  std::vector<std::byte> bytes;
  auto append = [&](auto element) {
    float real = 0;
    if constexpr (std::is_same_v<decltype(element), double>) {
      real = float(element);
    } else {
      real = float(ops::to_double(element));
    }
    auto piece = std::as_bytes(std::span(&real, 1));
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  };
  switch (tensor.dtype) {
    case DType::f16:
      for_each<ops::Half>(tensor, append);
      break;
    case DType::bf16:
      for_each<ops::BFloat>(tensor, append);
      break;
    case DType::f64:
      for_each<double>(tensor, append);
      break;
    default:
      return Error(std::string(ir::name(tensor.dtype)) + " where floats are expected");
  }
  return make_tensor(DType::f32, tensor.dims, std::move(bytes));
}

}  // namespace weft::onnx
