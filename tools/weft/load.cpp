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

namespace weft::cli {

namespace {

const Clock::time_point kProcessStart = Clock::now();

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
  const bool mixed = engine.placement().rows.size() > 1 || !engine.placement().missing.empty();
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
  host::HostOptions options;
  options.threads = flags.threads;
  const auto services = host::HostServices::create(options);
  std::vector<host::PluginPtr> plugins;
  for (const host::Candidate& candidate : host::discover(host::usual_places(flags.plugins))) {
    if (candidate.verdict == host::Verdict::refused) {
      log::warn("plugin {} is not used: {}", candidate.path.string(), candidate.why);
    }
    if (candidate.verdict != host::Verdict::accepted || !may_hold(candidate.path, wanted)) continue;
    auto plugin = host::load(candidate.path, services);
    if (plugin.ok()) {
      plugins.push_back(std::move(*plugin));
    } else {
      std::fprintf(stderr, "weft: %s\n", plugin.error().message.c_str());
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

Result<Loaded> load(const Flags& flags, int64_t capacity) {
  Loaded out;
  out.plugins = load_plugins(flags);
  say_step("reading the model");
  const auto import_start = Clock::now();
  ir::Graph graph = TRY(onnx::import(flags.model));
  out.timings.import_ms = ms_since(import_start);

  say_step("preparing the model");
  const auto prepare_start = Clock::now();
  EngineOptions options;
  options.backends = flags.backends;
  options.prefill = flags.prefill;
  options.decode = flags.decode;
  options.require = flags.require;
  options.capacity = capacity;
  options.chunk = std::min(flags.chunk, capacity);
  if (!flags.no_cache) options.cache_folder = runtime::default_cache_folder();
  out.engine = TRY(Engine::build(std::move(graph), out.plugins, std::move(options)));
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

double since_start_ms() { return ms_since(kProcessStart); }

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
