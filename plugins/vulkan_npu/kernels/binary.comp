// A product or a sum of two tensors of codes, back in codes, by the definition in floats:
//
//   real(x) = f32((x - zero) * scale)     y = code(f32(real(a) * real(b)))     or +
//
// Each operation rounds to nearest even, once; no rearrangement is allowed (precise).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_spirv_intrinsics : require

// RoundingModeRTE for 32 bits (SPV_KHR_float_controls, core in SPIR-V 1.4).
spirv_execution_mode(capabilities = [4467], 4462, 32);

layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Left { int8_t a[]; };
layout(set = 0, binding = 1, std430) readonly buffer Right { int8_t b[]; };
#include "plugins/vulkan_npu/kernels/arguments.glsl"
#include "plugins/vulkan_npu/kernels/round.glsl"
#include "plugins/vulkan_npu/kernels/codes_out.glsl"

void main() {
  const uint first = gl_GlobalInvocationID.x * 4;
  if (first >= args.count) return;
  int codes[4];
  for (uint i = 0; i < 4; ++i) {
    const uint at = min(first + i, args.count - 1);
    precise const float left = float(int(a[args.a_base + at]) - args.a_zero) * args.a_scale;
    precise const float right = float(int(b[args.b_base + at]) - args.b_zero) * args.b_scale;
    precise const float product = left * right, sum = left + right;
    codes[i] = round_to_code(args.adds == 1 ? sum : product);
  }
  store_codes(first, codes);
}
