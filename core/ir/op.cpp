#include "core/ir/op.h"

#include <iterator>

namespace weft::ir {

namespace {

constexpr std::string_view kNames[] = {
#define OP(Name) #Name,
#include "core/ops/ops.def"
#undef OP
};
static_assert(std::size(kNames) == size_t(Op::count));

}  // namespace

std::string_view name(Op op) { return op < Op::count ? kNames[size_t(op)] : "?"; }

std::optional<Op> parse_op(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return Op(i);
  }
  return {};
}

}  // namespace weft::ir
