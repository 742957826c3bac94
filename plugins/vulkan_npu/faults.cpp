// When to fail; see faults.h.
#include "plugins/vulkan_npu/faults.h"

#include <charconv>

namespace weft::vulkan_npu {

using plugin::Failure;

Faults::Plan Faults::parse(const std::string& value) {
  const size_t colon = value.find(':');
  const std::string kind = value.substr(0, colon);
  if (kind == "compile" && colon == std::string::npos) return {Kind::compile, 0};
  Plan plan;
  if (kind == "memory") plan.kind = Kind::memory;
  if (kind == "execute") plan.kind = Kind::execute;
  if (kind == "lost") plan.kind = Kind::lost;
  const std::string count = colon == std::string::npos ? "" : value.substr(colon + 1);
  const char* end = count.data() + count.size();
  const auto [stop, fault] = std::from_chars(count.data(), end, plan.after);
  if (plan.kind == Kind::none || fault != std::errc() || stop != end || count.empty())
    throw Failure(WEFT_E_INVALID,
                  "option fail is '" + value +
                      "'; compile, memory:N, execute:N and lost:N are what it can be");
  return plan;
}

void Faults::fail_if_lost() const {
  if (lost_) throw Failure(WEFT_E_DEVICE_LOST, "the device is lost, as option fail asks");
}

void Faults::on_compile() const {
  fail_if_lost();
  if (plan_.kind == Kind::compile)
    throw Failure(WEFT_E_INTERNAL, "compiling fails, as option fail asks");
}

void Faults::on_allocation() {
  fail_if_lost();
  if (plan_.kind == Kind::memory && allocations_++ >= plan_.after)
    throw Failure(WEFT_E_OUT_OF_MEMORY, "there is no memory left, as option fail asks");
}

void Faults::on_run() {
  if (plan_.kind != Kind::execute && plan_.kind != Kind::lost) return;
  fail_if_lost();
  if (runs_++ != plan_.after) return;
  lost_ = plan_.kind == Kind::lost;
  fail_if_lost();
  throw Failure(WEFT_E_INTERNAL, "this run fails, as option fail asks");
}

}  // namespace weft::vulkan_npu
