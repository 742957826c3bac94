#include "importers/onnx/emit/function_body.h"

namespace weft::onnx {

using ::onnx::AttributeProto;

::onnx::FunctionProto* new_function(::onnx::ModelProto& model, const char* name, int64_t opset,
                                    std::initializer_list<const char*> inputs, const char* output) {
  for (const auto& function : model.functions())
    if (function.name() == name) return nullptr;
  ::onnx::FunctionProto& function = *model.add_functions();
  function.set_name(name);
  function.set_domain("weft");
  auto& import = *function.add_opset_import();
  import.set_domain("");
  import.set_version(opset);
  for (const char* input : inputs) function.add_input(input);
  function.add_output(output);
  return &function;
}

::onnx::NodeProto& add_line(::onnx::FunctionProto& function, const char* op,
                            std::initializer_list<const char*> inputs, const char* output) {
  ::onnx::NodeProto& node = *function.add_node();
  node.set_op_type(op);
  for (const char* input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

void add_integers(::onnx::FunctionProto& function, const char* name,
                  std::initializer_list<int64_t> elements) {
  AttributeProto& value = *add_line(function, "Constant", {}, name).add_attribute();
  value.set_name("value_ints");
  value.set_type(AttributeProto::INTS);
  for (const int64_t element : elements) value.add_ints(element);
}

void add_real(::onnx::FunctionProto& function, const char* name, float value) {
  AttributeProto& real = *add_line(function, "Constant", {}, name).add_attribute();
  real.set_name("value_float");
  real.set_type(AttributeProto::FLOAT);
  real.set_f(value);
}

void set_integer(::onnx::NodeProto& node, const char* attribute, int64_t value) {
  AttributeProto& out = *node.add_attribute();
  out.set_name(attribute);
  out.set_type(AttributeProto::INT);
  out.set_i(value);
}

void refer(::onnx::NodeProto& node, const char* attribute, const char* of_function) {
  AttributeProto& reference = *node.add_attribute();
  reference.set_name(attribute);
  reference.set_ref_attr_name(of_function);
  reference.set_type(AttributeProto::INT);
}

}  // namespace weft::onnx
