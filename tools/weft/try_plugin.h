// Looks at a plugin in a child process before it is loaded here, once per file: one that hangs,
// crashes or throws in its entry is then a sentence, and the other backends answer.
//
// Only plugins that the user names (--plugin, WEFT_PLUGIN_PATH) are looked at; those installed
// beside the program came with it. What passed is remembered in the cache folder by the file's
// identity, so that a device is opened twice only at the first start.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace weft::cli {

// How long a plugin may take to answer in a child process: 20 s, for drivers compile at their first
// start, or WEFT_PROBE_SECONDS.
std::chrono::milliseconds probe_limit();

// Why the plugin file must not be loaded, or nothing. `cache` empty: nothing is remembered. Call it
// while the process has one thread, with the environment of drivers set.
std::string why_not_usable(const std::filesystem::path& plugin, const std::filesystem::path& cache);

}  // namespace weft::cli
