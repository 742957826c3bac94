#include "tools/weft/try_plugin.h"

#include <cstdlib>
#include <fstream>

#include "core/base/hash.h"
#include "core/base/mapped_file.h"
#include "core/host/probe.h"

namespace weft::cli {

namespace {

// The empty file that says that this very file has passed; no path where that cannot be known.
std::filesystem::path mark_of(const std::filesystem::path& plugin,
                              const std::filesystem::path& cache) {
  const auto file = MappedFile::open(plugin);
  if (cache.empty() || !file.ok()) return {};
  const FileIdentity& id = (*file)->identity();
  const uint64_t key[] = {id.device, id.inode, id.size, uint64_t(id.modified_ns),
                          uint64_t(id.changed_ns)};
  return cache / (hex(hash128(std::as_bytes(std::span(key)))) + ".probed");
}

}  // namespace

std::chrono::milliseconds probe_limit() {
  const char* seconds = std::getenv("WEFT_PROBE_SECONDS");
  const long given = seconds ? std::strtol(seconds, nullptr, 10) : 0;
  return std::chrono::seconds(given > 0 && given < 3600 ? given : 20);
}

std::string why_not_usable(const std::filesystem::path& plugin,
                           const std::filesystem::path& cache) {
  const std::filesystem::path mark = mark_of(plugin, cache);
  std::error_code ignored;
  if (!mark.empty() && std::filesystem::exists(mark, ignored)) return {};
  const host::ProbeReport report = host::probe_in_child(plugin, probe_limit());
  if (report.verdict == host::ProbeVerdict::usable) {
    if (!mark.empty()) {
      std::filesystem::create_directories(cache, ignored);
      std::ofstream(mark).flush();
    }
    return {};
  }
  // A refusal names the file; how a child ended does not.
  if (report.verdict == host::ProbeVerdict::refused) return report.why;
  return "plugin file '" + plugin.string() + "': when it was tried in a process of its own, " +
         report.why;
}

}  // namespace weft::cli
