// The table of element types; see element_types.h. Source: onnx.proto, TensorProto.DataType, IR 14.
#include "importers/onnx/element_types.h"

#include <array>

namespace weft::onnx {

static constexpr std::array<const char*, 29> names = {
    "UNDEFINED",      "FLOAT",      "UINT8",          "INT8",       "UINT16",    "INT16",
    "INT32",          "INT64",      "STRING",         "BOOL",       "FLOAT16",   "DOUBLE",
    "UINT32",         "UINT64",     "COMPLEX64",      "COMPLEX128", "BFLOAT16",  "FLOAT8E4M3FN",
    "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4",      "INT4",      "FLOAT4E2M1",
    "FLOAT8E8M0",     "UINT2",      "INT2",           "FLOAT6E2M3", "FLOAT6E3M2"};

std::string element_type_name(int32_t number) {
  if (number < 0 || size_t(number) >= names.size()) return "unknown";
  return names[size_t(number)];
}

Result<ir::DType> element_type(int32_t number) {
  bool known =
      (number >= 1 && number <= 13 && number != 8) || number == 16 || number == 21 || number == 22;
  if (known) return ir::DType(number);
  return Error("element type " + std::to_string(number) + " (" + element_type_name(number) +
               ") is not supported; floats of 16 bits and more, integers of 4 bits and more and "
               "booleans are");
}

}  // namespace weft::onnx
