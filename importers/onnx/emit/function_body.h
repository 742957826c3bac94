// What writers of functions of domain weft share: a body is lines of standard ops.
#pragma once

#include <onnx/onnx_pb.h>

#include <initializer_list>

namespace weft::onnx {

// A new function of the model, named, with its inputs and its one output. Null where the model has
// it already.
::onnx::FunctionProto* new_function(::onnx::ModelProto& model, const char* name, int64_t opset,
                                    std::initializer_list<const char*> inputs, const char* output);

// output = op(inputs...)
::onnx::NodeProto& add_line(::onnx::FunctionProto& function, const char* op,
                            std::initializer_list<const char*> inputs, const char* output);
// name = [elements...], i64
void add_integers(::onnx::FunctionProto& function, const char* name,
                  std::initializer_list<int64_t> elements);
// name = value, an f32 scalar
void add_real(::onnx::FunctionProto& function, const char* name, float value);
void set_integer(::onnx::NodeProto& node, const char* attribute, int64_t value);
// An attribute of a node that is one of the function's.
void refer(::onnx::NodeProto& node, const char* attribute, const char* of_function);

}  // namespace weft::onnx
