// The table of ops, made from ops.def, and the checks every op shares.
#include "core/ops/op_def.h"

#include <iterator>

#include "core/base/check.h"

namespace weft::ops {

#define OP(Name) extern const OpDef Name##_def;
#include "core/ops/ops.def"
#undef OP

namespace {

constexpr const OpDef* table[] = {
#define OP(Name) &Name##_def,
#include "core/ops/ops.def"
#undef OP
};
static_assert(std::size(table) == size_t(ir::Op::count));

// "2", "2 to 5", "at least 1"
std::string range_text(int lo, int hi) {
  if (hi < 0) return "at least " + std::to_string(lo);
  if (lo == hi) return std::to_string(lo);
  return std::to_string(lo) + " to " + std::to_string(hi);
}

// `present(i)` says whether input i is there.
template <typename Present>
Status check_arity(const OpDef& op, size_t inputs, size_t outputs, Present present) {
  if (int(inputs) < op.min_inputs || (op.max_inputs >= 0 && int(inputs) > op.max_inputs)) {
    return Error{std::to_string(inputs) + " inputs given, it takes " +
                 range_text(op.min_inputs, op.max_inputs)};
  }
  if (int(outputs) < op.min_outputs || (op.max_outputs >= 0 && int(outputs) > op.max_outputs)) {
    return Error{std::to_string(outputs) + " outputs wanted, it has " +
                 range_text(op.min_outputs, op.max_outputs)};
  }
  const size_t needed = op.max_inputs < 0 ? inputs : size_t(op.min_inputs);
  for (size_t i = 0; i < needed; ++i) {
    if (!present(i)) return Error{"input " + std::to_string(i) + " is missing"};
  }
  return {};
}

}  // namespace

const OpDef& def(ir::Op op) {
  WEFT_CHECK(op < ir::Op::count);
  return *table[size_t(op)];
}

Result<std::vector<Inferred>> infer(const OpDef& op, const InferContext& context) {
  TRY(check_arity(op, context.inputs.size(), context.output_count,
                  [&](size_t i) { return context.has(i); }),
      op.name);
  return TRY(op.infer(context), op.name);
}

Status run_reference(const OpDef& op, const OpCall& call) {
  TRY(check_arity(op, call.inputs.size(), call.outputs.size(),
                  [&](size_t i) { return call.has(i); }),
      op.name);
  TRY(op.reference(call), op.name);
  return {};
}

}  // namespace weft::ops
