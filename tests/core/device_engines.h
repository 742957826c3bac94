// Engines over tests/data/integer on chosen devices, for tests of what happens between them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/engine.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"
#include "tests/pin_vulkan_driver.h"

namespace weft {

inline constexpr int64_t kChunk = 16;

struct Available {
  std::vector<host::PluginPtr> plugins;
  std::string missing;  // the first that cannot be used, and why
};

// The plugins of `names`, each with a device.
inline Available available(const std::vector<std::string>& names) {
  host::HostOptions options;
  options.threads = 2;
  const auto services = host::HostServices::create(options);
  Available out;
  for (const std::string& name : names) {
    const std::string file = WEFT_PLUGIN_DIR "/weft_" + name + ".so";
    if (!std::filesystem::exists(file)) {
      out.missing = name + " is not built";
      return out;
    }
    auto plugin = host::load(file, services);
    if (!plugin.ok()) {
      out.missing = plugin.error().message;
      return out;
    }
    std::string why;
    const auto devices = (*plugin)->devices(&why);
    if (!devices.ok() || devices->empty()) {
      out.missing = name + ": " + why;
      return out;
    }
    out.plugins.push_back(*plugin);
  }
  return out;
}

// Skips where a device is missing, unless the environment requires it.
#define NEEDS(found, required_name)                                                               \
  if (!(found).missing.empty()) {                                                                 \
    const char* required = std::getenv("WEFT_REQUIRE_DEVICES");                                   \
    const bool must = required && std::string(required).find(required_name) != std::string::npos; \
    if (must) FAIL() << (found).missing;                                                          \
    GTEST_SKIP() << (found).missing;                                                              \
  }

inline std::unique_ptr<Engine> engine_on(const Available& with, EngineOptions options) {
  options.capacity = 64;
  options.chunk = kChunk;
  auto graph = onnx::import(WEFT_TEST_DATA "/integer");
  if (!graph.ok()) {
    ADD_FAILURE() << graph.error().message;
    return nullptr;
  }
  auto engine = Engine::build(std::move(*graph), with.plugins, std::move(options));
  if (!engine.ok()) {
    ADD_FAILURE() << engine.error().message;
    return nullptr;
  }
  return std::move(*engine);
}

inline std::unique_ptr<Engine> engine_on(const Available& with, std::vector<std::string> backends) {
  EngineOptions options;
  options.backends = std::move(backends);
  return engine_on(with, options);
}

inline bool same_bits(std::span<const float> got, std::span<const float> want) {
  return got.size() == want.size() &&
         std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0;
}

}  // namespace weft
