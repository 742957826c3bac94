// Types of graph inputs and outputs as a file declares them: dim_param text becomes symbols.
//
//   "sequence_length"                          a symbol; equal texts are one symbol
//   "past_sequence_length + sequence_length"   an expression, when every name in it is also the
//   whole
//                                              dim_param of some input dim
//   "batch-size", "4 tokens"                   free text: a symbol with a name made legal
//   nothing, or -1                             a fresh symbol "<input>_dim<k>"
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

// What a graph output says of itself; each part may be missing.
struct Declared {
  std::optional<ir::DType> dtype;
  std::optional<std::vector<std::optional<ir::Dim>>> shape;
};

class DimNames {
 public:
  // Learns the names that graph inputs use, before any type is read.
  void learn(const ::onnx::ValueInfoProto& input);

  // The type of a graph input. Fails when it is not a tensor, has no shape, or a dim is absurd.
  Result<ir::Type> input_type(const ::onnx::ValueInfoProto& input);
  // The annotation of a graph output; fails when it is not a tensor.
  Result<Declared> output_type(const ::onnx::ValueInfoProto& output);

 private:
  ir::Dim named(const std::string& text);

  std::set<std::string> bare_;               // dim_params that are one name
  std::map<std::string, std::string> made_;  // free text -> symbol
};

// Bounds of the symbols in graph inputs whose role is known: batch and sequence dims are at
// least 1.
void set_input_bounds(ir::Graph& graph);

}  // namespace weft::onnx
