// What a plugin is and has, found out without trusting it: a child process loads it, so a crash or
// a hang is a finding and not the end of the program that asks.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "core/host/plugin.h"

namespace weft::host {

enum class ProbeVerdict { usable, refused, crashed, hung };

// "usable", "refused", "crashed", "hung".
const char* name_of(ProbeVerdict verdict);

// Plain data, as a program would print it as JSON.
struct ProbeReport {
  std::filesystem::path path;
  ProbeVerdict verdict = ProbeVerdict::refused;
  std::string why;  // a sentence, unless it is usable and has a device
  std::string name;
  std::string vendor;
  std::string build;
  uint32_t abi_major = 0;
  uint32_t abi_minor = 0;
  std::vector<DeviceInfo> devices;
};

// Loads `path` in this process and asks for its devices.
ProbeReport probe(const std::filesystem::path& path, std::shared_ptr<HostServices> services);

// The same in a forked child that is killed, with what it started, after `limit`. What the plugin
// wrote to stderr, its last line, becomes part of `why` when the child ends badly; its stdout is
// dropped. Call it while no other thread of this process is inside a library that does not survive
// fork (a GPU driver): best before any plugin is loaded.
ProbeReport probe_in_child(const std::filesystem::path& path, std::chrono::milliseconds limit);

// For people, several lines:
//   null 0.1.0 (Weft), ABI 0.9, /usr/lib/weft/plugins/weft_null.so
//     device 0: null device, CPU, driver null 0.1.0, computes f32
std::string describe(const ProbeReport& report);

}  // namespace weft::host
