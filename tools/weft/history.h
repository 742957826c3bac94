// What became of each node of a file: the graph before and after each pass, compared.
//
// A node that a pass removed is followed through those that read it: where a reader stays, what it
// reads instead tells what took the node's place; where the reader is gone too, both went the same
// way. So one rule serves every pass, and none has to keep records.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/passes/pass.h"

namespace weft::cli {

class History {
 public:
  enum class Way : uint8_t {
    part_of,      // of a node that a pass made or changed: `node`
    replaced_by,  // the result of a node that was there before: `node`
    constant,     // its result is known: `name`
    expression,   // of symbols, in `name`
    input,        // `name` of the graph
    unread,       // nothing that an output depends on reads it
  };
  struct Fate {
    size_t step = 0;
    Way way = Way::unread;
    ir::NodeId node = ir::NodeId::none;
    std::string name = {};
  };
  struct Step {
    std::string pass;
    passes::Stage stage = passes::Stage::imported;
    size_t nodes_before = 0, nodes_after = 0;
    std::set<std::string> touched;  // names of nodes, inputs and outputs that it changed
    bool bounds_changed = false;    // of symbols
    bool changed() const { return !touched.empty() || bounds_changed; }
  };
  struct Origin {
    ir::NodeId id = ir::NodeId::none;
    std::string name;  // the exporter's
    ir::Op op = ir::Op::count;
  };

  // Starts with the graph as it was imported.
  void begin(const ir::Graph& imported);
  // What passes::run calls after each pass.
  void after(const passes::Step& step, const ir::Graph& graph);

  const std::vector<Step>& steps() const { return steps_; }
  // Nodes of the file, in its order.
  const std::vector<Origin>& origins() const { return origins_; }
  // What became of a node when it went; empty for one that is in the last graph.
  std::vector<Fate> fates(ir::NodeId node) const;
  // Per node of the last graph, the nodes of the file that are in it, itself included if it is one.
  std::map<ir::NodeId, std::vector<ir::NodeId>> made_of() const;
  // The step that wrote each note of the passes' log.
  std::vector<size_t> steps_of(const std::vector<passes::Note>& log) const;

 private:
  ir::Graph last_;
  std::vector<Step> steps_;
  std::vector<Origin> origins_;
  std::map<ir::NodeId, std::vector<Fate>> fates_;
};

}  // namespace weft::cli
