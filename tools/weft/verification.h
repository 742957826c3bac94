// A model, backend by backend, against the reference: what `weft verify` finds out.
#pragma once

#include <optional>

#include "tools/weft/verify_inputs.h"

namespace weft::cli {

struct VerifyOptions {
  std::filesystem::path model;
  EngineOptions engine;
  CheckWay way = CheckWay::automatic;
  ops::Tolerance tolerance;
  std::vector<int64_t> prompt;  // token ids; empty: of chance
  std::filesystem::path data;   // a data set's folder, or one that holds some; empty: none
  InputChoice choice;
  std::filesystem::path out;                        // where the reproducer goes; empty: nowhere
  std::vector<std::filesystem::path> plugin_files;  // named by --plugin, for the command to repeat
};

// The part that is wrong, as a model with test data of its own.
struct Reproducer {
  std::filesystem::path folder;  // empty: none was written
  std::string why_not;           // why it was not written, or does not show the fault
  bool fails = false;            // under `weft check` on the same backends
};

struct Finding {
  std::string step;
  uint32_t island = 0;
  std::string backend;
  runtime::Culprit culprit;
  std::optional<Reproducer> reproducer;  // where one is asked for
};

struct Verification {
  std::unique_ptr<Engine> engine;  // whose graph the reports speak of
  std::string why_graph;           // why it does not run as a decoder, or empty
  bool as_decoder = false;
  std::vector<runtime::StepReport> steps;
  std::optional<Finding> finding;  // the first island with an error of its own

  size_t islands() const;
  size_t wrong() const;     // with an error of their own
  size_t inherits() const;  // right by themselves
  bool passes() const { return wrong() + inherits() == 0; }
  const std::string& backend_of(const runtime::IslandReport& island) const;
};

// Fails where nothing can be compared: the model, the data, a backend that cannot run.
Result<Verification> verify_model(const VerifyOptions& options,
                                  const std::vector<host::PluginPtr>& plugins);

}  // namespace weft::cli
