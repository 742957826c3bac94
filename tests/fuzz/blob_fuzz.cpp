// Feeds arbitrary bytes to the reader of prepared constants: any blob ends in entries that lie
// inside it, or is stale.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "plugins/common/constant_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t room = (size + 64) / 64 * 64;
  void* blob = std::aligned_alloc(64, room);
  if (size > 0) std::memcpy(blob, data, size);
  weft::common::ConstantPool pool;
  try {
    weft::common::ConstantStore store(pool, blob, size);
    (void)store.take();
  } catch (const weft::plugin::Failure&) {
  }
  (void)weft::common::check_blob(blob, size);
  std::free(blob);
  return 0;
}
