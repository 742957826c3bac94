// Graphs and devices for the tests of partition, plan and runtime.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/host/loader.h"
#include "core/ir/graph.h"
#include "core/ir/text.h"
#include "core/ir/verify.h"

namespace weft::test {

// The graph of a text that is right.
inline ir::Graph parsed(const std::string& text) {
  auto graph = ir::parse(text);
  if (!graph.ok()) {
    ADD_FAILURE() << graph.error().message << "\n" << text;
    return {};
  }
  return std::move(*graph);
}

// The value of that name, or none.
inline ir::ValueId value_named(const ir::Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.value_count(); ++i) {
    if (graph[ir::ValueId(i)].name == name) return ir::ValueId(i);
  }
  return ir::ValueId::none;
}

// `text` with the first `from` replaced; the test fails when there is none.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) {
    ADD_FAILURE() << "'" << from << "' is not in the text";
    return text;
  }
  return text.replace(at, from.size(), to);
}

// The first device of a built plugin file, on one thread; nullptr when it is not to be had.
inline host::DevicePtr open_device(const std::string& file) {
  host::HostOptions options;
  options.threads = 1;
  auto plugin = host::load(file, host::HostServices::create(options));
  if (!plugin.ok()) {
    ADD_FAILURE() << plugin.error().message;
    return nullptr;
  }
  auto device = (*plugin)->open(0);
  if (!device.ok()) ADD_FAILURE() << device.error().message;
  return device.ok() ? *device : nullptr;
}

inline std::string plugin_file(const std::string& name) {
  return WEFT_PLUGIN_DIR "/weft_" + name + ".so";
}

}  // namespace weft::test
