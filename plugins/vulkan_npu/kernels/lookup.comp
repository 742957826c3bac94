// A function of one code as a table of 256: code x is entry x + 128.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_8bit_storage : require

layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Codes { int8_t x[]; };
layout(set = 0, binding = 3, std430) readonly buffer Table { int8_t table[]; };
#include "plugins/vulkan_npu/kernels/arguments.glsl"
#include "plugins/vulkan_npu/kernels/codes_out.glsl"

void main() {
  const uint first = gl_GlobalInvocationID.x * 4;
  if (first >= args.count) return;
  int codes[4];
  for (uint i = 0; i < 4; ++i)
    codes[i] = int(table[int(x[args.a_base + min(first + i, args.count - 1)]) + 128]);
  store_codes(first, codes);
}
