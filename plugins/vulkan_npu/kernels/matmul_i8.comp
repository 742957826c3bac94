// QLinearMatMul: the sums in steps of the result, i8 [rows, columns].
//
//   step   f32 [columns]: a_scale * b_scale / y_scale, rounded as the op's definition rounds it
//
// The one multiplication must round to nearest even, so that the codes are those of every other
// implementation; the execution mode asks for it, and no rearrangement is allowed (precise).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_spirv_intrinsics : require

// RoundingModeRTE for 32 bits (SPV_KHR_float_controls, core in SPIR-V 1.4).
spirv_execution_mode(capabilities = [4467], 4462, 32);

layout(set = 0, binding = 2, std430) writeonly buffer Result { int8_t y[]; };
layout(set = 0, binding = 3, std430) readonly buffer Steps { float step_of[]; };

void store_sum(uint row, uint column, int sum);
#include "plugins/vulkan_npu/kernels/gemm.glsl"

void store_sum(uint row, uint column, int sum) {
  precise const float real = float(sum) * step_of[column];
  // Within [-2^20, 2^20] first, so that the conversion is defined; both ends saturate anyway.
  const int whole = int(roundEven(clamp(real, -1048576.0, 1048576.0)));
  y[args.y_base + row * args.columns + column] = int8_t(clamp(whole + args.y_zero, -128, 127));
}
