// Finding Vulkan's functions, and saying what its results mean; see vk.h.
#include "plugins/vulkan_npu/vk.h"

#include <dlfcn.h>

namespace weft::vulkan_npu {

using plugin::Failure;

PFN_vkGetInstanceProcAddr open_loader(Vk& vk) {
  void* library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw Failure(WEFT_E_UNSUPPORTED,
                  "the Vulkan loader (libvulkan.so.1) is not installed; on Debian the package "
                  "libvulkan1 has it, and mesa-vulkan-drivers a driver in software");
  const auto get =
      reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
  if (!get)
    throw Failure(WEFT_E_UNSUPPORTED, "libvulkan.so.1 is no Vulkan loader: a function is missing");
#define VK_LOADER(name) vk.name = reinterpret_cast<PFN_vk##name>(get(nullptr, "vk" #name));
#define VK_INSTANCE(name)
#define VK_EXTENSION(name)
#include "plugins/vulkan_npu/functions.def"
#undef VK_LOADER
#undef VK_INSTANCE
#undef VK_EXTENSION
  if (!vk.EnumerateInstanceVersion || !vk.CreateInstance ||
      !vk.EnumerateInstanceExtensionProperties)
    throw Failure(WEFT_E_UNSUPPORTED,
                  "the Vulkan loader is older than Vulkan 1.2, which is needed");
  return get;
}

void load_functions(Vk& vk, PFN_vkGetInstanceProcAddr get, VkInstance instance) {
#define VK_LOADER(name)
#define VK_EXTENSION(name) vk.name = reinterpret_cast<PFN_vk##name>(get(instance, "vk" #name));
#define VK_INSTANCE(name)             \
  VK_EXTENSION(name)                  \
  if (!vk.name)                       \
    throw Failure(WEFT_E_UNSUPPORTED, \
                  "the Vulkan loader has no vk" #name ", which Vulkan 1.2 defines");
#include "plugins/vulkan_npu/functions.def"
#undef VK_LOADER
#undef VK_INSTANCE
#undef VK_EXTENSION
}

std::string result_name(VkResult result) {
  switch (result) {
#define NAMED(name) \
  case name:        \
    return #name;
    NAMED(VK_SUCCESS)
    NAMED(VK_NOT_READY)
    NAMED(VK_TIMEOUT)
    NAMED(VK_INCOMPLETE)
    NAMED(VK_ERROR_OUT_OF_HOST_MEMORY)
    NAMED(VK_ERROR_OUT_OF_DEVICE_MEMORY)
    NAMED(VK_ERROR_INITIALIZATION_FAILED)
    NAMED(VK_ERROR_DEVICE_LOST)
    NAMED(VK_ERROR_MEMORY_MAP_FAILED)
    NAMED(VK_ERROR_LAYER_NOT_PRESENT)
    NAMED(VK_ERROR_EXTENSION_NOT_PRESENT)
    NAMED(VK_ERROR_FEATURE_NOT_PRESENT)
    NAMED(VK_ERROR_INCOMPATIBLE_DRIVER)
    NAMED(VK_ERROR_TOO_MANY_OBJECTS)
    NAMED(VK_ERROR_OUT_OF_POOL_MEMORY)
    NAMED(VK_ERROR_INVALID_EXTERNAL_HANDLE)
    NAMED(VK_ERROR_FRAGMENTATION)
    NAMED(VK_ERROR_INVALID_SHADER_NV)
#undef NAMED
    default:
      return "VkResult " + std::to_string(int(result));
  }
}

weft_status status_of(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
      return WEFT_E_OUT_OF_MEMORY;
    case VK_ERROR_DEVICE_LOST:
      return WEFT_E_DEVICE_LOST;
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT:
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return WEFT_E_UNSUPPORTED;
    default:
      return WEFT_E_INTERNAL;
  }
}

void check(VkResult result, const char* call) {
  if (result < 0) throw Failure(status_of(result), std::string(call) + ": " + result_name(result));
}

}  // namespace weft::vulkan_npu
