// The C functions behind weft_host; see host_table.h.
#include "core/host/host_table.h"

#include <unistd.h>

#include "core/base/log.h"

namespace weft::host {

HostServices::HostServices(const HostOptions& options)
    : threads_(options.threads > 0 ? options.threads : default_thread_count()),
      cache_dir_(options.cache_dir),
      plain_log_(options.plain_log) {}

std::shared_ptr<HostServices> HostServices::create(const HostOptions& options) {
  return std::shared_ptr<HostServices>(new HostServices(options));
}

HostTable::HostTable(std::shared_ptr<HostServices> services, std::string plugin_label)
    : services_(std::move(services)), label_(std::move(plugin_label)) {
  table_.struct_size = sizeof table_;
  table_.version_major = WEFT_VERSION_MAJOR;
  table_.version_minor = WEFT_VERSION_MINOR;
  table_.thread_count = uint32_t(services_->threads().size());
  table_.ctx = this;
  table_.name = "weft 0.1.0";
  table_.cache_dir = services_->cache_dir().empty() ? nullptr : services_->cache_dir().c_str();
  table_.log = log;
  table_.parallel_for = parallel_for;
  table_.run_team = run_team;
  table_.get_extension = get_extension;
}

static log::Level level_of(uint32_t level) {
  switch (level) {
    case WEFT_LOG_ERROR:
      return log::Level::error;
    case WEFT_LOG_WARN:
      return log::Level::warn;
    case WEFT_LOG_INFO:
      return log::Level::info;
    default:
      return log::Level::debug;
  }
}

void HostTable::log(void* ctx, uint32_t level, const char* utf8) {
  // Nothing may unwind into the plugin; a line that finds no memory is lost.
  try {
    if (self(ctx).services_->plain_log()) {
      const std::string line = self(ctx).label_ + ": " + (utf8 ? utf8 : "") + "\n";
      if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
      return;
    }
    log::print(level_of(level), "{}: {}", self(ctx).label_, utf8 ? utf8 : "");
  } catch (...) {
  }
}

weft_status HostTable::parallel_for(void* ctx, uint32_t n, JobFn fn, void* arg) {
  return self(ctx).services_->threads().parallel_for(n, fn, arg);
}

weft_status HostTable::run_team(void* ctx, uint32_t n, JobFn fn, void* arg) {
  return self(ctx).services_->threads().run_team(n, fn, arg);
}

// The host has no extension: every id is unknown.
const void* HostTable::get_extension(void*, const char*) { return nullptr; }

}  // namespace weft::host
