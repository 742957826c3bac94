// Graphs out: the inverse of the import, for other tools to open and for ONNX Runtime to check us.
//
//   TRY(onnx::emit(graph, "out.onnx"));                   opset 23
//   TRY(onnx::emit(graph, "out.onnx", {.opset = 25}));    also caches of fixed capacity, windows
//
// Weights are in out.onnx.data beside the file. Names, symbolic dims (as dim_param) and weights are
// those of the graph. What opset 23 cannot say becomes ops that can: windows and causality after a
// past become masks, sinks and slopes become scores, quantized constants become DequantizeLinear,
// those of storage e0m4 a function of domain weft with a body of standard ops, and the rest floats.
// Sizes that the graph knows as expressions are computed from the shapes of inputs.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::onnx {

struct EmitOptions {
  int64_t opset = 23;  // or 25, for graphs that need TensorScatter or Attention over padded caches
  // Products with 4- and 8-bit codes as com.microsoft's MatMulNBits, which engines multiply as they
  // are, where DequantizeLinear makes floats first in some.
  bool packed_products = false;
};

// Writes `graph`, which has no states or placements yet (stage canonical or fused). Both files
// appear under their names only when they are whole. Fails with one sentence that names the node
// for what ONNX cannot say, and with ErrorKind::usage where the files cannot be written.
Status emit(const ir::Graph& graph, const std::filesystem::path& file,
            const EmitOptions& options = {});

}  // namespace weft::onnx
