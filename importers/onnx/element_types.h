// ONNX's element type numbers (TensorProto.DataType) and what they become here.
//
// libonnx's own enum ends at BFLOAT16 = 16; files go on to 28, so the table is kept here.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/ir/dtype.h"

namespace weft::onnx {

// "FLOAT" for 1; "unknown" for a number no version of ONNX defines.
std::string element_type_name(int32_t number);

// The element type for `number`; fails, naming number and name, for those without one here
// (strings, complex numbers, 8-bit floats and narrower).
Result<ir::DType> element_type(int32_t number);

}  // namespace weft::onnx
