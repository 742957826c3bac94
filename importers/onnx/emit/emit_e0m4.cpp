// Weights of storage e0m4 (quant/e0m4.h): no ONNX op has zero points that are floats, so they are
// behind a function of domain weft, whose name says the format and whose body says in standard ops
// what it computes. Weft knows the name; other engines take the body.
//
//   DequantizeE0M4(codes u4 [R, blocks, G], scale f32 [R, blocks], zero f32 [R, blocks];
//                  columns, to) = Cast<to>(((Cast(codes) - zero) * scale)[R, columns])
//
// `zero` is that of codes 0 .. 15, 16 less than the zero point of e0m4.
#include <cstring>

#include "importers/onnx/emit/emitter.h"
#include "importers/onnx/emit/function_body.h"
#include "quant/e0m4.h"

namespace weft::onnx {

using ir::DType;
using ir::ValueId;

namespace {

void write_function(::onnx::ModelProto& model, int64_t opset) {
  auto* body = new_function(model, "DequantizeE0M4", opset, {"codes", "scale", "zero"}, "reals");
  if (!body) return;
  for (const char* attribute : {"columns", "to"}) body->add_attribute(attribute);
  add_integers(*body, "last", {-1});
  add_integers(*body, "rows", {0, -1});
  add_integers(*body, "first", {0});
  add_integers(*body, "axis", {1});
  set_integer(add_line(*body, "Cast", {"codes"}, "code"), "to", int64_t(DType::f32));
  add_line(*body, "Unsqueeze", {"scale", "last"}, "scale_of_block");
  add_line(*body, "Unsqueeze", {"zero", "last"}, "zero_of_block");
  add_line(*body, "Sub", {"code", "zero_of_block"}, "steps");
  add_line(*body, "Mul", {"steps", "scale_of_block"}, "blocks");
  add_line(*body, "Reshape", {"blocks", "rows"}, "padded");
  refer(add_line(*body, "Constant", {}, "columns_scalar"), "value_int", "columns");
  add_line(*body, "Unsqueeze", {"columns_scalar", "first"}, "end");
  add_line(*body, "Slice", {"padded", "first", "end", "axis"}, "exact");
  refer(add_line(*body, "Cast", {"exact"}, "reals"), "to", "to");
}

// The zero points of codes 0 .. 15; nothing where they are no f32.
std::optional<std::vector<std::byte>> zeros_of_codes(const ir::Graph& graph,
                                                     const ir::Quantization& q) {
  if (q.zero_point == ValueId::none || graph[q.zero_point].type.dtype != DType::f32) return {};
  std::vector<std::byte> bytes(graph[q.zero_point].constant->bytes.size());
  std::memcpy(bytes.data(), graph[q.zero_point].constant->bytes.data(), bytes.size());
  for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float zero;
    std::memcpy(&zero, &bytes[at], sizeof zero);
    const float moved = quant::e0m4::code_zero(zero);
    if (quant::e0m4::from_codes(moved) != zero) return {};
    std::memcpy(&bytes[at], &moved, sizeof moved);
  }
  return bytes;
}

}  // namespace

std::optional<std::string> Emitter::dequantize_e0m4(const ir::Value& value, const std::string& wish,
                                                    const std::vector<int64_t>& dims) {
  const ir::Quantization& q = *value.quantization;
  if (q.storage != DType::e0m4 || q.block == 0 || dims.size() != 2) return {};
  auto zeros = zeros_of_codes(graph_, q);
  if (!zeros) return {};
  const int64_t blocks = (dims[1] + q.block - 1) / q.block;
  write_function(model, opset_);
  import_domain("weft");
  const Names inputs = {
      initializer(wish + "/codes", DType::u4, {dims[0], blocks, q.block}, value.constant),
      initializer(wish + "/scale", DType::f32, {dims[0], blocks}, graph_[q.scale].constant),
      initializer(wish + "/zero", DType::f32, {dims[0], blocks},
                  ir::make_constant(std::move(*zeros)))};
  const std::string name = fresh(wish);
  node("DequantizeE0M4", inputs, {name}, {{"columns", dims[1]}, {"to", int64_t(value.type.dtype)}})
      .set_domain("weft");
  return name;
}

}  // namespace weft::onnx
