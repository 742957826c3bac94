// The reference plugin: every op of ops.def, run by the slow kernels that live beside the ops'
// shape rules. The oracle other backends are judged by, and the one plugin that may link core/ops.
//
// It keeps constants as they are, so there is nothing to save: a blob would hold the weights once
// more.
#include <weft/note.h>

#include "plugins/common/backend.h"
#include "plugins/reference/rows.h"

namespace weft::reference {

namespace {

common::DeviceSettings open(const weft_kv*, uint32_t) {
  return {"reference kernels", "weft-reference-1", nullptr, true};
}

constexpr common::BackendTraits kTraits = {"reference",
                                           "weft reference 0.1",
                                           (1u << WEFT_F32) | (1u << WEFT_I64) | (1u << WEFT_F64),
                                           1,
                                           find_row,
                                           open,
                                           false};

}  // namespace
}  // namespace weft::reference

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  return weft::common::enter_backend(args, error, weft::reference::kTraits);
}
