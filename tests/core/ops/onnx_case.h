// Test cases of the ONNX project: a model of one node, inputs and the outputs it must give.
//
//   <folder>/model.onnx
//   <folder>/test_data_set_0/input_<i>.pb, output_<i>.pb     serialized TensorProto
//
// A case becomes one op of the vocabulary, if the op is in it and the model's opset has the form of
// opset 25, or one that differs only in `axes` being an attribute instead of an input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/ops/op_def.h"

namespace weft::test {

struct OnnxCase {
  std::string name;
  ir::Op op = ir::Op::count;
  ir::Attrs attrs;
  std::vector<ops::Tensor> inputs;   // an absent optional has dtype undefined
  std::vector<ops::Tensor> outputs;  // an output that is not wanted likewise
};

// One of: a case; why it is skipped (`case_` empty).
struct LoadedCase {
  std::optional<OnnxCase> case_;
  std::string skipped;
};

// Fails when files are missing or cannot be read.
Result<LoadedCase> load_onnx_case(const std::string& folder);

// The tensor in a file with a serialized TensorProto.
Result<ops::Tensor> load_onnx_tensor(const std::string& path);

}  // namespace weft::test
