// MatMulInteger: the sums as they are, i32 [rows, columns].
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(set = 0, binding = 2, std430) writeonly buffer Result { int y[]; };

void store_sum(uint row, uint column, int sum);
#include "plugins/vulkan_npu/kernels/gemm.glsl"

void store_sum(uint row, uint column, int sum) {
  y[args.y_base + row * args.columns + column] = sum;
}
