// Tensors of an ONNX file: initializers, and the values of Constant nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/external_data.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

// A tensor as the file has it. Packed quantized weights are u8 tensors here and become quantized
// constants of the graph when an op says how to read them.
struct Tensor {
  ir::DType dtype = ir::DType::undefined;
  std::vector<int64_t> dims;
  std::shared_ptr<const ir::Constant> data;
};

// Product of the dims; fails when one is negative or the product is absurd.
Result<int64_t> element_count(const std::vector<int64_t>& dims);

// Reads `proto` and takes over its raw bytes, which are left empty: a large tensor is never held
// twice. Every element type of core/ir/dtype.h, raw, typed or external. Errors name the tensor.
Result<Tensor> read_tensor(::onnx::TensorProto& proto, ExternalFiles& files);

// A tensor of the graph's making: an owned copy of `bytes`.
Tensor make_tensor(ir::DType dtype, std::vector<int64_t> dims, std::vector<std::byte> bytes);
Tensor make_integers(const std::vector<int64_t>& elements);  // i64 [n]
Tensor make_float(ir::DType dtype, double value);            // scalar f32, f64, f16 or bf16

// Elements of an integer tensor (i32, i64, u8); fails for other types.
Result<std::vector<int64_t>> integers(const Tensor& tensor);
// The tensor as f32: itself, or converted from f16, bf16 or f64; fails for other types.
Result<Tensor> as_f32(const Tensor& tensor);

}  // namespace weft::onnx
