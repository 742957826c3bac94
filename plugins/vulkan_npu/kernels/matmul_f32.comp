// MatMulInteger and the DequantizeLinear of its sums: f32 [rows, columns].
//
//   step   f32 [columns]: what one unit of a sum stands for
//
// The sum is rounded to a float and the one multiplication is rounded to nearest even, as the op's
// definition has it; no rearrangement is allowed (precise).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_spirv_intrinsics : require

// RoundingModeRTE for 32 bits (SPV_KHR_float_controls, core in SPIR-V 1.4).
spirv_execution_mode(capabilities = [4467], 4462, 32);

layout(set = 0, binding = 2, std430) writeonly buffer Result { float y[]; };
layout(set = 0, binding = 3, std430) readonly buffer Steps { float step_of[]; };

void store_sum(uint row, uint column, int sum);
#include "plugins/vulkan_npu/kernels/gemm.glsl"

void store_sum(uint row, uint column, int sum) {
  precise const float real = float(sum) * step_of[column];
  y[args.y_base + row * args.columns + column] = real;
}
