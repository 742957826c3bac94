// A plan cut into stages: what the scheduler of a prompt's chunks moves around.
//
//   tasks    copy | island (host) | copy | island (device) | copy | island (host) | ...
//   stages   [       host              ]  [    device    ]  [        host        ]
//
// A stage is as many neighbouring tasks of the plan as one processor runs: the host, which does
// copies and the islands of processors, or a device that works beside it. Stages of one chunk run
// one after the other, so that places in an arena are reused as the plan has it; chunks have arenas
// of their own and meet in the caches alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/host/plugin.h"
#include "core/plan/plan.h"
#include "core/schedule/chunk_graph.h"

namespace weft::runtime {

struct Stage {
  size_t first_task = 0, task_count = 0;
  uint32_t processor = 0;  // 0: the host
  std::string name;        // of its first node, for people
};

struct Stages {
  std::vector<Stage> stages;
  schedule::ChunkSteps steps;  // the same, with what waits for which writes into caches
  // By processor. The host stands for all devices that are processors and has no device.
  std::vector<uint32_t> devices;
  std::vector<std::string> names;
  bool is_parallel() const { return names.size() > 1; }
};

// Chunks before the last end with their last write to a cache.
Stages find_stages(const plan::Plan& plan, std::span<const host::DevicePtr> devices);

}  // namespace weft::runtime
