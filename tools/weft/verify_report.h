// A verification for people and for programs.
#pragma once

#include <string>

#include "tools/weft/verification.h"

namespace weft::cli {

// The version of the document below; it grows when a field changes its meaning or goes.
constexpr int kVerifyVersion = 1;

// A table of islands for each step, and what was found.
std::string verification_text(const VerifyOptions& options, const Verification& verification);
// One object: version, model, backends, tolerance, verdict, steps with their islands, finding.
std::string verification_json(const VerifyOptions& options, const Verification& verification);

}  // namespace weft::cli
