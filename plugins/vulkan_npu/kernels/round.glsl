// Reals to codes, exactly: binding 3 has the least real of every code (plugins/vulkan_npu/rounding.h).
layout(set = 0, binding = 3, std430) readonly buffer Least { float least[]; };

int round_to_code(float v) {
  // What is no number has the code of 0.
  if ((floatBitsToUint(v) & 0x7fffffffu) > 0x7f800000u) return clamp(args.y_zero, -128, 127);
  const float about = roundEven(clamp(v * args.y_inverse, -1024.0, 1024.0));
  int code = clamp(int(about) + args.y_zero, -128, 127);
  if (v < least[code + 128]) {
    code -= 1;
  } else if (v >= least[code + 129]) {
    code += 1;
  }
  return clamp(code, -128, 127);
}
