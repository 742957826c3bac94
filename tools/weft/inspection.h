// All that can be known of a model before anything of it is loaded.
//
// Each part is found from the one before; where one cannot be had, `error` says why and the later
// parts are absent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/engine_plan.h"
#include "importers/onnx/file_summary.h"
#include "tools/weft/flags.h"
#include "tools/weft/history.h"
#include "tools/weft/model_facts.h"
#include "tools/weft/model_folder.h"

namespace weft::cli {

struct Inspection {
  ModelFolder folder;
  std::vector<std::string> beside;  // files of the folder that are read with the model
  onnx::FileSummary file;
  std::vector<std::string> notes;  // what the import took for granted
  std::optional<WeightFacts> weights;
  std::optional<Architecture> architecture;
  std::vector<host::PluginPtr> plugins;
  std::unique_ptr<EnginePlan> plan;
  std::optional<Error> error;
};

// Maps the files and plans, but neither reads weights nor compiles. Fails when there is no file to
// say anything about. `history`, if not null, watches the passes.
Result<Inspection> inspect_model(const Flags& flags, History* history = nullptr);

// What deserves a look: inputs nothing reads, ops that are not known, files that are missing.
std::vector<std::string> warnings(const Inspection& inspection);

// How often each op is in the graph, most often first.
std::vector<std::pair<std::string, size_t>> op_counts(const ir::Graph& graph);

// For people: a label per part.
std::string to_text(const Inspection& inspection);
// For programs: one object with the parts under stable names; absent parts are null.
std::string to_json(const Inspection& inspection);

}  // namespace weft::cli
