#include "tools/weft/driver_environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/log.h"
#include "core/host/threads.h"

namespace weft::cli {

namespace {

void set_unless_set(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 0);
}

// Backends that compute on the host's own threads and load no driver.
bool has_no_driver(const std::string& backend) {
  return backend == "cpu" || backend == "reference" || backend == "null";
}

// A folder that drivers cannot write makes some of them offer no device, so it is not named then.
void set_folder(const char* name, const std::filesystem::path& folder) {
  if (std::getenv(name)) return;
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed || ::access(folder.c_str(), W_OK) != 0) {
    log::warn("{} is not used for compiled kernels: it cannot be written", folder.string());
    return;
  }
  set_unless_set(name, folder.string());
}

}  // namespace

void prepare_driver_environment(std::span<const std::string> backends, int threads,
                                const std::filesystem::path& cache) {
  if (std::all_of(backends.begin(), backends.end(), has_no_driver)) return;
  const std::string count = std::to_string(threads > 0 ? threads : host::default_thread_count());
  set_unless_set("POCL_MAX_PTHREAD_COUNT", count);
  set_unless_set("LP_NUM_THREADS", count);
  set_unless_set("POCL_WORK_GROUP_SPECIALIZATION", "0");
  if (cache.empty()) return;
  set_folder("POCL_CACHE_DIR", cache / "drivers" / "pocl");
  set_folder("MESA_SHADER_CACHE_DIR", cache / "drivers" / "mesa");
}

}  // namespace weft::cli
