// What a dispatch is told (plugins/vulkan_npu/kernels.h, Arguments).
layout(push_constant) uniform Arguments {
  uint rows;         // of this dispatch
  uint columns;      // of the whole matrix
  uint words;        // 8 codes each, of a row
  uint first_panel;  // of this dispatch
  uint a_base;       // where the first operand begins, in elements or words
  uint y_base;       // where the result begins
  int y_zero;
  uint pitch;        // codes of a row to pack
  uint count;        // elements of this dispatch
  uint b_base;       // where the second operand begins
  int a_zero;
  int b_zero;
  float a_scale;
  float b_scale;
  float y_inverse;   // 1 / scale of the result, about
  uint adds;         // binary.comp: 1 adds, 0 multiplies
  uint by_rows;      // products: 1: neighbouring workgroups share columns, 0: rows
} args;
