// Asks every device which nodes it can run, and gives each node to the most wanted one that can.
//
// The answer keeps every refusal with its reason: `weft explain`, --stats and --require read it,
// and nothing else decides placement (no silent fallback).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/graph.h"
#include "core/partition/schedule.h"

namespace weft::partition {

// Why a device that was asked before the one that got the node did not take it.
struct Decline {
  ir::NodeId node = ir::NodeId::none;
  uint32_t device = 0;
  uint32_t code = 0;  // WEFT_REFUSE_*
  std::string why;    // one sentence
};

struct Assignment {
  std::vector<Unit> units;  // every live node once
  std::vector<Decline> declines;
};

// `preference` lists indices into `devices`, most wanted first. Fails (ErrorKind::plugin) naming
// the first node that no device claims, with each device's reason.
Result<Assignment> assign(const ir::Graph& graph, std::span<const host::DevicePtr> devices,
                          std::span<const uint32_t> preference);

}  // namespace weft::partition
