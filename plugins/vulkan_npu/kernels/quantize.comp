// QuantizeLinear: reals to codes with one scale, exactly.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : enable
#extension GL_EXT_shader_8bit_storage : require

layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Reals { float x[]; };
#include "plugins/vulkan_npu/kernels/arguments.glsl"
#include "plugins/vulkan_npu/kernels/round.glsl"
#include "plugins/vulkan_npu/kernels/codes_out.glsl"

void main() {
  const uint first = gl_GlobalInvocationID.x * 4;
  if (first >= args.count) return;
  int codes[4];
  for (uint i = 0; i < 4; ++i)
    codes[i] = round_to_code(x[args.a_base + min(first + i, args.count - 1)]);
  store_codes(first, codes);
}
