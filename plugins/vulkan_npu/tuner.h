// Which way to cut a product is fastest here: timed on the device when a program of a new shape is
// compiled, kept with the program, and shared by all programs of the shape.
//
//   tile      rows and columns of an invocation, invocations of a workgroup (tiles.def)
//   by_rows   which of rows and columns neighbouring workgroups share
//
// Both are ways to walk through the same exact sums: a choice never changes bits. Xu et al., "Fast
// On-device LLM Inference with NPUs", ASPLOS 2025, section 4 (equivalent shapes).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "plugins/vulkan_npu/commands.h"
#include "plugins/vulkan_npu/weights.h"

namespace weft::vulkan_npu {

struct Choice {
  uint32_t tile = 0;
  uint32_t by_rows = 0;
  bool operator==(const Choice&) const = default;
};
// Every choice, as option `tile` counts them.
constexpr uint32_t kChoices = kTileCount * 2;
inline Choice choice_of(uint32_t number) { return {number / 2, number % 2}; }

// What a choice is made for.
struct Shape {
  Kernel kernel;
  uint64_t rows, k, n;
  common::ConstantKey key() const;
};

// [any thread]
class Tuner {
 public:
  // `forced`: always this choice, untimed.
  explicit Tuner(std::optional<uint32_t> forced) : forced_(forced) {}
  // From `blob` (nullable; it was written with one for every product), from a program of the same
  // shape, or timed; products of little work are not worth it and get the first choice.
  Choice choose(Core& core, Kernels& kernels, const Shape& shape, const Weights& weights,
                WeightBlob* blob);
  // How many shapes were timed on this device.
  uint64_t timed() const { return timed_; }

 private:
  Choice time_all(Core& core, Kernels& kernels, const Shape& shape, const Weights& weights);

  const std::optional<uint32_t> forced_;
  std::mutex mutex_;
  std::map<common::ConstantKey, Choice> known_;
  std::atomic<uint64_t> timed_{0};
};

// Groups of a dispatch over `rows` and `panels`, and the argument that says which is which.
void set_groups(Dispatch& dispatch, const Choice& choice, uint64_t rows, uint64_t panels);

}  // namespace weft::vulkan_npu
