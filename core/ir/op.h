// The op vocabulary: one enumerator per line of core/ops/ops.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::ir {

enum class Op : uint16_t {
#define OP(Name) Name,
#include "core/ops/ops.def"
#undef OP
  count
};

// ONNX's op_type, e.g. "RMSNormalization"; names are unique over domains.
std::string_view name(Op op);
std::optional<Op> parse_op(std::string_view name);

}  // namespace weft::ir
