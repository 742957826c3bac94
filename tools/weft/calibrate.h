// What the inputs of linears are over a text: the float model reads it in windows, and the values
// that linears read are outputs of its graph.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/graph.h"

namespace weft::cli {

struct CalibrationText {
  std::vector<int64_t> ids;  // whole windows
  int64_t window = 512;      // tokens, each window read alone
};

// Called with rows [rows, channels] of the value `index` of those asked for.
using ValueReader = std::function<Status(size_t index, std::span<const float> rows)>;

// Runs `graph` (canonical, of a decoder) over the text on `plugins` and gives every window's
// values, window by window. As many values are read in one run as take 256 MiB; a graph with more
// runs several times over the text. Fails when the graph asks for inputs other than ids, positions
// and caches.
Status read_values(const ir::Graph& graph, std::span<const ir::ValueId> values,
                   const CalibrationText& text, const std::vector<host::PluginPtr>& plugins,
                   const ValueReader& reader);

}  // namespace weft::cli
