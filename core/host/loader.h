// Loads plugins: the only place where foreign code enters the process.
//
//   file checks (discovery.h) -> dlopen -> weft_plugin_entry -> checks of the table -> Plugin
//
// A library is loaded once and never unloaded: its threads and destructors may outlive its last
// user. Symbols are bound at once and stay local to it, so an undefined symbol fails here and two
// plugins cannot see each other's. When the last object of a plugin goes, its shutdown() runs;
// loading the file again calls the entry again.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "core/base/result.h"
#include "core/host/plugin.h"

namespace weft::host {

// The plugin in `path`, or the one already running from the same file: that one keeps the services
// it was started with. The error (ErrorKind::plugin) names the file and what is wrong with it: a
// failed file check, dlopen's own text, the sentence of an entry that refuses, a version other than
// asked for, a missing function, or a name that another running plugin has. Threads: any; loading
// is serialised.
Result<PluginPtr> load(const std::filesystem::path& path, std::shared_ptr<HostServices> services);

// Held while the process forks, so that the child does not inherit a loader that another thread is
// in the middle of.
std::unique_lock<std::mutex> lock_loader();

}  // namespace weft::host
