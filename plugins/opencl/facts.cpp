// Queries of platforms and devices; see facts.h.
#include "plugins/opencl/facts.h"

#include <algorithm>
#include <cstdio>

#include "plugins/opencl/cl_handle.h"

namespace weft::opencl {

namespace {

// A value the device does not know reads as zero.
template <typename T>
T number(cl_device_id device, cl_device_info what) {
  T value{};
  if (clGetDeviceInfo(device, what, sizeof value, &value, nullptr) != CL_SUCCESS) return T{};
  return value;
}

std::string words(cl_device_id device, cl_device_info what) {
  char buffer[256] = {};
  if (clGetDeviceInfo(device, what, sizeof buffer - 1, buffer, nullptr) != CL_SUCCESS) return "";
  return buffer;
}

// As long as it may be.
std::string long_words(cl_device_id device, cl_device_info what) {
  size_t size = 0;
  if (clGetDeviceInfo(device, what, 0, nullptr, &size) != CL_SUCCESS || size == 0) return "";
  std::string out(size, '\0');
  if (clGetDeviceInfo(device, what, size, out.data(), nullptr) != CL_SUCCESS) return "";
  return out.c_str();
}

// "OpenCL 3.0 and more" is 30; what cannot be read is 12, the least there is.
uint32_t version_of(const std::string& words) {
  unsigned major = 0, minor = 0;
  if (std::sscanf(words.c_str(), "OpenCL %u.%u", &major, &minor) != 2) return 12;
  return major * 10 + minor;
}

std::string words(cl_platform_id platform, cl_platform_info what) {
  char buffer[256] = {};
  if (clGetPlatformInfo(platform, what, sizeof buffer - 1, buffer, nullptr) != CL_SUCCESS)
    return "";
  return buffer;
}

DeviceFacts describe(cl_platform_id platform, cl_device_id device) {
  DeviceFacts facts;
  facts.platform = platform;
  facts.id = device;
  facts.name = words(device, CL_DEVICE_NAME);
  facts.driver = words(platform, CL_PLATFORM_VERSION) + ", " + words(device, CL_DRIVER_VERSION);
  facts.extensions = long_words(device, CL_DEVICE_EXTENSIONS);
  facts.version = version_of(words(device, CL_DEVICE_VERSION));
  facts.is_processor = number<cl_device_type>(device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU;
  facts.unified_memory = number<cl_bool>(device, CL_DEVICE_HOST_UNIFIED_MEMORY) == CL_TRUE;
  const auto svm = number<cl_device_svm_capabilities>(device, CL_DEVICE_SVM_CAPABILITIES);
  facts.coherent =
      facts.unified_memory && (facts.is_processor || (svm & CL_DEVICE_SVM_FINE_GRAIN_BUFFER) != 0);
  facts.halves = facts.has("cl_khr_fp16");
  facts.integer_dot = facts.has("cl_khr_integer_dot_product");
  facts.exact_division = number<cl_device_fp_config>(device, CL_DEVICE_SINGLE_FP_CONFIG) &
                         CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
  facts.memory = number<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE);
  Limits& limits = facts.limits;
  limits.allocation_bytes = number<cl_ulong>(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  limits.alignment_bytes =
      std::max<uint64_t>(number<cl_uint>(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8, 1);
  limits.local_bytes = number<cl_ulong>(device, CL_DEVICE_LOCAL_MEM_SIZE);
  limits.work_group = number<size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
  return facts;
}

// Kinds in the order of preference.
constexpr cl_device_type kKinds[] = {CL_DEVICE_TYPE_GPU, CL_DEVICE_TYPE_ACCELERATOR,
                                     CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_CUSTOM};

}  // namespace

std::vector<DeviceFacts> list_devices(std::string& why) {
  cl_uint count = 0;
  const cl_int asked = clGetPlatformIDs(0, nullptr, &count);
  if (asked != CL_SUCCESS || count == 0) {
    why = text("no OpenCL platform is installed (%s); a driver's ICD makes one appear",
               error_name(asked).c_str());
    return {};
  }
  std::vector<cl_platform_id> platforms(count);
  check(clGetPlatformIDs(count, platforms.data(), nullptr), "clGetPlatformIDs");
  std::vector<DeviceFacts> found;
  std::string refused;
  for (const cl_device_type kind : kKinds) {
    for (cl_platform_id platform : platforms) {
      cl_uint devices = 0;
      const cl_int code = clGetDeviceIDs(platform, kind, 0, nullptr, &devices);
      if (code != CL_SUCCESS && kind == CL_DEVICE_TYPE_CPU)
        refused += " " + words(platform, CL_PLATFORM_NAME) + ": " + error_name(code) + ";";
      if (code != CL_SUCCESS || devices == 0) continue;
      std::vector<cl_device_id> ids(devices);
      check(clGetDeviceIDs(platform, kind, devices, ids.data(), nullptr), "clGetDeviceIDs");
      for (cl_device_id id : ids) found.push_back(describe(platform, id));
    }
  }
  if (found.empty()) {
    why = text(
        "the OpenCL platforms offer no device:%s a driver whose cache folder cannot be "
        "written (POCL_CACHE_DIR) offers none either",
        refused.c_str());
  }
  return found;
}

}  // namespace weft::opencl
