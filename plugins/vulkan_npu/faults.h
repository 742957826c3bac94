// Faults on request, so that tests see what happens when an NPU fails: option `fail`.
//
//   compile     every compile() fails
//   memory:N    there is no memory after N allocations
//   execute:N   run N of the device fails, those before and after do not; counted from 0
//   lost:N      the device is lost at run N: that run and everything later fails
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "weft/plugin.hpp"

namespace weft::vulkan_npu {

class Faults {
 public:
  enum class Kind : uint32_t { none, compile, memory, execute, lost };
  struct Plan {
    Kind kind = Kind::none;
    uint64_t after = 0;
  };
  // Throws Failure (WEFT_E_INVALID) for what is no fault.
  static Plan parse(const std::string& value);

  explicit Faults(const Plan& plan) : plan_(plan) {}
  // Each throws Failure when it is time to. [any thread]
  void on_compile() const;
  void on_allocation();
  void on_run();

 private:
  void fail_if_lost() const;

  const Plan plan_;
  std::atomic<uint64_t> allocations_{0}, runs_{0};
  std::atomic<bool> lost_{false};
};

}  // namespace weft::vulkan_npu
