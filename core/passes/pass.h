// Passes rewrite the graph. A pass is a function with a name and a place in pipeline.cpp; after
// each one the runner collects dead nodes, infers types again and verifies, so a wrong pass is
// blamed by name. What a pass did, and what it saw but left alone, goes to the log that `weft
// explain` prints.
//
// A pass knows no backend. Threads: those of the graph.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::passes {

// What every pass speaks of.
using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

struct Options {
  int64_t capacity = 2048;  // positions a KV cache holds
  int64_t chunk = 512;      // most tokens of one run
  // Element types of cached keys and values: f32, f16, or i8 for rows of codes
  // (quant/code_rows.h).
  ir::DType key_type = ir::DType::f32, value_type = ir::DType::f32;
  // Inputs and outputs stay the file's, and nothing is assumed of what they hold: passes that serve
  // a session are left out.
  bool keep_interface = false;
};

// One line of the rewriting log.
struct Note {
  std::string pass;
  std::string node;   // the exporter's name, or empty for the whole graph
  std::string what;   // one sentence
  bool left = false;  // something a pass looks for, which it left as it was, and why
};

struct Context {
  Options options;
  std::vector<Note> log;
  std::string pass;  // the one that runs

  void note(std::string node, std::string what) {
    log.push_back({pass, std::move(node), std::move(what), false});
  }
  void leave(std::string node, std::string why) {
    log.push_back({pass, std::move(node), std::move(why), true});
  }
};

using PassFn = Status (*)(ir::Graph&, Context&);

// What holds of a graph after the steps of a stage.
enum class Stage : uint8_t {
  imported,   // ops of ops.def as the importer left them
  canonical,  // one spelling: inputs by role, no shape arithmetic, no exporter's idioms
  fused,      // fewer, larger ops; rows nobody reads are not computed
  placed,     // KV caches are states, written in place
};

struct Step {
  const char* name;
  PassFn run;
  Stage stage;
  bool for_session = false;  // gives inputs and outputs the roles they have in a session
};

// Every pass, in the order they run.
std::span<const Step> pipeline();

// Called after each step that ran, with the graph as it then is.
using Observer = std::function<void(const Step&, const ir::Graph&)>;

// Runs the steps up to and including stage `until`. Errors name the pass.
Status run(ir::Graph& graph, Context& context, Stage until = Stage::placed,
           const Observer& observer = {});
// Runs the one pass called `name` (usage error when there is none).
Status run_one(ir::Graph& graph, Context& context, std::string_view name);

}  // namespace weft::passes
