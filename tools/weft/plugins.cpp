// weft plugins list | probe: which plugins there are, what they have, and why one is not used.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/host/discovery.h"
#include "core/host/probe.h"
#include "core/runtime/program_cache.h"
#include "tools/weft/driver_environment.h"
#include "tools/weft/try_plugin.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

using nlohmann::ordered_json;

struct PluginFlags {
  std::vector<std::filesystem::path> files;
  bool json = false;
};

const char* name_of(host::Verdict verdict) {
  switch (verdict) {
    case host::Verdict::accepted:
      return "accepted";
    case host::Verdict::duplicate:
      return "duplicate";
    default:
      return "refused";
  }
}

Status list(const PluginFlags& flags) {
  const auto candidates = host::discover(host::usual_places(flags.files));
  ordered_json rows = ordered_json::array();
  for (const host::Candidate& candidate : candidates) {
    if (flags.json) {
      ordered_json row = {{"path", candidate.path.string()},
                          {"source", candidate.source},
                          {"verdict", name_of(candidate.verdict)},
                          {"why", candidate.why}};
      if (candidate.note) row["abi"] = {candidate.note->major, candidate.note->minor};
      rows.push_back(std::move(row));
    } else {
      std::printf("%-10s%s%s%s\n", name_of(candidate.verdict), candidate.path.c_str(),
                  candidate.why.empty() ? "" : ": ", candidate.why.c_str());
    }
  }
  if (flags.json) std::printf("%s\n", rows.dump(2).c_str());
  if (candidates.empty()) {
    return Error{
        "no plugin was found; they are looked for in --plugin, WEFT_PLUGIN_PATH and "
        "<prefix>/lib/weft/plugins",
        ErrorKind::plugin};
  }
  return {};
}

ordered_json to_json(const host::ProbeReport& report) {
  ordered_json devices = ordered_json::array();
  for (const host::DeviceInfo& device : report.devices) {
    devices.push_back({{"index", device.index},
                       {"name", device.name},
                       {"driver", device.driver},
                       {"memory_total", device.memory_total}});
  }
  return {{"path", report.path.string()},
          {"verdict", host::name_of(report.verdict)},
          {"why", report.why},
          {"name", report.name},
          {"vendor", report.vendor},
          {"build", report.build},
          {"abi", {report.abi_major, report.abi_minor}},
          {"devices", devices}};
}

// Loads each plugin in a child process: one that crashes or hangs is reported, and this goes on.
Status probe(const PluginFlags& flags) {
  ordered_json rows = ordered_json::array();
  size_t usable = 0;
  const auto candidates = host::discover(host::usual_places(flags.files));
  std::vector<std::string> names;
  for (const host::Candidate& candidate : candidates) {
    const std::string stem = candidate.path.stem().string();
    names.push_back(stem.starts_with("weft_") ? stem.substr(5) : stem);
  }
  prepare_driver_environment(names, 0, runtime::default_cache_folder());
  for (const host::Candidate& candidate : candidates) {
    if (candidate.verdict == host::Verdict::duplicate) continue;
    host::ProbeReport report;
    report.path = candidate.path;
    report.why = candidate.why;
    if (candidate.verdict == host::Verdict::accepted) {
      report = host::probe_in_child(candidate.path, probe_limit());
    }
    usable += report.verdict == host::ProbeVerdict::usable;
    if (flags.json) {
      rows.push_back(to_json(report));
    } else {
      std::printf("%s\n", host::describe(report).c_str());
    }
  }
  if (flags.json) std::printf("%s\n", rows.dump(2).c_str());
  if (usable > 0) return {};
  return Error{"no plugin is usable", ErrorKind::plugin};
}

}  // namespace

void add_plugins(Program& program) {
  auto* verb = program.app.add_subcommand("plugins", "List or probe the backend plugins");
  verb->require_subcommand(1);
  auto flags = std::make_shared<PluginFlags>();
  const auto add = [&](const char* name, const char* help, Status (*action)(const PluginFlags&)) {
    auto* sub = verb->add_subcommand(name, help);
    sub->add_option("--plugin", flags->files, "A plugin file besides those found");
    sub->add_flag("--json", flags->json, "JSON on stdout");
    sub->callback([&program, flags, action] { program.finish(action(*flags)); });
  };
  add("list", "Every candidate and why it is used or not; nothing is loaded", list);
  add("probe", "Load each one in a child process and say what it has", probe);
}

}  // namespace weft::cli
