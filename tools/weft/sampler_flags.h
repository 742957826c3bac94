// How the next token is picked: the flags of the verbs that answer.
#pragma once

#include "core/base/result.h"
#include "core/text/sampler.h"

namespace CLI {
class App;
}

namespace weft::cli {

void add_sampler_flags(CLI::App& verb, text::SamplerOptions& options);
// Refuses values out of range, before anything is loaded.
Status check(const text::SamplerOptions& options);

}  // namespace weft::cli
