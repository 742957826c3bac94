// Short ways to say, in tests, what goes into a shape rule or a reference and to run them.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/ops/op_def.h"
#include "core/ops/rules.h"

namespace weft::test {

using ir::Attrs;
using ir::DType;
using ir::Op;
using ops::Array;
using ops::Inferred;
using ops::Tensor;
using sym::Bounds;
using sym::Dim;
using sym::Shape;

inline Dim symbol(const char* name) { return Dim::symbol(name); }

// An input of a shape rule.
struct Given {
  ir::Type type;
  std::optional<std::vector<Dim>> contents;
};
inline Given real(Shape shape, DType dtype = DType::f32) { return {{dtype, std::move(shape)}, {}}; }
inline Given whole(Shape shape) { return {{DType::i64, std::move(shape)}, {}}; }
inline Given known(std::vector<Dim> elements) {
  return {{DType::i64, {Dim(int64_t(elements.size()))}}, std::move(elements)};
}
inline Given known_scalar(Dim element) {
  return {{DType::i64, {}}, std::vector{std::move(element)}};
}
inline Given absent() { return {}; }

inline Result<std::vector<Inferred>> infer_all(Op op, const std::vector<Given>& given,
                                               Attrs attrs = {}, const Bounds& bounds = {},
                                               size_t outputs = 1) {
  std::vector<ops::InferContext::Input> inputs;
  for (const Given& one : given) {
    inputs.push_back({one.type.dtype == DType::undefined ? nullptr : &one.type, &one.contents});
  }
  return ops::infer(ops::def(op), {inputs, outputs, attrs, bounds});
}
// The shape of output 0, printed, or the error.
inline std::string shape_of(Op op, const std::vector<Given>& given, Attrs attrs = {},
                            const Bounds& bounds = {}) {
  const auto inferred = infer_all(op, given, std::move(attrs), bounds);
  return inferred.ok() ? sym::str((*inferred)[0].type.shape) : inferred.error().message;
}
// The contents of output 0, printed; "unknown"; or the error.
inline std::string contents_of(Op op, const std::vector<Given>& given, Attrs attrs = {},
                               const Bounds& bounds = {}) {
  const auto inferred = infer_all(op, given, std::move(attrs), bounds);
  if (!inferred.ok()) return inferred.error().message;
  return (*inferred)[0].contents ? sym::str(*(*inferred)[0].contents) : "unknown";
}

inline Tensor tensor(DType dtype, std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor result = Tensor::zeros(dtype, std::move(shape));
  ops::store_all(result.view(), values);
  return result;
}
inline Tensor floats(std::vector<int64_t> shape, const std::vector<double>& values) {
  return tensor(DType::f32, std::move(shape), values);
}
inline Tensor ints(std::vector<int64_t> shape, const std::vector<int64_t>& values) {
  Tensor result = Tensor::zeros(DType::i64, std::move(shape));
  ops::store_ints(result.view(), values);
  return result;
}

// Infers from the tensors (integers of at most 64 elements are known) and runs the reference.
inline Result<std::vector<Tensor>> run_all(Op op, const std::vector<Tensor>& tensors,
                                           Attrs attrs = {}, size_t outputs = 1) {
  std::vector<Given> given;
  std::vector<Array> in, out;
  for (const Tensor& one : tensors) {
    given.push_back({{one.dtype, Shape(one.shape.begin(), one.shape.end())}, {}});
    in.push_back(one.dtype == DType::undefined ? Array{} : one.view());
    if (one.dtype == DType::undefined || ir::is_float(one.dtype) || in.back().count() > 64)
      continue;
    const auto elements = ops::load_ints(one.view());
    given.back().contents.emplace(elements.begin(), elements.end());
  }
  std::vector<Tensor> results;
  for (const Inferred& one : TRY(infer_all(op, given, attrs, {}, outputs))) {
    std::vector<int64_t> shape;
    for (const Dim& dim : one.type.shape) shape.push_back(dim.constant());
    results.push_back(Tensor::zeros(one.type.dtype, shape));
  }
  for (const Tensor& result : results) out.push_back(result.view());
  TRY(ops::run_reference(ops::def(op), {in, out, attrs}));
  return results;
}
// The elements of output 0; empty, with a test failure, on an error.
inline std::vector<double> values_of(Op op, const std::vector<Tensor>& tensors, Attrs attrs = {}) {
  const auto results = run_all(op, tensors, std::move(attrs));
  EXPECT_TRUE(results.ok()) << results.error().message;
  return results.ok() ? ops::load_all((*results)[0].view()) : std::vector<double>{};
}
// The message of the error that running gives, or "no error".
inline std::string error_of(Op op, const std::vector<Tensor>& tensors, Attrs attrs = {}) {
  const auto results = run_all(op, tensors, std::move(attrs));
  return results.ok() ? "no error" : results.error().message;
}

}  // namespace weft::test
