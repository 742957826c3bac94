// One model against its test data, on one list of backends.
//
//   session  a decoder as it generates text: caches are states, loaded with the past of the data;
//            ids are fed; logits and the caches' contents afterwards are compared
//   graph    anything else: the file's own inputs and outputs, whatever they are
//
// A set is run as a session when it says nothing that a session would not do: one sequence, no
// padding, positions that follow the past. A set that gives ids but no past goes on where the sets
// of the next smaller number end, as the sets of a conversation do.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/engine.h"
#include "core/ops/difference.h"
#include "tools/weft/data_sets.h"

namespace weft::cli {

enum class CheckWay : uint8_t { automatic, session, graph };

struct CheckOptions {
  ops::Tolerance tolerance;
  CheckWay way = CheckWay::automatic;
  EngineOptions engine;  // backends, require, cache folder
};

struct OutputCheck {
  std::string name;
  ops::Difference difference;
};

struct SetCheck {
  std::string name;
  bool exact = false;
  bool as_session = false;
  std::string why_graph;  // why it is not run as a session, or empty
  std::vector<OutputCheck> outputs;
  std::optional<Error> error;  // it could not be run
  bool passes() const;
  // The output furthest from what is allowed; nullptr when there is none.
  const OutputCheck* worst() const;
};

struct FolderCheck {
  std::filesystem::path folder;
  std::vector<std::string> backends;
  std::string placement;  // "12 of 12 nodes on cpu"
  std::vector<SetCheck> sets;
  std::optional<Error> error;  // nothing could be run
  bool passes() const;
  // The error of the folder or of the first set that could not be run.
  const Error* first_error() const;
};

FolderCheck check_folder(const std::filesystem::path& folder,
                         const std::vector<host::PluginPtr>& plugins, const CheckOptions& options);

// A tensor of the data as a view; the view writes nothing.
ops::Array view_of(const onnx::Tensor& tensor);
// nullptr when the list has none of that name.
const onnx::Tensor* find_tensor(const std::vector<onnx::NamedTensor>& tensors,
                                const std::string& name);

// A graph input as the file calls it: passes give it the name of its role.
struct FileInput {
  ir::ValueId value = ir::ValueId::none;
  std::string name;
};

}  // namespace weft::cli
