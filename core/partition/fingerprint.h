// What tells one island from another: a hash over all that a plugin may compile into a program.
#pragma once

#include <weft/plugin.h>

#include "core/base/hash.h"

namespace weft::partition {

// Covers nodes, attributes, types, slots with their bounds, places, and the content ids of
// constants; not their bytes, and not the names of nodes and values.
Hash128 fingerprint(const weft_graph& graph);

}  // namespace weft::partition
