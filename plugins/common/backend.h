// A backend whose memory is host memory and whose kernels are rows of a table: everything of the
// ABI but the kernels. The cpu and reference plugins are this plus their tables.
//
//   Backend --open--> HostDevice --compile--> TableProgram --execute (on the caller's thread)-->
//   event
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/common/row.h"
#include "weft/plugin.hpp"

namespace weft::common {

struct DeviceSettings {
  std::string name;                   // "AMD EPYC, avx512"
  std::string driver;                 // part of the blob key
  std::shared_ptr<const void> state;  // handed to OpRow::prepare
  bool deterministic = true;          // results do not depend on threads or row counts
};

// Nodes that one row runs as one.
struct Fusion {
  std::vector<uint32_t> nodes;  // indices in the graph, in order
  const OpRow* row;
  std::shared_ptr<const void> plan;  // Prepare::plan: what was found about the nodes
};

struct BackendTraits {
  const char* name;
  const char* build;
  uint64_t dtypes_compute;  // bit set over weft_dtype < 64
  uint32_t most_threads;    // 0: as many as the host has
  // The row for an op, or nullptr.
  const OpRow* (*find)(const char* domain, const char* op);
  // Opens the device with the host's options; throws Failure.
  DeviceSettings (*open)(const weft_kv* options, uint32_t count);
  // Whether programs can be saved: of use where constants are repacked.
  bool saves = true;
  // What is claimed as one, of nodes that can be run one by one too; nullptr: nothing. Asked when
  // claiming, and again of an island, where nodes of one fusion share a unit.
  std::vector<Fusion> (*fuse)(const plugin::GraphView& graph,
                              const DeviceSettings& settings) = nullptr;
};

// The body of weft_plugin_entry. `traits` is static.
weft_status enter_backend(const weft_entry_args* args, weft_error* error,
                          const BackendTraits& traits);

}  // namespace weft::common
