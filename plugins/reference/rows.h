// The kernels of the reference plugin: any op of core/ops, as its reference computes it.
#pragma once

#include "plugins/common/row.h"

namespace weft::reference {

// The row for an op that has a reference, or nullptr.
const common::OpRow* find_row(const char* domain, const char* op);

}  // namespace weft::reference
