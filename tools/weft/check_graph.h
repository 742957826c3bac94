// Test data through a graph with the file's own inputs and outputs; see check_model.h.
#pragma once

#include <memory>

#include "tools/weft/check_model.h"

namespace weft::cli {

class GraphChecker {
 public:
  // Prepares `graph` for the shapes that occur in `data`.
  static Result<std::unique_ptr<GraphChecker>> make(ir::Graph graph, const TestData& data,
                                                    const std::vector<host::PluginPtr>& plugins,
                                                    const CheckOptions& options);
  // Fails where the data does not fit the graph.
  Result<std::vector<OutputCheck>> check(const DataSet& set);
  const Engine& engine() const { return *engine_; }

 private:
  GraphChecker(const TestData& data, const CheckOptions& options)
      : data_(data), options_(options) {}
  Status write_inputs(const DataSet& set, sym::Bindings& bindings);
  Result<OutputCheck> compare(const DataSet& set, const onnx::NamedTensor& expected,
                              const sym::Bindings& bindings);

  const TestData& data_;
  const CheckOptions& options_;
  std::vector<FileInput> inputs_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<runtime::GraphRun> run_;
};

}  // namespace weft::cli
