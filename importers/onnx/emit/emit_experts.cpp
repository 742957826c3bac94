// Products of rows with matrices of their own, which ONNX has no op for:
//
//   ExpertMatMul(x, weights, experts, bias)  becomes
//   Squeeze(MatMul(Unsqueeze(x, -2), Gather(weights, experts)), -2) + Gather(bias, experts)
//
// The matrices are gathered: right, and as slow as that is.
#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

using ir::ValueId;

Status Emitter::add_expert_matmul(const ir::Node& product) {
  const Names inputs = TRY(names_of(product.inputs)), outputs = output_names(product);
  const ir::Attrs first{{"axis", int64_t{0}}};
  std::string matrices = add("Gather", {inputs[1], inputs[2]}, first);
  if (product.attrs.integer("transposed", 0)) {
    std::vector<int64_t> perm;
    for (size_t d = 0; d < graph_[product.inputs[2]].type.shape.size(); ++d)
      perm.push_back(int64_t(d));
    const int64_t rank = int64_t(perm.size());
    perm.insert(perm.end(), {rank + 1, rank});
    matrices = add("Transpose", {matrices}, {{"perm", perm}});
  }
  const std::string rows = add("Unsqueeze", {inputs[0], integers({-2})});
  const std::string products = add("MatMul", {rows, matrices});
  const bool has_bias = product.inputs.size() > 3 && product.inputs[3] != ValueId::none;
  if (!has_bias) {
    node("Squeeze", {products, integers({-2})}, outputs).set_name(node_name(product));
    return {};
  }
  const std::string sum = add("Squeeze", {products, integers({-2})});
  const std::string bias = add("Gather", {inputs[3], inputs[2]}, first);
  node("Add", {sum, bias}, outputs).set_name(node_name(product));
  return {};
}

}  // namespace weft::onnx
