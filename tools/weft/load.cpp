#include "tools/weft/load.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "core/base/log.h"
#include "core/host/discovery.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"
#include "tools/weft/clock.h"
#include "tools/weft/driver_environment.h"
#include "tools/weft/printable.h"
#include "tools/weft/try_plugin.h"

namespace weft::cli {

namespace {

// "weft_cpu.so" holds the plugin "cpu"; any other file name says nothing and is loaded to find out.
bool may_hold(const std::filesystem::path& path, const std::vector<std::string>& wanted) {
  const std::string stem = path.stem().string();
  if (!stem.starts_with("weft_")) return true;
  return std::find(wanted.begin(), wanted.end(), stem.substr(5)) != wanted.end();
}

// One line that says what takes time, on a terminal only; the next one replaces it.
void say_step(const char* step) {
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\033[K%s", step);
}

void say_placement(const Engine& engine) {
  for (const std::string& missing : engine.placement().missing) {
    std::fprintf(stderr, "weft: %s\n", missing.c_str());
  }
  const bool mixed = engine.placement().rows.size() > 1 || !engine.placement().missing.empty() ||
                     !engine.placement().reasons.empty();
  if (!mixed && !isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "weft: %s\n", engine.placement().line().c_str());
  for (const std::string& reason : engine.placement().reasons) {
    std::fprintf(stderr, "weft:   %s\n", reason.c_str());
  }
}

}  // namespace

std::vector<host::PluginPtr> load_plugins(const Flags& flags) {
  std::vector<std::string> wanted = flags.backends;
  wanted.insert(wanted.end(), flags.prefill.begin(), flags.prefill.end());
  wanted.insert(wanted.end(), flags.decode.begin(), flags.decode.end());
  prepare_driver_environment(wanted, flags.threads, runtime::default_cache_folder());
  const std::filesystem::path cache =
      flags.no_cache ? std::filesystem::path() : runtime::default_cache_folder();
  std::vector<std::filesystem::path> paths;
  for (const host::Candidate& candidate : host::discover(host::usual_places(flags.plugins))) {
    if (candidate.verdict == host::Verdict::refused) {
      log::warn("plugin {} is not used: {}", candidate.path.string(), candidate.why);
    }
    if (candidate.verdict != host::Verdict::accepted || !may_hold(candidate.path, wanted)) continue;
    const bool named = candidate.source == "--plugin" || candidate.source == "WEFT_PLUGIN_PATH";
    const std::string why = named ? why_not_usable(candidate.path, cache) : "";
    if (!why.empty()) std::fprintf(stderr, "weft: %s\n", printable(why).c_str());
    if (why.empty()) paths.push_back(candidate.path);
  }
  host::HostOptions options;
  options.threads = flags.threads;
  const auto services = host::HostServices::create(options);
  std::vector<host::PluginPtr> plugins;
  for (const std::filesystem::path& path : paths) {
    auto plugin = host::load(path, services);
    if (plugin.ok()) {
      plugins.push_back(std::move(*plugin));
    } else {
      std::fprintf(stderr, "weft: %s\n", printable(plugin.error().message).c_str());
    }
  }
  return plugins;
}

Result<int64_t> choose_capacity(const Flags& flags, const ModelFolder& folder, int64_t needed) {
  constexpr int64_t kUsual = 2048, kStep = 1024;
  const int64_t longest = folder.longest_context > 0 ? folder.longest_context : INT64_MAX;
  if (flags.context > longest) {
    return Error{"-c " + std::to_string(flags.context) +
                     " is more than the model's longest context, " + std::to_string(longest),
                 ErrorKind::usage};
  }
  const int64_t limit = flags.context > 0 ? flags.context : longest;
  if (needed > limit) {
    return Error{"the prompt has " + std::to_string(needed) + " tokens, but the context holds " +
                     std::to_string(limit) +
                     (flags.context > 0 ? "; a larger -c holds more" : ", the model's longest"),
                 ErrorKind::usage};
  }
  if (flags.context > 0) return flags.context;
  return std::min(std::max(kUsual, (needed + kStep - 1) / kStep * kStep), longest);
}

std::string cache_name(const std::filesystem::path& model) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::weakly_canonical(model, error);
  if (error) path = model.lexically_normal();
  return path.has_filename() ? path.string() : path.parent_path().string();
}

EngineOptions engine_options(const Flags& flags, int64_t capacity) {
  EngineOptions options;
  options.backends = flags.backends;
  options.prefill = flags.prefill;
  options.decode = flags.decode;
  options.require = flags.require;
  // `auto` may compute by how many rows there are; its int8 does not.
  options.compute = flags.strict && flags.compute == "auto" ? "int8" : flags.compute;
  for (const std::string& device : flags.devices)
    if (const auto choice = device_choice(device)) options.devices[choice->first] = choice->second;
  options.courtesy = courtesy(flags);
  options.capacity = capacity;
  options.chunk = std::min(flags.chunk, capacity);
  options.usual_chunk = !flags.chunk_given;
  if (const auto mode = schedule_mode(flags.schedule)) options.schedule.mode = *mode;
  options.schedule.in_flight = flags.in_flight;
  options.key_type = cache_type(flags.cache_key_type);
  options.value_type = cache_type(flags.cache_value_type);
  if (flags.memory == "elastic") options.memory = plan::MemoryPlan::elastic;
  if (!flags.no_cache) options.cache_folder = runtime::default_cache_folder();
  options.cache_limit = runtime::default_cache_limit();
  options.model = cache_name(flags.model);
  return options;
}

Result<Loaded> load(const Flags& flags, int64_t capacity) {
  return load(flags, capacity, load_plugins(flags));
}

Result<Loaded> load(const Flags& flags, int64_t capacity, std::vector<host::PluginPtr> plugins) {
  Loaded out;
  out.plugins = std::move(plugins);
  say_step("reading the model");
  const auto import_start = Clock::now();
  EngineOptions options = engine_options(flags, capacity);
  onnx::ImportOptions import_options;
  import_options.content_memory = options.cache_folder;
  ir::Graph graph = TRY(onnx::import(flags.model, import_options));
  out.timings.import_ms = ms_since(import_start);

  say_step("preparing the model");
  const auto prepare_start = Clock::now();
  auto engine = Engine::build(std::move(graph), out.plugins, std::move(options));
  if (!engine.ok() && engine.error().kind == ErrorKind::model)
    return std::move(engine).error().in(flags.model.string());
  out.engine = TRY(std::move(engine));
  if (flags.strict && !out.engine->deterministic()) {
    return Error{
        "--strict: a backend does not promise results that are equal over threads and chunks (" +
            out.engine->placement().line() + ")",
        ErrorKind::placement};
  }
  out.session = TRY(out.engine->open_session());
  out.timings.prepare_ms = ms_since(prepare_start);
  say_step("");
  say_placement(*out.engine);
  return out;
}

int64_t peak_rss_bytes() {
  // Not getrusage(): its maximum starts with what the parent had resident before exec.
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace weft::cli
