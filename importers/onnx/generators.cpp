// Ops that make tensors from sizes and positions: OneHot, EyeLike, NonZero.
#include <cstring>

#include "importers/onnx/element_types.h"
#include "importers/onnx/op_table.h"
#include "importers/onnx/picked_rows.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

namespace {

Result<ValueId> cast(NodeImport& node, ValueId x, DType to) {
  if (node.type(x).dtype == to) return x;
  return node.add(Op::Cast, {x}, {{"to", int64_t(to)}});
}

Result<ValueId> scalar(NodeImport& node, ValueId x) {
  if (node.type(x).shape.empty()) return x;
  return node.add(Op::Reshape, {x, node.integers_constant({})}, {{"allowzero", int64_t{1}}});
}

// 0, 1, ..., count - 1
Result<ValueId> numbers(NodeImport& node, ValueId count) {
  return node.add(Op::Range, {node.scalar_constant(0), count, node.scalar_constant(1)});
}

// Dim `i` of x, as a scalar.
Result<ValueId> dim_of(NodeImport& node, ValueId x, int64_t i) {
  ValueId shape = TRY(node.add(Op::Shape, {x}));
  return node.add(Op::Gather, {shape, node.scalar_constant(i)}, {{"axis", int64_t{0}}});
}

// OneHot's depth, a scalar. A constant of floats is read here: their elements are not followed.
Result<ValueId> depth_of(NodeImport& node) {
  const Tensor* constant = node.tensor(1);
  if (!constant || !ir::is_float(constant->dtype))
    return scalar(node, TRY(cast(node, node.input(1), DType::i64)));
  Tensor real = TRY(as_f32(*constant), "depth");
  if (real.data->bytes.size() != sizeof(float)) return Error("depth has not one element");
  float depth = 0;
  std::memcpy(&depth, real.data->bytes.data(), sizeof depth);
  if (!(depth >= 0 && depth < 1e9f)) return Error("depth is not a size");
  return node.scalar_constant(int64_t(depth));
}

}  // namespace

// Where a new axis counts to the index, on; elsewhere off. `values` are [off, on].
Status one_hot(NodeImport& node) {
  ValueId indices = TRY(cast(node, node.input(0), DType::i64));
  ValueId depth = TRY(depth_of(node));
  const int64_t rank = int64_t(node.type(indices).shape.size());
  int64_t axis = node.integer("axis", -1);
  if (axis < 0) axis += rank + 1;
  if (axis < 0 || axis > rank)
    return Error("axis " + std::to_string(node.integer("axis", -1)) + " is outside the " +
                 std::to_string(rank + 1) + " dims of the output");
  ValueId below = TRY(node.add(Op::Less, {indices, node.scalar_constant(0)}));
  ValueId wrapped = TRY(node.add(Op::Add, {indices, depth}));
  indices = TRY(node.add(Op::Where, {below, wrapped, indices}));
  indices = TRY(node.add(Op::Unsqueeze, {indices, node.integers_constant({axis})}));
  ValueId counted = TRY(numbers(node, depth));
  std::vector<int64_t> later;
  for (int64_t i = axis; i < rank; i++) later.push_back(i - axis + 1);
  if (!later.empty())
    counted = TRY(node.add(Op::Unsqueeze, {counted, node.integers_constant(later)}));
  ValueId hot = TRY(node.add(Op::Equal, {indices, counted}));
  ValueId values = node.input(2);
  ValueId off =
      TRY(node.add(Op::Gather, {values, node.scalar_constant(0)}, {{"axis", int64_t{0}}}));
  ValueId on = TRY(node.add(Op::Gather, {values, node.scalar_constant(1)}, {{"axis", int64_t{0}}}));
  return node.finish(Op::Where, {hot, on, off});
}

// Ones on the k-th diagonal of a matrix like x.
Status eye_like(NodeImport& node) {
  ValueId x = node.input(0);
  if (node.type(x).shape.size() != 2)
    return Error("the input is " + ir::str(node.type(x)) + "; a matrix is needed");
  DType dtype = node.type(x).dtype;
  if (node.has_attribute("dtype"))
    dtype = TRY(element_type(int32_t(node.integer("dtype", 0))), "attribute 'dtype'");
  ValueId rows = TRY(numbers(node, TRY(dim_of(node, x, 0))));
  ValueId columns = TRY(numbers(node, TRY(dim_of(node, x, 1))));
  ValueId shifted = TRY(node.add(Op::Add, {rows, node.scalar_constant(node.integer("k", 0))}));
  shifted = TRY(node.add(Op::Unsqueeze, {shifted, node.integers_constant({1})}));
  ValueId diagonal = TRY(node.add(Op::Equal, {shifted, columns}));
  return node.finish(Op::Cast, {diagonal}, {{"to", int64_t(dtype)}});
}

// The positions in a constant of the file, which may be of any length.
static Result<Tensor> constant_positions(const Tensor& x) {
  const int64_t count = TRY(element_count(x.dims));
  const int64_t size = ir::bits(x.dtype) / 8;
  if (size == 0 || count > (int64_t{1} << 24) || int64_t(x.data->bytes.size()) != count * size)
    return Error("a constant of type " + std::string(ir::name(x.dtype)) + " with " +
                 std::to_string(count) + " elements is not supported");
  std::vector<std::vector<int64_t>> rows(x.dims.size());
  for (int64_t i = 0; i < count; i++) {
    bool zero = true;
    for (int64_t b = 0; b < size; b++) {
      auto byte = uint8_t(x.data->bytes[size_t(i * size + b)]);
      // The sign of a zero does not count.
      if (ir::is_float(x.dtype) && b == size - 1) byte &= 0x7f;
      zero = zero && byte == 0;
    }
    if (zero) continue;
    int64_t left = i;
    for (size_t d = x.dims.size(); d-- > 0;) {
      rows[d].push_back(left % x.dims[d]);
      left /= x.dims[d];
    }
  }
  std::vector<int64_t> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  Tensor positions = make_integers(all);
  positions.dims = {int64_t(rows.size()), rows.empty() ? 0 : int64_t(rows[0].size())};
  return positions;
}

// A vector filled with something other than 0 has all its positions: exporters ask for them so.
Status non_zero(NodeImport& node) {
  if (const Tensor* constant = node.tensor(0)) {
    node.importer.define(node.output_name(0), TRY(constant_positions(*constant)));
    return {};
  }
  ValueId x = node.input(0);
  const ir::Node* producer = node.importer.graph.producer(x);
  const bool filled =
      producer && producer->op == Op::ConstantOfShape && node.type(x).shape.size() == 1 &&
      (producer->attrs.real("value", 0) != 0 || producer->attrs.integer("value", 0) != 0);
  if (!filled) {
    if (auto picked = TRY(pick_rows(node.importer, x))) {
      node.bind(0, *picked);
      return {};
    }
    return node.finish(Op::NonZero, {x});
  }
  ValueId places = TRY(numbers(node, TRY(dim_of(node, x, 0))));
  return node.finish(Op::Unsqueeze, {places, node.integers_constant({0})});
}

}  // namespace weft::onnx
