// ONNX's test data beside a model: which sets there are, and what is in them.
//
//   <folder>/model.onnx
//   <folder>/test_data_set_<n>/input_<k>.pb, output_<k>.pb
//   <folder>/test_data_set_<n>_exact/   the same inputs; outputs without the approximations (int8
//                                       activations) that the exporting runtime took the liberty of
//   <folder>/check.json                 which positions of an output mean anything
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "importers/onnx/test_data.h"

namespace weft::cli {

// {"outputs": "present.*", "axis": 2, "valid": {"test_data_set_0": 7}}: of outputs whose name
// matches, only the first `valid` positions along `axis` are compared. Those caches have room for
// more positions than they hold, so pasts are cut to what precedes the tokens of the run.
struct ValidPositions {
  std::string outputs;  // a pattern as in file names
  int64_t axis = 0;
  std::map<std::string, int64_t> valid;  // by set
  // -1: all of them.
  int64_t limit(const std::string& set, const std::string& output) const;
};

struct DataSet {
  std::string name;
  int64_t number = 0;
  bool exact = false;  // taken instead of the set of the same name without _exact
  std::vector<onnx::NamedTensor> inputs, outputs;  // every one named
};

struct TestData {
  std::vector<DataSet> sets;  // in the order of number and name
  ValidPositions positions;
};

// The folders at or below `folder` that hold test data, sorted. Fails (ErrorKind::usage) when there
// is none.
Result<std::vector<std::filesystem::path>> find_test_folders(const std::filesystem::path& folder);

// Reads all sets of a folder. `inputs` and `outputs` are the model's names in its order, for files
// without a name.
Result<TestData> read_test_data(const std::filesystem::path& folder,
                                const std::vector<std::string>& inputs,
                                const std::vector<std::string>& outputs);

}  // namespace weft::cli
