// How a prompt was run in chunks on devices that work beside the host: lines for --stats, an object
// for --json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/engine.h"

namespace weft::cli {

// "out_of_order", "wavefront at 3 steps, held", ...
std::string name_of(const schedule::Policy& policy);

// What one program per chunk would cost, beside what is held: programs of fixed shapes serve every
// chunk, because a chunk's length is all they know.
struct ChunkSharing {
  uint64_t programs = 0;        // at fixed shapes, as they are held
  uint64_t bytes = 0;           // of their constants
  uint64_t unshared_bytes = 0;  // had every chunk programs of its own
};
ChunkSharing chunk_sharing(const Engine& engine, uint32_t chunks);

// Lines on stderr, or nothing where no prompt was run so.
void print_prompt_report(const Engine& engine, const runtime::Session& session);
// null where no prompt was run so.
nlohmann::ordered_json json_of_prompt(const Engine& engine, const runtime::Session& session);

}  // namespace weft::cli
