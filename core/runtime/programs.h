// Programs: the islands of a plan as plugins compiled them, with the cache before the compiler.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/plan/plan.h"
#include "core/runtime/program_cache.h"

namespace weft::runtime {

// One program per island of a plan, in the same order.
struct Programs {
  std::vector<host::ProgramPtr> programs;
  uint64_t compiled = 0;  // without a blob
  uint64_t cached = 0;    // from a blob
  uint64_t constant_bytes = 0;
  std::string identity;  // of all islands with their plugins and drivers; empty without a cache
  bool deterministic = true;           // every plugin says that its program is
  std::vector<int64_t> scratch_bytes;  // most that any program of a domain wants
};

// Compiles the islands of `plan`, or takes them from `cache`; what was compiled is filed there. A
// cache that cannot be written is logged and goes on without.
Result<std::unique_ptr<Programs>> prepare(const plan::Plan& plan,
                                          std::span<const host::DevicePtr> devices,
                                          const ProgramCache& cache);

}  // namespace weft::runtime
