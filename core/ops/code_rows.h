// Rows of codes (quant/code_rows.h) as reals, for the ops that read them.
#pragma once

#include "core/base/result.h"
#include "core/ops/array.h"

namespace weft::ops {

// The reals [..., size] behind `rows`, i8 [..., code_row_bytes(size)], as f32. Fails where the last
// dim is another.
Result<Tensor> decode_rows(const Array& rows, int64_t size, std::string_view name);

}  // namespace weft::ops
