// One row for every op of ops.def: the slow kernels that live beside the ops' shape rules, called
// on operands of a running program.
#include "plugins/reference/rows.h"

#include <optional>
#include <vector>

#include "core/ops/array.h"
#include "core/ops/op_def.h"
#include "plugins/common/constant_store.h"

namespace weft::reference {

using common::Operand;
using common::OpRow;
using common::Prepare;
using common::Refusal;
using common::Step;
using common::Team;
using plugin::NodeView;
using plugin::text;

namespace {

// What a node keeps: its definition, attributes, and how its constants are stored.
struct State {
  const ops::OpDef* def = nullptr;
  ir::Attrs attrs;
  std::vector<std::optional<ops::ArrayQuantization>> quantization;  // per input
  std::vector<bool> column_major;
};

const ops::OpDef* find_def(const char* domain, const char* op) {
  const std::optional<ir::Op> found = ir::parse_op(op);
  if (!found) return nullptr;
  const ops::OpDef& def = ops::def(*found);
  return std::string_view(def.domain) == domain && def.reference ? &def : nullptr;
}

// Whether core/ops can read elements of this type.
bool known(uint32_t dtype) { return dtype < 256 && ir::bits(ir::DType(dtype)) > 0; }

void check_quantization(const NodeView& node, uint32_t i) {
  const weft_value& value = node.in(i);
  const uint32_t index = node.input(i);
  if (!value.quant) return;
  const weft_quant& quant = *value.quant;
  if (quant.scheme != WEFT_Q_AFFINE)
    throw Refusal{WEFT_REFUSE_QUANT, "the reference decodes affine codes only", index};
  if (value.rank < 2)
    throw Refusal{WEFT_REFUSE_RANK,
                  "a quantized constant must be a matrix or a stack of them",
                  index,
                  {},
                  value.rank,
                  2};
  if (!known(quant.storage))
    throw Refusal{WEFT_REFUSE_QUANT,
                  text("codes stored as %s are unknown", common::dtype_name(quant.storage)), index};
}

void check(const NodeView& node) {
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (!node.has(i)) continue;
    if (!known(node.in(i).dtype))
      throw Refusal{WEFT_REFUSE_DTYPE, "an element type the reference does not know",
                    node.input(i)};
    check_quantization(node, i);
  }
  for (uint32_t i = 0; i < node->output_count; i++)
    if (node.output(i) != WEFT_NONE && !known(node.out(i).dtype))
      throw Refusal{WEFT_REFUSE_DTYPE, "an element type the reference does not know",
                    node.output(i)};
}

ir::Attrs read_attrs(const NodeView& node) {
  ir::Attrs attrs;
  for (uint32_t i = 0; i < node->attr_count; i++) {
    const weft_attr& a = *WEFT_AT(weft_attr, node->attrs, node->attr_stride, i);
    if (a.type == WEFT_ATTR_FLOAT) {
      attrs.set(a.name, double(*static_cast<const float*>(a.data)));
    } else if (a.type == WEFT_ATTR_INT) {
      attrs.set(a.name, *static_cast<const int64_t*>(a.data));
    } else if (a.type == WEFT_ATTR_STRING) {
      attrs.set(a.name, std::string(static_cast<const char*>(a.data)));
    } else if (a.type == WEFT_ATTR_FLOATS) {
      const float* f = static_cast<const float*>(a.data);
      attrs.set(a.name, std::vector<double>(f, f + a.count));
    } else if (a.type == WEFT_ATTR_INTS) {
      const int64_t* n = static_cast<const int64_t*>(a.data);
      attrs.set(a.name, std::vector<int64_t>(n, n + a.count));
    }
  }
  return attrs;
}

// A plain copy of a constant that no node reads directly: scales and zero points.
const char* keep(Prepare& context, uint32_t value_index) {
  const weft_value& value = context.node.graph().value(value_index);
  const auto id = common::content_id(value);
  return context.constants.get({0, value.data_size, id[0], id[1], 0, 0, 0, 0}, value.data_size,
                               [&](char* to) { std::memcpy(to, value.data, value.data_size); });
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const NodeView& node = context.node;
  auto state = std::make_shared<State>();
  state->def = find_def(node->domain ? node->domain : "", node->op_type);
  state->attrs = read_attrs(node);
  state->quantization.resize(node->input_count);
  state->column_major.resize(node->input_count);
  for (uint32_t i = 0; i < node->input_count; i++) {
    if (!node.has(i)) continue;
    const weft_value& value = node.in(i);
    state->column_major[i] = value.order == WEFT_COLUMN_MAJOR;
    if (!value.quant) continue;
    const weft_quant& quant = *value.quant;
    ops::ArrayQuantization& q = state->quantization[i].emplace();
    q.storage = ir::DType(quant.storage);
    q.block = quant.block;
    q.zero = quant.zero;
    q.scale = reinterpret_cast<const float*>(keep(context, quant.scale_value));
    if (quant.zero_point_value == WEFT_NONE) continue;
    const char* zero = keep(context, quant.zero_point_value);
    if (node.graph().value(quant.zero_point_value).dtype == WEFT_U8) {
      q.zero_u8 = reinterpret_cast<const uint8_t*>(zero);
    } else {
      q.zero_f32 = reinterpret_cast<const float*>(zero);
    }
  }
  return state;
}

ops::Array array_of(const Operand* operand) {
  ops::Array array;
  if (!operand) return array;
  array.dtype = ir::DType(operand->dtype);
  array.shape.assign(operand->shape, operand->shape + operand->rank);
  array.strides.assign(operand->stride, operand->stride + operand->rank);
  array.data = reinterpret_cast<std::byte*>(operand->data);
  return array;
}

Status call(const Step& step) {
  const State& state = *static_cast<const State*>(step.state);
  std::vector<ops::Array> inputs, outputs;
  for (uint32_t i = 0; i < step.in_count; i++) {
    ops::Array array = array_of(step.in[i]);
    array.column_major = state.column_major[i];
    if (state.quantization[i]) {
      array.quantization = &*state.quantization[i];
    } else if (array.column_major && array.rank() == 2) {
      // Stored as the transpose: the same elements through other strides.
      array.strides = {1, array.shape[0]};
      array.column_major = false;
    }
    inputs.push_back(std::move(array));
  }
  for (uint32_t i = 0; i < step.out_count; i++) outputs.push_back(array_of(step.out[i]));
  return state.def->reference({inputs, outputs, state.attrs});
}

void run(const Step& step, const Team&) {
  weft_error error{};
  error.struct_size = sizeof error;
  const weft_status status = plugin::guarded(&error, [&] {
    const Status done = call(step);
    if (!done) throw plugin::Failure(WEFT_E_INVALID, done.error().message);
  });
  if (status < 0) common::fault(step, status, error.message);
}

}  // namespace

const OpRow* find_row(const char* domain, const char* op) {
  static constexpr OpRow row = {"", "", check, prepare, run};
  return find_def(domain, op) ? &row : nullptr;
}

}  // namespace weft::reference
