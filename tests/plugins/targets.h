// The backends a test binary is about: a plugin with the options its device is opened with.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "tests/plugins/harness.h"

namespace weft::test {

struct Target {
  std::string name;  // of the test's instance
  std::string plugin;
  std::map<std::string, std::string> options = {};
  bool shares_memory = true;         // imports host pointers
  bool blob_holds_constants = true;  // so that a blob belongs to one graph
  bool runs_floats = true;           // else tests of graphs in floats are not for it
};

// How gtest names a target in messages.
inline void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

// Defined once per test binary: for the tests of the protocol, and for those of ops.
std::vector<Target> targets();
std::vector<Target> op_targets();

inline std::string name_of_target(const testing::TestParamInfo<Target>& info) {
  return info.param.name;
}

// Whether WEFT_REQUIRE_DEVICES says that a missing device of the plugin is a failure. It names
// drivers: "vulkan" stands for vulkan_npu.
inline bool is_required(const std::string& plugin) {
  const char* list = std::getenv("WEFT_REQUIRE_DEVICES");
  return list && std::strstr(list, plugin.substr(0, plugin.find('_')).c_str());
}

// A test per target; skipped where the plugin has no device, unless one is required.
class TargetTest : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    try {
      Device device(GetParam().plugin);
    } catch (const std::exception& error) {
      if (is_required(GetParam().plugin)) FAIL() << error.what();
      GTEST_SKIP() << "no device: " << error.what();
    }
  }
  Device open(uint32_t threads = 1) const {
    return Device(GetParam().plugin, threads, GetParam().options);
  }
};

}  // namespace weft::test
