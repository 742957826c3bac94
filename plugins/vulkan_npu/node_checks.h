// What the NPU asks of the tensors of a node, whatever the op: constants where it needs constants,
// codes of i8, rows of a bounded number. Each check throws common::Refusal with its sentence.
#pragma once

#include <string>

#include "plugins/common/row.h"
#include "weft/plugin.hpp"

namespace weft::vulkan_npu {

// A tensor's codes: a real is (code - zero) * scale.
struct Codes {
  float scale = 1;
  int32_t zero = 0;
};

// `what` names the input in the sentence.
const weft_value& need_constant(const plugin::NodeView& node, uint32_t i, const char* what);
// One zero point or many, all 0; absent ones are.
void need_zero(const plugin::NodeView& node, uint32_t i, const char* what);
// One positive scale in f32.
float need_scale(const plugin::NodeView& node, uint32_t i, const char* what);
// One scale, and one zero point of i8 behind it; an absent one is 0.
Codes need_codes(const plugin::NodeView& node, uint32_t scale, const char* what);
// An activation of this type that is a tensor of its own.
void need_tensor(const plugin::NodeView& node, uint32_t value_index, uint32_t dtype);
// Rows of a bounded number, each of a fixed length.
void need_rows(const plugin::NodeView& node, uint32_t value_index);
// The count of elements of a constant.
int64_t elements(const weft_value& value);
std::string name_of(const weft_value& value);

}  // namespace weft::vulkan_npu
