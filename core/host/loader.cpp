// The registry of loaded libraries and the handshake of weft_plugin_entry; see loader.h.
#include "core/host/loader.h"

// Boost.DLL 1.74 needs these four before it when it uses std::filesystem.
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#define BOOST_DLL_USE_STD_FS
#include <dlfcn.h>
#include <sys/stat.h>

#include <boost/dll/shared_library.hpp>
#include <boost/dll/shared_library_load_mode.hpp>
#include <condition_variable>
#include <deque>

#include "core/host/discovery.h"

namespace weft::host {

namespace fs = std::filesystem;
namespace dll = boost::dll;

static Error refused(std::string why) { return Error(std::move(why), ErrorKind::plugin); }

// One library of this process. `running` stays true until shutdown() has returned, which is later
// than the moment `plugin` can no longer be locked.
struct Library {
  dev_t device;
  ino_t inode;
  fs::path path;
  dll::shared_library handle;
  bool running = false;
  std::string name;
  std::weak_ptr<Plugin> plugin;
};

// Never destroyed: a library must not be closed, not even at exit.
struct Registry {
  std::mutex mutex;
  std::condition_variable ended;
  std::deque<Library> libraries;  // addresses are stable
};

static Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

std::unique_lock<std::mutex> lock_loader() { return std::unique_lock(registry().mutex); }

// ---- checks of what the entry filled in

struct Required {
  const char* name;
  size_t offset;
};
#define REQUIRED(member) \
  Required { #member, offsetof(weft_api, member) }
static constexpr Required kRequired[] = {
    REQUIRED(shutdown),     REQUIRED(device_info),     REQUIRED(device_open),
    REQUIRED(device_close), REQUIRED(claim),           REQUIRED(compile),
    REQUIRED(program_info), REQUIRED(program_destroy), REQUIRED(buffer_alloc),
    REQUIRED(buffer_free),  REQUIRED(buffer_map),      REQUIRED(buffer_unmap),
    REQUIRED(queue_create), REQUIRED(queue_destroy),   REQUIRED(execute),
    REQUIRED(event_wait),   REQUIRED(event_destroy),
};
#undef REQUIRED

static Status check_functions(const weft_api& api) {
  for (const Required& required : kRequired) {
    void* function = nullptr;
    std::memcpy(&function, reinterpret_cast<const char*>(&api) + required.offset, sizeof function);
    if (!function)
      return refused(std::string("its table lacks the mandatory function '") + required.name + "'");
  }
  if (!api.event_create != !api.event_signal)
    return refused("its table has one of 'event_create' and 'event_signal'; they come as a pair");
  return {};
}

// The text of a plugin for messages and lists; it may be missing or without an end.
static std::string text_of(const char* text) {
  return text ? std::string(text, ::strnlen(text, 256)) : std::string();
}

static Status check_name(const std::string& name) {
  const bool fits =
      !name.empty() && name.size() <= 64 &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string::npos;
  if (fits) return {};
  return refused("its name '" + name + "' is not 1 to 64 characters of a-z 0-9 _ and '.'");
}

static Status check_version(const weft_api& api) {
  if (api.version_major == WEFT_VERSION_MAJOR && api.version_minor == WEFT_VERSION_MINOR) return {};
  return refused("it answers with ABI " + std::to_string(api.version_major) + "." +
                 std::to_string(api.version_minor) + " where " +
                 std::to_string(WEFT_VERSION_MAJOR) + "." + std::to_string(WEFT_VERSION_MINOR) +
                 " was asked for");
}

// ---- opening

static Result<Library*> open_library(Registry& all, const fs::path& path, const struct stat& file) {
  for (Library& library : all.libraries)
    if (library.device == file.st_dev && library.inode == file.st_ino) return &library;
  dll::shared_library handle;
  // The error code says only that it failed; the reason is in dlerror, until the next call.
  std::error_code failed;
  ::dlerror();
  handle.load(path, dll::load_mode::rtld_now | dll::load_mode::rtld_local, failed);
  if (failed || !handle.is_loaded()) {
    const char* why = ::dlerror();
    return refused(std::string("it cannot be loaded: ") + (why ? why : failed.message().c_str()));
  }
  all.libraries.push_back({file.st_dev, file.st_ino, path, std::move(handle), false, "", {}});
  return &all.libraries.back();
}

// Friend of Plugin: builds one from an open library.
class Loader {
 public:
  // On success the plugin ends itself; on failure it is already ended.
  static Status start(Registry& all, Library& library, Plugin& plugin) {
    if (!library.handle.has(WEFT_ENTRY_SYMBOL))
      return refused("it does not export '" WEFT_ENTRY_SYMBOL "'");
    auto& entry = library.handle.get<weft_status WEFT_CALL(const weft_entry_args*, weft_error*)>(
        WEFT_ENTRY_SYMBOL);
    weft_api& api = plugin.api_;
    api = {};
    api.struct_size = sizeof api;
    const std::string path = library.path.string();
    weft_entry_args args{};
    args.struct_size = sizeof args;
    args.min_major = WEFT_VERSION_MAJOR;
    args.min_minor = WEFT_VERSION_MINOR;
    args.host = &plugin.host_.table();
    args.api = &api;
    args.library_path = path.c_str();
    weft_error error{};
    error.struct_size = sizeof error;
    error.node = WEFT_NONE;
    weft_status status = WEFT_OK;
    try {
      status = entry(&args, &error);
    } catch (...) {  // possible only where both sides share a C++ runtime; else the process ends
      return refused("it throws an exception out of its entry, against rule R6");
    }
    if (status < 0) {
      const std::string why(error.message, ::strnlen(error.message, sizeof error.message));
      return refused("it refuses to start: " +
                     (why.empty() ? "status " + std::to_string(status) : why));
    }
    if (Status fits = check(all, library, plugin); !fits.ok()) {
      if (api.shutdown) api.shutdown(api.self);
      return fits;
    }
    library.running = true;
    library.name = plugin.name_;
    plugin.at_end_ = [&all, &library] {
      const std::lock_guard lock(all.mutex);
      library.running = false;
      all.ended.notify_all();
    };
    return {};
  }

 private:
  static Status check(const Registry& all, const Library& library, Plugin& plugin) {
    TRY(check_version(plugin.api_));
    TRY(check_functions(plugin.api_));
    plugin.name_ = text_of(plugin.api_.name);
    plugin.vendor_ = text_of(plugin.api_.vendor);
    plugin.build_ = text_of(plugin.api_.build);
    TRY(check_name(plugin.name_));
    for (const Library& other : all.libraries)
      if (&other != &library && other.running && other.name == plugin.name_)
        return refused("its name '" + plugin.name_ + "' is taken by the plugin from '" +
                       other.path.string() + "'");
    plugin.host_.set_label(plugin.name_);
    return {};
  }
};

Result<PluginPtr> load(const fs::path& path, std::shared_ptr<HostServices> services) {
  const std::string context = "plugin file '" + path.string() + "'";
  const Candidate candidate = examine(path, "load");
  if (candidate.verdict != Verdict::accepted) return refused(candidate.why).in(context);
  struct stat file {};
  if (::stat(candidate.path.c_str(), &file) != 0)
    return refused("it disappeared while it was examined").in(context);

  Registry& all = registry();
  // Declared before the lock, so that a plugin that is given up ends after the lock is released.
  PluginPtr plugin;
  std::unique_lock lock(all.mutex);
  Library* library = TRY(open_library(all, candidate.path, file), context);
  // A plugin whose last user has gone is still inside shutdown() until `running` is false.
  while (library->running) {
    plugin = library->plugin.lock();
    if (plugin) return plugin;
    all.ended.wait(lock);
  }
  plugin = std::make_shared<Plugin>(candidate.path, std::move(services));
  TRY(Loader::start(all, *library, *plugin), context);
  library->plugin = plugin;
  return plugin;
}

}  // namespace weft::host
