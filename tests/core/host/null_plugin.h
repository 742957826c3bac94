// The null backend for tests of core/host: loading it, and graphs of Adds for it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "core/host/loader.h"
#include "core/host/plugin.h"

namespace weft::host {

inline std::filesystem::path null_path() { return WEFT_PLUGIN_DIR "/weft_null.so"; }
inline std::filesystem::path bad_path(const std::string& name) {
  return WEFT_BINARY_DIR "/tests/bad/" + name + ".so";
}

inline std::shared_ptr<HostServices> one_thread() {
  HostOptions options;
  options.threads = 1;
  return HostServices::create(options);
}

// Ends the test when the plugin or its device is not to be had.
inline DevicePtr null_device() {
  Result<PluginPtr> plugin = load(null_path(), one_thread());
  if (!plugin.ok()) {
    ADD_FAILURE() << plugin.error().message;
    return nullptr;
  }
  Result<DevicePtr> device = (*plugin)->open(0);
  if (!device.ok()) ADD_FAILURE() << device.error().message;
  return device.ok() ? *device : nullptr;
}

// A graph under construction; deques keep the addresses that the C structs point to.
class TestGraph {
 public:
  // Adds a value of fixed dims; returns its index.
  uint32_t value(std::vector<int64_t> shape, uint32_t flags = 0, weft_dtype dtype = WEFT_F32) {
    std::vector<weft_dim>& dims = dims_.emplace_back();
    for (int64_t dim : shape) dims.push_back({dim, WEFT_NONE, 0});
    weft_value added{};
    added.name = "v";
    added.dtype = dtype;
    added.rank = uint32_t(dims.size());
    added.dims = dims.data();
    added.flags = flags;
    added.parent = WEFT_NONE;
    added.offset = {0, WEFT_NONE, 0};
    added.fd = -1;
    values.push_back(added);
    const uint32_t index = uint32_t(values.size() - 1);
    if (flags & WEFT_VALUE_INPUT) inputs.push_back(index);
    if (flags & WEFT_VALUE_OUTPUT) outputs.push_back(index);
    return index;
  }
  // Dim `axis` of a value comes from a slot.
  void use_slot(uint32_t value, uint32_t axis, uint32_t slot) {
    dims_[value][axis] = {0, slot, 0};
    if (slots_.size() <= slot) slots_.resize(slot + 1, weft_slot{"n", 0, -1});
  }
  void node(const char* op, std::vector<uint32_t> in, uint32_t out) {
    std::vector<uint32_t>& ends = ends_.emplace_back(std::move(in));
    ends.push_back(out);
    weft_node added{};
    added.name = op;
    added.domain = "";
    added.op_type = op;
    added.since_version = 14;
    added.unit = WEFT_NONE;
    added.inputs = ends.data();
    added.outputs = ends.data() + ends.size() - 1;
    added.input_count = uint32_t(ends.size() - 1);
    added.output_count = 1;
    added.attr_stride = sizeof(weft_attr);
    nodes.push_back(added);
  }
  const weft_graph& graph() {
    graph_ = {};
    graph_.struct_size = sizeof graph_;
    graph_.node_count = uint32_t(nodes.size());
    graph_.node_stride = sizeof(weft_node);
    graph_.value_count = uint32_t(values.size());
    graph_.value_stride = sizeof(weft_value);
    graph_.slot_count = uint32_t(slots_.size());
    graph_.slot_stride = sizeof(weft_slot);
    graph_.input_count = uint32_t(inputs.size());
    graph_.output_count = uint32_t(outputs.size());
    graph_.nodes = nodes.data();
    graph_.values = values.data();
    graph_.slots = slots_.data();
    graph_.inputs = inputs.data();
    graph_.outputs = outputs.data();
    graph_.name = "island";
    return graph_;
  }
  // z = x + y over one axis of n: values 0, 1 and 2.
  static TestGraph add(int64_t n) {
    TestGraph made;
    const uint32_t x = made.value({n}, WEFT_VALUE_INPUT), y = made.value({n}, WEFT_VALUE_INPUT);
    made.node("Add", {x, y}, made.value({n}, WEFT_VALUE_OUTPUT));
    return made;
  }

  std::vector<weft_value> values;
  std::vector<weft_node> nodes;
  std::vector<uint32_t> inputs, outputs;

 private:
  std::deque<std::vector<weft_dim>> dims_;
  std::deque<std::vector<uint32_t>> ends_;
  std::vector<weft_slot> slots_;
  weft_graph graph_{};
};

// A view of `shape` at `byte_offset`, row-major; strides are tight unless given.
inline weft_view view_of(const Buffer& buffer, uint64_t byte_offset, std::vector<int64_t> shape,
                         std::vector<int64_t> strides = {}, weft_dtype dtype = WEFT_F32) {
  weft_view view{};
  view.buffer = buffer.get();
  view.byte_offset = byte_offset;
  view.dtype = dtype;
  view.rank = uint32_t(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    view.shape[i] = shape[i];
    view.stride[i] = strides.empty() ? stride : strides[i];
    stride *= shape[i];
  }
  return view;
}

inline void fill(const Buffer& buffer, const std::vector<float>& numbers) {
  auto mapping = buffer.map(0, numbers.size() * sizeof(float), Access::write);
  ASSERT_TRUE(mapping.ok()) << mapping.error().message;
  std::copy(numbers.begin(), numbers.end(), mapping->as<float>().begin());
  ASSERT_TRUE(mapping->unmap().ok());
}

inline std::vector<float> contents(const Buffer& buffer) {
  auto mapping = buffer.map(0, buffer.size_bytes(), Access::read);
  if (!mapping.ok()) return {};
  const auto numbers = mapping->as<float>();
  return {numbers.begin(), numbers.end()};
}

inline weft_execute_args arguments(const ProgramPtr& program, const std::vector<weft_view>& inputs,
                                   const std::vector<weft_view>& outputs) {
  weft_execute_args args{};
  args.program = program->get();
  args.inputs = inputs.data();
  args.outputs = outputs.data();
  args.input_count = uint32_t(inputs.size());
  args.output_count = uint32_t(outputs.size());
  return args;
}

}  // namespace weft::host
