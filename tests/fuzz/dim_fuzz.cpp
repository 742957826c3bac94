// Feeds arbitrary text to the reader of symbolic dims: what it reads must print and read back
// equal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/sym/dim.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 200) return 0;  // products of long sums grow with the square
  const auto dim = weft::sym::Dim::parse({reinterpret_cast<const char*>(data), size});
  if (!dim.ok()) return 0;
  const auto again = weft::sym::Dim::parse(dim->str());
  if (!again.ok() || *again != *dim) std::abort();
  return 0;
}
