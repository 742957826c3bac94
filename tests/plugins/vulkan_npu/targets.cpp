// The backend of test_vulkan_npu: on memory of its own, as an NPU.
#include "tests/plugins/targets.h"
#include "tests/pin_vulkan_driver.h"

namespace weft::test {

std::vector<Target> targets() {
  return {{"own", "vulkan_npu", {}, /*shares_memory=*/false, true, /*runs_floats=*/false}};
}

}  // namespace weft::test
