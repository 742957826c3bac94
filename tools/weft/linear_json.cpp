// See linear_json.h.
#include "tools/weft/linear_json.h"

#include <fmt/core.h>

namespace weft::cli {

using Json = nlohmann::ordered_json;

Json linears_json(const EnginePlan& plan) {
  const auto rows = [&](const plan::Plan& phase, int64_t seq) {
    Json out = Json::array();
    for (const LinearShare& one : linear_shares(phase, plan.devices(), seq))
      out.push_back({{"backend", one.backend},
                     {"multiply_adds", int64_t(one.multiply_adds)},
                     {"share", one.share}});
    return out;
  };
  Json out = Json::object();
  out["prefill"] = rows(plan.prefill(), plan.options().chunk);
  out["decode"] = rows(plan.decode(), 1);
  return out;
}

std::string linears_line(const EnginePlan& plan) {
  std::string text;
  for (const LinearShare& one : linear_shares(plan.prefill(), plan.devices(), plan.options().chunk))
    text += fmt::format("{}{:.1f} % on {}", text.empty() ? "" : ", ", one.share * 100, one.backend);
  return text;
}

Json weight_copies_json(const EnginePlan& plan) {
  Json out = Json::array();
  for (const WeightCopies& one : weight_copies(plan))
    out.push_back({{"backend", one.backend},
                   {"type", one.type},
                   {"order", one.order},
                   {"tensors", one.tensors},
                   {"bytes", one.bytes}});
  return out;
}

}  // namespace weft::cli
