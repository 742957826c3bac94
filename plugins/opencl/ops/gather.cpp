// Gather: lines of a packed matrix (gather_packed.h); other tables are refused.
#include "plugins/opencl/ops/gather_packed.h"

namespace weft::opencl {

namespace {

bool packs(const NodeView& node, uint32_t i) { return i == 0 && gathers_packed(node); }

void check(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  if (!gathers_packed(node))
    throw Refusal{WEFT_REFUSE_OTHER, "opencl gathers from packed constants only", node.input(0)};
  check_gather_packed(node, limits);
}

}  // namespace

extern const OpRow gather_row = {check, prepare_gather_packed, packs};

}  // namespace weft::opencl
