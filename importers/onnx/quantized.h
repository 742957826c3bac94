// Weights in blocks of few bits become quantized constants.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/importer.h"

namespace weft::onnx {

// A matrix of codes as contrib ops hold it: `rows` rows of `columns` codes, each row padded to
// whole blocks; one scale and one zero point to a block.
struct PackedWeight {
  std::string name;
  int64_t bits = 4;
  int64_t block = 0;  // codes to a scale; 0: a whole row
  int64_t rows = 0;
  int64_t columns = 0;
  bool column_major = false;       // the value is [columns, rows], stored by its columns
  int64_t matrices = 0;            // a stack: the value is [matrices, rows / matrices, columns]
  bool is_signed = false;          // 4-bit codes from -8 to 7, 8-bit codes from -128 to 127
  bool e0m4 = false;               // 4-bit codes of storage e0m4, which say the same reals
  bool tight_zero_points = false;  // 4-bit ones: rows do not start on bytes
  double default_zero = 0;         // without zero points
  const Tensor* data = nullptr;
  const Tensor* scales = nullptr;       // f32, f16 or bf16, [rows, blocks] in any shape
  const Tensor* zero_points = nullptr;  // null; floats [rows, blocks]; or codes packed row by row
};

// The constant behind `weight`, of type `dtype` [columns, rows] when column_major and [rows,
// columns] otherwise. The same packed bytes give the same value again, and constants of both
// orientations share the bytes. Scales become f32, packed zero points u8. Fails when a size does
// not fit.
Result<ir::ValueId> quantized_constant(Importer& importer, const PackedWeight& weight,
                                       ir::DType dtype);

}  // namespace weft::onnx
