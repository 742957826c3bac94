// Reads through the reference's Array, which knows every element type.
#include "core/passes/constants.h"

#include <cstring>

namespace weft::passes {

using ir::DType;
using ir::Value;
using ir::ValueKind;

namespace {

constexpr size_t kMostBytes = 1 << 20;

// All elements have the same bytes as the first.
bool one_pattern(const Value& value) {
  const auto bytes = value.constant->bytes;
  const size_t item = size_t(ir::size_bytes(value.type.dtype, 1));
  return bytes.size() >= item && bytes.size() <= kMostBytes &&
         std::memcmp(bytes.data(), bytes.data() + item, bytes.size() - item) == 0;
}

}  // namespace

std::optional<ops::Array> constant_array(const Value& value) {
  if (value.kind != ValueKind::constant || value.constant->opaque || value.quantization ||
      value.column_major)
    return {};
  ops::Array array;
  array.dtype = value.type.dtype;
  for (const ir::Dim& dim : value.type.shape) array.shape.push_back(dim.constant());
  array.strides = ops::row_major(array.shape);
  // References never write inputs.
  array.data = const_cast<std::byte*>(value.constant->bytes.data());
  return array;
}

std::optional<double> uniform(const Value& value) {
  if (value.kind != ValueKind::constant || value.quantization || value.constant->opaque) return {};
  if (ir::bits(value.type.dtype) < 8 || !one_pattern(value)) return {};
  // References never write inputs.
  ops::Array array{
      value.type.dtype, {1},  {1}, const_cast<std::byte*>(value.constant->bytes.data()),
      nullptr,          false};
  return ops::load(array, 0);
}

std::optional<double> scalar(const ir::Graph& graph, ir::ValueId id) {
  if (id == ir::ValueId::none) return {};
  const Value& value = graph[id];
  const ir::Dim count = sym::product(value.type.shape);
  if (!count.is_constant() || count.constant() != 1) return {};
  return uniform(value);
}

}  // namespace weft::passes
