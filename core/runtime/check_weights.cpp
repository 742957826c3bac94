#include "core/runtime/check_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "core/ops/infer_graph.h"

namespace weft::runtime {

using ir::DType;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

// How a float type stores what is not finite: all bits of the exponent set.
template <typename Bits>
struct Layout {
  Bits exponent, fraction;
};
constexpr Layout<uint16_t> kF16{0x7c00, 0x03ff}, kBf16{0x7f80, 0x007f};
constexpr Layout<uint32_t> kF32{0x7f800000, 0x007fffff};
constexpr Layout<uint64_t> kF64{0x7ff0000000000000, 0x000fffffffffffff};

struct Found {
  int64_t element = 0;
  bool nan = false;  // else infinity
};

// Adding the exponent's lowest bit to a full exponent carries into the sign: one OR over a block of
// fixed length, without branches, is what the compiler makes vector code of.
template <typename Bits>
bool all_finite(const std::byte* block, size_t count, Layout<Bits> layout) {
  const Bits lowest = Bits(layout.fraction + 1), sign = Bits(Bits{1} << (sizeof(Bits) * 8 - 1));
  Bits carried = 0;
  for (size_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, block + i * sizeof(Bits), sizeof bits);
    carried |= Bits((bits & layout.exponent) + lowest);
  }
  return !(carried & sign);
}

// The first NaN, or the first infinity where `infinity_counts`.
template <typename Bits>
std::optional<Found> find(std::span<const std::byte> bytes, Layout<Bits> layout,
                          bool infinity_counts) {
  constexpr size_t kBlock = 1024;
  const size_t count = bytes.size() / sizeof(Bits);
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const std::byte* block = bytes.data() + begin * sizeof(Bits);
    const size_t size = std::min(kBlock, count - begin);
    if (size == kBlock ? all_finite(block, kBlock, layout) : all_finite(block, size, layout))
      continue;
    for (size_t i = 0; i < size; ++i) {
      Bits bits;
      std::memcpy(&bits, block + i * sizeof(Bits), sizeof bits);
      const bool nan = (bits & layout.exponent) == layout.exponent && (bits & layout.fraction);
      const bool infinite = (bits & layout.exponent) == layout.exponent && !nan;
      if (nan || (infinite && infinity_counts)) return Found{int64_t(begin + i), nan};
    }
  }
  return {};
}

std::optional<Found> find(const ir::Value& value, bool infinity_counts) {
  const auto bytes = value.constant->bytes;
  switch (value.type.dtype) {
    case DType::f16:
      return find(bytes, kF16, infinity_counts);
    case DType::bf16:
      return find(bytes, kBf16, infinity_counts);
    case DType::f32:
      return find(bytes, kF32, infinity_counts);
    case DType::f64:
      return find(bytes, kF64, infinity_counts);
    default:
      return {};
  }
}

// Whether input `slot` is a weight, in which infinity has no meaning. A table that is read row by
// row can be one of masks, so only what a token id can index is an embedding: rank 2, rows.
bool is_weight(const Graph& graph, const Node& node, size_t slot) {
  switch (node.op) {
    case Op::MatMul:
    case Op::Gemm:
    case Op::ExpertMatMul:
    case Op::RMSNormalization:
    case Op::LayerNormalization:
      return true;
    case Op::Gather:
      return slot == 0 && node.attrs.integer("axis", 0) == 0 &&
             graph[node.inputs[0]].type.shape.size() == 2;
    default:
      return false;
  }
}

// A table of nothing but 0 and minus infinity is a mask, whatever reads it.
bool is_mask(const ir::Value& value) {
  const auto bytes = value.constant->bytes;
  if (value.type.dtype != DType::f32) return false;
  for (size_t at = 0; at + sizeof(float) <= bytes.size(); at += sizeof(float)) {
    float element;
    std::memcpy(&element, bytes.data() + at, sizeof element);
    if (element != 0 && !(std::isinf(element) && element < 0)) return false;
  }
  return true;
}

// "[3, 7]", in the order of the value's shape.
std::string place(const ir::Value& value, int64_t element) {
  std::vector<int64_t> at;
  auto shape = value.type.shape;
  if (value.column_major) std::reverse(shape.begin(), shape.end());
  for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
    at.insert(at.begin(), element % dim->constant());
    element /= dim->constant();
  }
  if (value.column_major) std::reverse(at.begin(), at.end());
  std::string text;
  for (const int64_t index : at) text += (text.empty() ? "" : ", ") + std::to_string(index);
  return "[" + text + "]";
}

// `part` is the constant itself, or the scale or zero point of its codes.
Status check_constant(const Graph& graph, NodeId node, ValueId whole, ValueId part,
                      const char* role, bool weight) {
  const ir::Value& value = graph[part];
  if (!value.constant || value.constant->opaque) return {};
  auto found = find(value, weight);
  if (found && !found->nan && is_mask(value)) found.reset();
  if (!found) return {};
  return Error{ops::describe(graph, node) + ": " + role + " '" + graph[whole].name + "', " +
               str(value.type) + ", is " + (found->nan ? "NaN" : "infinite") + " at " +
               place(value, found->element) +
               "; the file is damaged or its training or conversion went wrong: export it again"};
}

Status check_input(const Graph& graph, NodeId node, ValueId input, bool weight) {
  const ir::Value& value = graph[input];
  if (value.kind != ir::ValueKind::constant) return {};
  if (!value.quantization)
    return check_constant(graph, node, input, input, weight ? "the weight" : "the constant",
                          weight);
  const ir::Quantization& codes = *value.quantization;
  if (codes.scale != ValueId::none)
    TRY(check_constant(graph, node, input, codes.scale, "the scale of", true));
  if (codes.zero_point != ValueId::none)
    TRY(check_constant(graph, node, input, codes.zero_point, "the zero point of", true));
  return {};
}

}  // namespace

Status check_weights(const Graph& graph, std::span<const NodeId> nodes) {
  std::set<std::pair<ValueId, bool>> checked;
  for (const NodeId id : nodes) {
    const Node& node = graph[id];
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const ValueId input = node.inputs[slot];
      if (input == ValueId::none) continue;
      const bool weight = is_weight(graph, node, slot);
      if (checked.insert({input, weight}).second) TRY(check_input(graph, id, input, weight));
    }
  }
  return {};
}

}  // namespace weft::runtime
