// Who multiplies with the weights, and the copies of weights, as --json of run and explain have
// them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/linear_share.h"

namespace weft::cli {

// {"prefill": [{"backend", "multiply_adds", "share"}, ...], "decode": [...]}: of a run at the chunk
// size with the logits of one token, and of one token.
nlohmann::ordered_json linears_json(const EnginePlan& plan);
// "99.9 % on vulkan_npu, 0.1 % on cpu", of a prompt.
std::string linears_line(const EnginePlan& plan);
// [{"backend", "type", "order", "tensors", "bytes"}, ...]
nlohmann::ordered_json weight_copies_json(const EnginePlan& plan);

}  // namespace weft::cli
