// The task graph of a prompt from the steps of one chunk.
//
//   id = chunk * early_steps + step       chunks before the last stop after `early_steps`: what
//                                         follows their last write to a cache nobody reads
//
// A step follows the one before it in its chunk. Where it reads what earlier chunks left behind
// (keys and values), it names their steps in `after`. At most `in_flight` chunks are begun and not
// ended: chunk i takes the place of chunk i - in_flight.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/schedule/task_graph.h"

namespace weft::schedule {

struct Step {
  uint32_t processor = 0;
  std::vector<uint32_t> after = {};  // steps of every earlier chunk, none of them twice
};

struct ChunkSteps {
  std::vector<Step> steps;
  uint32_t early_steps = 0;  // of chunks before the last; at least what any `after` names
};

// `time_ns(chunk, step)` is what a task is expected to take.
TaskGraph chunk_graph(const ChunkSteps& steps, uint32_t chunks, uint32_t in_flight,
                      const std::function<int64_t(uint32_t, uint32_t)>& time_ns);

}  // namespace weft::schedule
