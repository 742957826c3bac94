// Test data through a session, as a decoder generates text; see check_model.h.
#pragma once

#include <map>
#include <memory>

#include "tools/weft/check_model.h"

namespace weft::cli {

class SessionChecker {
 public:
  // Fails when the graph is not one that a session can run.
  static Result<std::unique_ptr<SessionChecker>> make(ir::Graph graph, const TestData& data,
                                                      const std::vector<host::PluginPtr>& plugins,
                                                      const CheckOptions& options);
  // Why a session would not do what `set` says, or empty.
  std::string obstacle(const DataSet& set) const;
  // Requires that there is no obstacle.
  Result<std::vector<OutputCheck>> check(const DataSet& set);
  const Engine& engine() const { return *engine_; }

 private:
  // One cache under its three names.
  struct CacheNames {
    std::string past, present;  // in the file
    int64_t heads = 0;          // [1, heads, positions, size] there
  };
  // What the data says of a run.
  struct Inputs {
    std::vector<int64_t> ids;
    int64_t past = 0;
    bool has_past = false;  // its contents are given
  };
  SessionChecker(const TestData& data, const CheckOptions& options)
      : data_(data), options_(options) {}
  void find_caches(const ir::Graph& graph);
  std::string role_of(const std::string& input) const;
  const onnx::Tensor* input_of_role(const DataSet& set, const std::string& role) const;
  Inputs read_inputs(const DataSet& set) const;
  std::string past_obstacle(const DataSet& set, const Inputs& inputs) const;
  Status restore(const DataSet& set, const Inputs& inputs);
  Status load_past(const DataSet& set, int64_t positions);
  Result<OutputCheck> compare_present(const DataSet& set, const onnx::NamedTensor& expected,
                                      size_t cache);

  const TestData& data_;
  const CheckOptions& options_;
  std::vector<FileInput> inputs_;
  std::map<std::string, CacheNames> names_;  // by state
  std::vector<CacheNames> caches_;           // as the session numbers them
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<runtime::Session> session_;
};

}  // namespace weft::cli
