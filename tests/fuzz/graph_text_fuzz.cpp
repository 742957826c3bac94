// Feeds arbitrary text to the reader of the graph's text form, and what it reads to the verifier,
// the shape rules and the printer: any input ends in a graph that prints, or an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/ir/text.h"
#include "core/ir/verify.h"
#include "core/ops/infer_graph.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto graph = weft::ir::parse({reinterpret_cast<const char*>(data), size});
  if (!graph.ok() || !weft::ir::verify(*graph).ok()) return 0;
  if (!weft::ops::infer_types(*graph).ok()) return 0;
  return weft::ir::print(*graph).empty() ? 1 : 0;
}
