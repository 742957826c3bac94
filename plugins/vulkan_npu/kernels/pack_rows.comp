// Rows of i8 codes as the products read them: words of 8 codes, rows padded with zeros to whole
// words, and rows of zeros up to a multiple of 8.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_8bit_storage : require

layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Codes { int8_t x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Packed { int64_t packed[]; };

#include "plugins/vulkan_npu/kernels/arguments.glsl"

void main() {
  const uint row = gl_WorkGroupID.y;
  const uint word = gl_GlobalInvocationID.x;
  if (word >= args.words) return;
  uvec2 halves = uvec2(0);
  if (row < args.rows) {
    for (uint t = 0; t < 8; ++t) {
      const uint k = word * 8 + t;
      if (k < args.pitch) {
        const uint code = uint(int(x[args.a_base + row * args.pitch + k])) & 0xFFu;
        halves[t >> 2] |= code << ((t & 3) * 8);
      }
    }
  }
  packed[args.y_base + row * args.words + word] = int64_t(packUint2x32(halves));
}
