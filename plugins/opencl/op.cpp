// The table of ops, and what its rows share.
#include "plugins/opencl/op.h"

#include <cstring>

#include "plugins/common/constant_store.h"

namespace weft::opencl {

#define OP(Name, row) extern const OpRow row;
#define WEFT_OP(Name, row) extern const OpRow row;
#include "plugins/opencl/ops.def"
#undef OP
#undef WEFT_OP

namespace {

struct Named {
  const char* op;
  const OpRow* row;
  bool ours;  // of domain weft
};
constexpr Named kRowsByName[] = {
#define OP(Name, row) {#Name, &row, false},
#define WEFT_OP(Name, row) {#Name, &row, true},
#include "plugins/opencl/ops.def"
#undef OP
#undef WEFT_OP
};

}  // namespace

const OpRow* find_op(const char* domain, const char* op) {
  const bool ours = domain && std::strcmp(domain, "weft") == 0;
  if (domain && *domain && !ours) return nullptr;
  for (const Named& named : kRowsByName)
    if (std::strcmp(named.op, op) == 0 && named.ours == ours) return named.row;
  return nullptr;
}

bool parameters_on_host(const NodeView&, uint32_t i) { return i > 0; }

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

void need_dtype(const NodeView& node, uint32_t i, uint32_t dtype) {
  const weft_value& value = node.in(i);
  if (value.dtype != dtype)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("input %u is %s, the opencl kernel of %s takes %s", i,
                       common::dtype_name(value.dtype), node->op_type, common::dtype_name(dtype)),
                  node.input(i)};
}

void need_plain(const NodeView& node, uint32_t i) {
  if (!node.has(i)) return;
  const weft_value& value = node.in(i);
  if (value.quant)
    throw Refusal{WEFT_REFUSE_QUANT,
                  text("input %u is quantized to %s, the opencl kernel of %s takes plain elements",
                       i, common::dtype_name(value.quant->storage), node->op_type),
                  node.input(i)};
  if (value.order == WEFT_COLUMN_MAJOR)
    throw Refusal{
        WEFT_REFUSE_SHAPE,
        text("input %u is column-major, the opencl kernel of %s takes rows", i, node->op_type),
        node.input(i)};
}

void need_plain(const NodeView& node) {
  for (uint32_t i = 0; i < node->input_count; i++) need_plain(node, i);
}

void need_plain_f32(const NodeView& node, uint32_t i) {
  need_dtype(node, i, WEFT_F32);
  need_plain(node, i);
}

void need_indices(const NodeView& node, uint32_t i) {
  need_input(node, i);
  const uint32_t dtype = node.in(i).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("input %u of %s is %s; i64 or i32 is needed", i, node->op_type,
                       common::dtype_name(dtype)),
                  node.input(i)};
}

bool is_known(const NodeView& node, uint32_t i) {
  return node.in(i).flags & (WEFT_VALUE_CONSTANT | WEFT_VALUE_CONTENTS);
}

void need_known(const NodeView& node, uint32_t i) {
  need_indices(node, i);
  const weft_value& value = node.in(i);
  if (!is_known(node, i))
    throw Refusal{WEFT_REFUSE_DYNAMIC,
                  text("input %u of %s is computed while the graph runs, opencl needs it before", i,
                       node->op_type),
                  node.input(i)};
  if ((value.flags & WEFT_VALUE_CONSTANT) && value.data_size > kMostKnown)
    throw Refusal{
        WEFT_REFUSE_LIMIT,
        text("input %u of %s is a longer list than opencl reads beforehand", i, node->op_type),
        node.input(i),
        "bytes",
        int64_t(value.data_size),
        int64_t(kMostKnown)};
}

void check_movable(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain(node);
  if (!common::element_size(node.in(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(0)};
  check_tensors(limits, node);
}

bool is_real(uint32_t dtype) {
  return dtype == WEFT_F32 || dtype == WEFT_F16 || dtype == WEFT_BF16;
}

bool is_whole(uint32_t dtype) {
  return common::element_size(dtype) && !is_real(dtype) && dtype != WEFT_F64;
}

bool same_dim(const weft_dim& a, const weft_dim& b) {
  return a.slot == b.slot && (a.slot != WEFT_NONE || a.value == b.value);
}

}  // namespace weft::opencl
