// Settings that drivers read from the environment when they are loaded: set here, before any plugin
// is, because a plugin leaves the environment of the process alone.
//
//   POCL_CACHE_DIR, MESA_SHADER_CACHE_DIR   compiled kernels, in Weft's own cache folder
//   POCL_MAX_PTHREAD_COUNT, LP_NUM_THREADS  threads of software devices, as many as -t says
//   POCL_WORK_GROUP_SPECIALIZATION=0        one compiled form per kernel instead of one per size
//
// What the user has set stays as it is.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace weft::cli {

// `backends` are those asked for; without one that may have a driver nothing is set and no folder
// made. `threads` 0: as many as this process may use. `cache` empty: drivers keep their own.
// Call it while the process has one thread.
void prepare_driver_environment(std::span<const std::string> backends, int threads,
                                const std::filesystem::path& cache);

}  // namespace weft::cli
