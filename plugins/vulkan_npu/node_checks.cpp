// Refusals in words; see node_checks.h.
#include "plugins/vulkan_npu/node_checks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace weft::vulkan_npu {

using common::dtype_name;
using common::Refusal;
using plugin::NodeView;
using plugin::text;

namespace {

// Below it, steps between codes would reach numbers that devices may take for 0.
constexpr float kLeastScale = 0x1p-80f;

}  // namespace

std::string name_of(const weft_value& value) { return value.name ? value.name : ""; }

int64_t elements(const weft_value& value) {
  int64_t count = 1;
  for (uint32_t d = 0; d < value.rank; d++) count *= value.dims[d].value;
  return count;
}

const weft_value& need_constant(const NodeView& node, uint32_t i, const char* what) {
  if (!node.has(i)) throw Refusal{WEFT_REFUSE_OTHER, text("%s is missing", what)};
  const weft_value& value = node.in(i);
  if (!(value.flags & WEFT_VALUE_CONSTANT) || !value.data)
    throw Refusal{WEFT_REFUSE_OTHER,
                  text("%s is computed while running; the NPU needs a constant", what),
                  node.input(i)};
  return value;
}

void need_zero(const NodeView& node, uint32_t i, const char* what) {
  if (!node.has(i)) return;
  const weft_value& value = need_constant(node, i, what);
  const char* bytes = static_cast<const char*>(value.data);
  if (std::any_of(bytes, bytes + value.data_size, [](char c) { return c != 0; }))
    throw Refusal{WEFT_REFUSE_QUANT, text("%s is not 0; the NPU's codes are symmetric", what),
                  node.input(i)};
}

float need_scale(const NodeView& node, uint32_t i, const char* what) {
  const weft_value& value = need_constant(node, i, what);
  if (value.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("%s is %s, the NPU takes f32", what, dtype_name(value.dtype)),
                  node.input(i)};
  if (elements(value) != 1)
    throw Refusal{WEFT_REFUSE_QUANT,
                  text("%s has %lld elements; the NPU has one for the whole tensor", what,
                       static_cast<long long>(elements(value))),
                  node.input(i)};
  float scale = 0;
  std::memcpy(&scale, value.data, sizeof scale);
  if (!std::isfinite(scale) || scale <= 0)
    throw Refusal{WEFT_REFUSE_QUANT, text("%s is no positive number", what), node.input(i)};
  return scale;
}

Codes need_codes(const NodeView& node, uint32_t scale, const char* what) {
  Codes out;
  out.scale = need_scale(node, scale, what);
  if (out.scale < kLeastScale)
    throw Refusal{WEFT_REFUSE_QUANT, text("%s is %g, too small for the NPU", what, out.scale),
                  node.input(scale)};
  if (!node.has(scale + 1)) return out;
  const weft_value& zero = need_constant(node, scale + 1, "the zero point");
  if (zero.dtype != WEFT_I8 || elements(zero) != 1)
    throw Refusal{WEFT_REFUSE_DTYPE, "the zero point is not one i8", node.input(scale + 1)};
  out.zero = *static_cast<const int8_t*>(zero.data);
  return out;
}

void need_tensor(const NodeView& node, uint32_t value_index, uint32_t dtype) {
  const weft_value& value = node.graph().value(value_index);
  if (value.dtype != dtype)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("'%s' is %s, the NPU needs %s there", name_of(value).c_str(),
                       dtype_name(value.dtype), dtype_name(dtype)),
                  value_index};
  if (value.flags & (WEFT_VALUE_VIEW | WEFT_VALUE_STATE))
    throw Refusal{WEFT_REFUSE_OTHER,
                  text("'%s' lies inside another tensor", name_of(value).c_str()), value_index};
}

void need_rows(const NodeView& node, uint32_t value_index) {
  const weft_value& value = node.graph().value(value_index);
  if (value.flags & WEFT_VALUE_CONSTANT)
    throw Refusal{WEFT_REFUSE_OTHER, "the activations are a constant", value_index};
  if (value.rank < 1)
    throw Refusal{WEFT_REFUSE_RANK, "the activations are a scalar", value_index, {}, 0, 1};
  for (uint32_t d = 0; d < value.rank; d++) {
    const weft_dim& dim = value.dims[d];
    if (dim.slot == WEFT_NONE) continue;
    const weft_slot& slot = node.graph().slot(dim.slot);
    if (d + 1 == value.rank || slot.max < 0)
      throw Refusal{WEFT_REFUSE_DYNAMIC,
                    text("dim %u of '%s' is '%s', which %s; the NPU needs static shapes", d,
                         name_of(value).c_str(), slot.expr ? slot.expr : "?",
                         slot.max < 0 ? "has no upper bound" : "changes from run to run"),
                    value_index};
  }
}

}  // namespace weft::vulkan_npu
