// Planning again when a device has failed; see engine_plan.h.
#include <algorithm>

#include "core/engine_plan.h"

namespace weft {

Result<std::unique_ptr<EnginePlan>> EnginePlan::without(const Error& failure) const {
  const auto failed = std::find_if(devices_.begin(), devices_.end(), [&](const auto& device) {
    return failure.message.find("plugin '" + device->plugin()->name() + "': ") != std::string::npos;
  });
  if (failed == devices_.end())
    return Error{"the failure is of no device of this plan", ErrorKind::plugin};
  const std::string& name = (*failed)->plugin()->name();
  if ((*failed)->info().type == WEFT_DEV_CPU)
    return Error{"'" + name + "' computes on the processor, and nothing else would do better",
                 ErrorKind::plugin};
  if (options_.require == name) return Error{"'" + name + "' is required", ErrorKind::placement};
  std::unique_ptr<EnginePlan> out(new EnginePlan);
  out->options_ = options_;
  EngineOptions& options = out->options_;
  const bool prefill = !options.prefill.empty(), decode = !options.decode.empty();
  for (auto* list : {&options.backends, &options.prefill, &options.decode}) std::erase(*list, name);
  // An empty list would mean the general one.
  if (prefill && options.prefill.empty()) options.prefill = options.decode;
  if (decode && options.decode.empty()) options.decode = options.prefill;
  out->graph_ = graph_;
  out->rewrites_ = rewrites_;
  out->placement_.missing = placement_.missing;
  for (const host::DevicePtr& device : devices_)
    if (device != *failed) out->devices_.push_back(device);
  out->find_domains();
  const auto& for_prompts = options.prefill.empty() ? options.backends : options.prefill;
  const auto& for_tokens = options.decode.empty() ? options.backends : options.decode;
  out->prefill_ = TRY(out->plan_for(for_prompts, out->prefill_placement_));
  if (for_tokens != for_prompts)
    out->decode_ = TRY(out->plan_for(for_tokens, out->decode_placement_));
  out->placement_.missing.push_back("backend '" + name + "' has failed (" + failure.message +
                                    ") and is given up: " + out->placement_.line());
  return out;
}

}  // namespace weft
