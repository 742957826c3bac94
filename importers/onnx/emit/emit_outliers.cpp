// What int8 products leave out (core/ops/outlier_matmul.cpp) is a function of domain weft: Weft
// knows its name, other engines take the body.
//
//   OutlierMatMul(x, x_scale, w i8, scale; hot) = ((q - Clip(q, -128, 127)) Cast(w)) * scale
//   q = Round(x / x_scale)
#include "importers/onnx/emit/emitter.h"
#include "importers/onnx/emit/function_body.h"

namespace weft::onnx {

static void write_function(::onnx::ModelProto& model, int64_t opset) {
  auto* body = new_function(model, "OutlierMatMul", opset, {"x", "x_scale", "w", "scale"}, "y");
  if (!body) return;
  body->add_attribute("hot");
  add_real(*body, "low", -128);
  add_real(*body, "high", 127);
  add_line(*body, "Div", {"x", "x_scale"}, "quotient");
  add_line(*body, "Round", {"quotient"}, "q");
  add_line(*body, "Clip", {"q", "low", "high"}, "codes");
  add_line(*body, "Sub", {"q", "codes"}, "residual");
  set_integer(add_line(*body, "Cast", {"w"}, "weights"), "to", int64_t(ir::DType::f32));
  add_line(*body, "MatMul", {"residual", "weights"}, "product");
  add_line(*body, "Mul", {"product", "scale"}, "y");
}

Status Emitter::add_outlier_matmul(const ir::Node& product) {
  write_function(model, opset_);
  import_domain("weft");
  ir::Attrs attrs;
  // A call says something for every attribute of the function, or engines object.
  attrs.set("hot", product.attrs.integers("hot"));
  auto& call = node("OutlierMatMul", TRY(names_of(product.inputs)), output_names(product), attrs);
  call.set_domain("weft");
  call.set_name(node_name(product));
  return {};
}

}  // namespace weft::onnx
