// DequantizeLinear of codes with one scale: y = (x - zero) * scale, rounded once.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_spirv_intrinsics : require

// RoundingModeRTE for 32 bits (SPV_KHR_float_controls, core in SPIR-V 1.4).
spirv_execution_mode(capabilities = [4467], 4462, 32);

layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Codes { int8_t x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Reals { float y[]; };
#include "plugins/vulkan_npu/kernels/arguments.glsl"

void main() {
  const uint first = gl_GlobalInvocationID.x * 4;
  for (uint i = first; i < min(first + 4, args.count); ++i) {
    precise const float real = float(int(x[args.a_base + i]) - args.a_zero) * args.a_scale;
    y[args.y_base + i] = real;
  }
}
