// From flags to something that runs: plugins, model, engine, session. Shared by the verbs that run
// models.
#pragma once

#include <memory>
#include <vector>

#include "core/engine.h"
#include "tools/weft/flags.h"
#include "tools/weft/model_folder.h"

namespace weft::cli {

struct Timings {
  double import_ms = 0;   // file to graph
  double prepare_ms = 0;  // graph to programs and session
};

struct Loaded {
  std::vector<host::PluginPtr> plugins;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<runtime::Session> session;
  Timings timings;
};

// Every plugin that discovery accepts; one that does not load is a warning. Names in `wanted` are
// loaded first and others not at all.
std::vector<host::PluginPtr> load_plugins(const Flags& flags);

// Positions the KV cache gets: what -c says, else room for `needed`, rounded up so that runs share
// a prepared model; never more than the model's longest context. Fails when `needed` does not fit.
Result<int64_t> choose_capacity(const Flags& flags, const ModelFolder& folder, int64_t needed);

// What the preparation cache calls a model: its absolute path, without links.
std::string cache_name(const std::filesystem::path& model);

// What the flags ask of an engine.
EngineOptions engine_options(const Flags& flags, int64_t capacity);

// Imports and prepares the model, with placement and fallbacks said on stderr.
Result<Loaded> load(const Flags& flags, int64_t capacity);
// The same on plugins that are loaded, for a second model beside the first.
Result<Loaded> load(const Flags& flags, int64_t capacity, std::vector<host::PluginPtr> plugins);

// Most bytes of memory this process has had resident; 0 where /proc does not say.
int64_t peak_rss_bytes();

}  // namespace weft::cli
