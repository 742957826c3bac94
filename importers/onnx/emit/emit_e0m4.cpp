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
#include "quant/e0m4.h"

namespace weft::onnx {

using ir::DType;
using ir::ValueId;

namespace {

using ::onnx::AttributeProto;

::onnx::NodeProto& line(::onnx::FunctionProto& function, const char* op,
                        std::initializer_list<const char*> inputs, const char* output) {
  ::onnx::NodeProto& node = *function.add_node();
  node.set_op_type(op);
  for (const char* input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

void constant(::onnx::FunctionProto& function, const char* name,
              std::initializer_list<int64_t> elements) {
  AttributeProto& value = *line(function, "Constant", {}, name).add_attribute();
  value.set_name("value_ints");
  value.set_type(AttributeProto::INTS);
  for (const int64_t element : elements) value.add_ints(element);
}

// An attribute of a node that is one of the function's.
void refer(::onnx::NodeProto& node, const char* attribute, const char* of_function) {
  AttributeProto& reference = *node.add_attribute();
  reference.set_name(attribute);
  reference.set_ref_attr_name(of_function);
  reference.set_type(AttributeProto::INT);
}

void write_function(::onnx::FunctionProto& function, int64_t opset) {
  function.set_name("DequantizeE0M4");
  function.set_domain("weft");
  auto& import = *function.add_opset_import();
  import.set_domain("");
  import.set_version(opset);
  for (const char* input : {"codes", "scale", "zero"}) function.add_input(input);
  function.add_output("reals");
  for (const char* attribute : {"columns", "to"}) function.add_attribute(attribute);
  constant(function, "last", {-1});
  constant(function, "rows", {0, -1});
  constant(function, "first", {0});
  constant(function, "axis", {1});
  auto& to_float = *line(function, "Cast", {"codes"}, "code").add_attribute();
  to_float.set_name("to");
  to_float.set_type(AttributeProto::INT);
  to_float.set_i(int64_t(DType::f32));
  line(function, "Unsqueeze", {"scale", "last"}, "scale_of_block");
  line(function, "Unsqueeze", {"zero", "last"}, "zero_of_block");
  line(function, "Sub", {"code", "zero_of_block"}, "steps");
  line(function, "Mul", {"steps", "scale_of_block"}, "blocks");
  line(function, "Reshape", {"blocks", "rows"}, "padded");
  refer(line(function, "Constant", {}, "columns_scalar"), "value_int", "columns");
  line(function, "Unsqueeze", {"columns_scalar", "first"}, "end");
  line(function, "Slice", {"padded", "first", "end", "axis"}, "exact");
  refer(line(function, "Cast", {"exact"}, "reals"), "to", "to");
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
  if (model.functions_size() == 0) write_function(*model.add_functions(), opset_);
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
