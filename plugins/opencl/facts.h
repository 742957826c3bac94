// What the platforms offer: every device of every platform, with what was asked of it once.
//
// The list is ordered GPUs first, then accelerators, then processors, so that device 0 is the one a
// user means by "opencl"; within a kind it keeps the order of the loader.
#pragma once

#include <CL/cl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/opencl/limits.h"

namespace weft::opencl {

struct DeviceFacts {
  cl_platform_id platform = nullptr;
  cl_device_id id = nullptr;
  std::string name;
  std::string extensions;       // names between spaces
  uint32_t version = 12;        // of OpenCL, times ten
  std::string driver;           // platform and driver versions: what a stored program depends on
  bool is_processor = false;    // CL_DEVICE_TYPE_CPU: vector kernels, memory of the host
  bool unified_memory = false;  // the device works on the host's memory
  // Host and device see each other's writes without mapping, so host pointers can be shared.
  bool coherent = false;
  bool halves = false;          // cl_khr_fp16: arithmetic, not only storage
  bool exact_division = false;  // of f32: rounded correctly
  bool integer_dot = false;     // cl_khr_integer_dot_product
  uint64_t memory = 0;
  Limits limits;

  bool has(const std::string& extension) const {
    return (" " + extensions + " ").find(" " + extension + " ") != std::string::npos;
  }
};

// Empty when there is none; then `why` says so in one sentence. [any thread]
std::vector<DeviceFacts> list_devices(std::string& why);

}  // namespace weft::opencl
