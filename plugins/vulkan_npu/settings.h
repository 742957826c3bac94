// What a user can say about this backend, as options of the device or in WEFT_VULKAN_NPU:
//
//   WEFT_VULKAN_NPU="device=1,memory=host,cap=512M"
//
//   device   number of the physical device, as Vulkan counts them; default: the first that is not a
//            processor, else the first
//   memory   own (default): an address space of its own, as an NPU has; host: pages of the host are
//            used in place (VK_EXT_external_memory_host)
//   cap      bytes of that address space, with K, M or G; default 4G
//   tile     for tests: cut products this way, untimed (tuner.h)
//   fail     for tests: which fault there shall be (faults.h)
#pragma once

#include <cstdint>
#include <optional>

#include "plugins/vulkan_npu/faults.h"

namespace weft::vulkan_npu {

struct Settings {
  std::optional<uint32_t> device;
  bool host_memory = false;
  uint64_t cap_bytes = uint64_t{4} << 30;
  Faults::Plan fault;
  std::optional<uint32_t> choice;
};

// From the environment. Throws Failure (WEFT_E_INVALID) for a value that cannot be meant.
Settings settings_from_environment();
// `settings` with one option more; false when the key is unknown. Throws Failure likewise.
bool apply_option(Settings& settings, const std::string& key, const std::string& value);

}  // namespace weft::vulkan_npu
