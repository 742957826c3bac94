// Split: x cut along `axis` into consecutive parts.
//
//   x      [A..., n, B...]   any type
//   split  [parts]           the lengths; absent: `num_outputs` (else the number of outputs) equal
//   parts,
//                            of which the last is shorter when they do not divide n
//   y_i    [A..., n_i, B...]
//
// ONNX operators, opset 25: Split-18.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<std::vector<Dim>> part_lengths(const InferContext& context, const Dim& n) {
  const auto parts = int64_t(context.output_count);
  if (context.has(1)) {
    auto lengths = TRY(known_ints(context, 1, "split"));
    Dim sum;
    for (const Dim& length : lengths) {
      if (context.bounds.ge(-1, length) == sym::Truth::yes) {
        return Error{"a part has " + length.str() + " elements"};
      }
      sum = sum + length;
    }
    if (equal(context.bounds, sum, n) == sym::Truth::no) {
      return Error{"the parts add up to " + sum.str() + ", the axis has " + n.str()};
    }
    return lengths;
  }
  const int64_t stated = context.attrs.integer("num_outputs", parts);
  if (stated != parts) {
    return Error{"num_outputs is " + std::to_string(stated) + ", the node has " +
                 std::to_string(parts) + " outputs"};
  }
  const auto exact = sym::divide_exactly(n, parts);
  const Dim length = exact ? *exact : sym::ceildiv(n, parts);
  std::vector<Dim> lengths(size_t(parts), length);
  lengths.back() = n - length * Dim(parts - 1);
  if (context.bounds.ge(-1, lengths.back()) == sym::Truth::yes) {
    return Error{"an axis of " + n.str() + " cannot be split into " + std::to_string(parts) +
                 " parts"};
  }
  return lengths;
}

Status split_reference(const OpCall& call) {
  Tensor scratch;
  const Array x = dense(call.inputs[0], scratch);
  const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", 0), x.rank()));
  const int64_t n = x.shape[size_t(axis)];
  // The lengths are told anew: an output that is not wanted has no shape.
  std::vector<int64_t> lengths;
  if (call.has(1)) {
    lengths = load_ints(call.inputs[1]);
  } else {
    const auto parts = int64_t(call.outputs.size());
    const int64_t length = (n + parts - 1) / parts;
    lengths.assign(size_t(parts), length);
    lengths.back() = n - length * (parts - 1);
  }
  if (lengths.size() != call.outputs.size()) {
    return Error{"split has " + std::to_string(lengths.size()) + " lengths for " +
                 std::to_string(call.outputs.size()) + " outputs"};
  }
  int64_t first = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0 || lengths[i] > n - first) {
      return Error{"the parts do not add up to " + std::to_string(n)};
    }
    if (call.wants(i)) {
      const Array part = narrowed(x, axis, first, lengths[i]);
      TRY(expect_shape(call.outputs[i], "part " + std::to_string(i), part.shape));
      copy_elements(part, call.outputs[i]);
    }
    first += lengths[i];
  }
  if (first != n) return Error{"the parts do not add up to " + std::to_string(n)};
  return {};
}

Result<Outputs> split_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  const auto axis =
      size_t(TRY(normalize_axis(context.attrs.integer("axis", 0), int64_t(x.shape.size()))));
  const auto lengths = TRY(part_lengths(context, x.shape[axis]));
  if (lengths.size() != context.output_count) {
    return Error{"split has " + std::to_string(lengths.size()) + " lengths, the node has " +
                 std::to_string(context.output_count) + " outputs"};
  }
  std::vector<Type> types;
  for (const Dim& length : lengths) {
    types.push_back(x);
    types.back().shape[axis] = length;
  }
  Outputs outputs;
  for (size_t i = 0; i < types.size(); ++i) {
    auto contents = moved_contents(context, split_reference, 1, types, i);
    outputs.emplace_back(types[i], std::move(contents));
  }
  return outputs;
}

}  // namespace

extern const OpDef Split_def = {"Split", "", 18, 1, 2, 1, -1, split_infer, split_reference};

}  // namespace weft::ops
