// The table of ops, and what its rows share.
#include "plugins/opencl/op.h"

#include <cstring>

#include "plugins/common/constant_store.h"

namespace weft::opencl {

#define OP(Name, row) extern const OpRow row;
#include "plugins/opencl/ops.def"
#undef OP

namespace {

struct Named {
  const char* op;
  const OpRow* row;
};
constexpr Named kRowsByName[] = {
#define OP(Name, row) {#Name, &row},
#include "plugins/opencl/ops.def"
#undef OP
};

}  // namespace

const OpRow* find_op(const char* domain, const char* op) {
  if (domain && *domain) return nullptr;
  for (const Named& named : kRowsByName)
    if (std::strcmp(named.op, op) == 0) return named.row;
  return nullptr;
}

Kernel Prepare::kernel(const std::string& name) const { return context.kernel(name); }

Tensor Prepare::constant(uint32_t i, uint64_t layout, uint64_t size,
                         const std::function<void(char*)>& fill) const {
  const weft_value& value = node.in(i);
  const auto id = common::content_id(value);
  uint64_t shape = value.order;
  for (uint32_t d = 0; d < value.rank; d++)
    shape = common::mix(shape, uint64_t(value.dims[d].value));
  const common::ConstantKey key = {layout, size, id[0], id[1], shape, 0, 0, 0};
  constants.push_back(context.constant(key, size, fill));
  Tensor tensor = *in[i];
  tensor.memory = constants.back()->memory.get();
  tensor.offset = 0;
  return tensor;
}

void need_input(const NodeView& node, uint32_t i) {
  if (!node.has(i)) throw Refusal{WEFT_REFUSE_OTHER, text("%s without input %u", node->op_type, i)};
}

void need_plain_f32(const NodeView& node, uint32_t i) {
  const weft_value& value = node.in(i);
  if (value.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("input %u is %s, the opencl kernel of %s takes f32", i,
                       common::dtype_name(value.dtype), node->op_type),
                  node.input(i)};
  if (value.quant)
    throw Refusal{WEFT_REFUSE_QUANT,
                  text("input %u is quantized to %s, the opencl kernel of %s takes plain f32", i,
                       common::dtype_name(value.quant->storage), node->op_type),
                  node.input(i)};
  if (value.order == WEFT_COLUMN_MAJOR)
    throw Refusal{
        WEFT_REFUSE_SHAPE,
        text("input %u is column-major, the opencl kernel of %s takes rows", i, node->op_type),
        node.input(i)};
}

bool same_dim(const weft_dim& a, const weft_dim& b) {
  return a.slot == b.slot && (a.slot != WEFT_NONE || a.value == b.value);
}

}  // namespace weft::opencl
