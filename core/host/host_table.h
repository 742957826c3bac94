// What the host gives to plugins: log, threads, a name, a cache folder.
//
//   HostServices   one per process or engine: the pool, and the texts the tables point to
//   HostTable      one per loaded plugin: the weft_host it sees; lines it logs carry its name
//
// Threads: the functions of the table may be called from any thread (weft/plugin.h).
#pragma once

#include <weft/plugin.h>

#include <memory>
#include <string>

#include "core/host/threads.h"

namespace weft::host {

struct HostOptions {
  int threads = 0;        // 0 = default_thread_count()
  std::string cache_dir;  // for plugins' own files; empty = none
  // Plugins' lines go to stderr with write(2), all of them: for a forked child, where another
  // thread may have held the logger's lock.
  bool plain_log = false;
};

class HostServices {
 public:
  static std::shared_ptr<HostServices> create(const HostOptions& options = {});

  ThreadPool& threads() { return threads_; }
  const std::string& cache_dir() const { return cache_dir_; }
  bool plain_log() const { return plain_log_; }

 private:
  explicit HostServices(const HostOptions& options);

  ThreadPool threads_;
  std::string cache_dir_;
  bool plain_log_;
};

// The table of one plugin; it keeps the services alive, and lives as long as the plugin does.
class HostTable {
 public:
  HostTable(std::shared_ptr<HostServices> services, std::string plugin_label);
  HostTable(const HostTable&) = delete;  // the table points to this object
  HostTable& operator=(const HostTable&) = delete;

  const weft_host& table() const { return table_; }
  // What stands before its lines in the log; called before any other thread knows the plugin.
  void set_label(std::string label) { label_ = std::move(label); }

 private:
  static HostTable& self(void* ctx) { return *static_cast<HostTable*>(ctx); }
  static void WEFT_CALL log(void* ctx, uint32_t level, const char* utf8);
  static weft_status WEFT_CALL parallel_for(void* ctx, uint32_t n, JobFn fn, void* arg);
  static weft_status WEFT_CALL run_team(void* ctx, uint32_t n, JobFn fn, void* arg);
  static const void* WEFT_CALL get_extension(void* ctx, const char* id);

  std::shared_ptr<HostServices> services_;
  std::string label_;
  weft_host table_{};
};

}  // namespace weft::host
