// The state of one import: the graph being built, and what each name of the file stands for.
//
// A name is a value of the graph, or a tensor of the file that no node has read yet. Tensors become
// constants on first use, so packed weights that ops read in their own way (MatMulNBits) never do.
// Every node is typed as soon as it is added; the functions for ops look at types of their inputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/dims.h"
#include "importers/onnx/external_data.h"
#include "importers/onnx/model.h"
#include "importers/onnx/proto_fwd.h"
#include "importers/onnx/tensors.h"

namespace weft::onnx {

// A NonZero whose rows are to become all rows; see picked_rows.h.
struct PickedRows {
  ir::ValueId mask, positions;  // [a, b]; what stands for NonZero(mask)
  int64_t choice = 0;           // the axis of the mask with one element at most that is not 0
  std::string symbol;           // their number
};

class Importer {
 public:
  Importer(std::filesystem::path folder, const ImportOptions& options)
      : files(std::move(folder), options.content_memory), options_(options) {}

  // Builds the graph; `model` is consumed (its raw tensor bytes are taken over).
  Status run(::onnx::ModelProto& model);

  ir::Graph graph;
  ExternalFiles files;

  // The tensor of the file behind a name, or nullptr.
  const Tensor* tensor(const std::string& name) const;
  void define(const std::string& name, Tensor tensor);
  // The value behind a defined name; none for the empty name.
  ir::ValueId value(const std::string& name);
  // A constant of the graph from a tensor of the importer's making.
  ir::ValueId constant(const std::string& name, const Tensor& tensor);
  // Gives `value` a name of the file. A computed value that has none yet is renamed to it.
  void bind(const std::string& name, ir::ValueId value);
  bool is_bound(const std::string& name) const;
  // Whether every reader of a name takes it as a weight: the right side of a product, a table that
  // is gathered from, or either after a transpose.
  bool is_weight(const std::string& name) const;
  // A name that the file does not use, from `base`.
  std::string fresh_name(const std::string& base);
  // Replaces a symbol everywhere; later declarations of it follow.
  void substitute(const std::string& symbol, const ir::Dim& by);
  // The graph input "position_ids", i64 [batch, seq]; added when the model has none.
  Result<ir::ValueId> position_ids(const ir::Dim& batch, const ir::Dim& seq);
  void note(const std::string& sentence);

  // The length of caches that grow with every token, and symbols for the length of caches that the
  // file keeps at a window's size. Here all caches grow, so the latter become the former.
  std::optional<ir::Dim> cache_length;
  std::vector<std::string> window_lengths;

  std::vector<PickedRows> picked_rows;

  // Quantized constants already made, by packed data, scales, zero points and orientation.
  using QuantizedKey = std::tuple<Hash128, Hash128, Hash128, bool>;
  std::map<QuantizedKey, ir::ValueId> quantized;

 private:
  Status read_initializers(::onnx::GraphProto& graph_proto);
  Status read_inputs(const ::onnx::GraphProto& graph_proto);
  Status read_nodes(::onnx::GraphProto& graph_proto);
  Status read_outputs(const ::onnx::GraphProto& graph_proto);
  void find_weights(const ::onnx::GraphProto& graph_proto);
  Status read_node(::onnx::NodeProto& node);
  void settle_window_lengths();
  Status unify(const ir::Output& output, const Declared& declared);
  int64_t opset(const std::string& domain) const;

  ImportOptions options_;
  DimNames dims_;
  std::unordered_map<std::string, ir::ValueId> values_;
  std::unordered_map<std::string, Tensor> tensors_;
  std::unordered_set<std::string> names_;          // every name the file uses or the import made
  std::unordered_set<uint32_t> named_values_;      // values that carry a name of the file
  std::unordered_map<std::string, bool> weights_;  // of names that nodes read
  std::map<std::string, int64_t> opsets_;
  sym::Substitution substituted_;
};

}  // namespace weft::onnx
