// The kernels as pipelines: made once per device, when a program first needs one, and run
// once at that time.
//
// The run warms up drivers that compile at the first dispatch and not at pipeline creation (those
// in software), so that this time is spent in compile() and not in the first inference.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <mutex>

#include "plugins/vulkan_npu/memory.h"

namespace weft::vulkan_npu {

enum class Kernel : uint32_t {
  pack_rows,
  matmul_i32,
  matmul_i8,
  matmul_f32,
  quantize,
  dequantize,
  lookup,
  binary
};
constexpr uint32_t kKernels = 8;
constexpr uint32_t kBindings = 4;

// As the shaders' push constants (kernels/arguments.glsl).
struct Arguments {
  uint32_t rows = 0;
  uint32_t columns = 0;
  uint32_t words = 0;
  uint32_t first_panel = 0;
  uint32_t a_base = 0;
  uint32_t y_base = 0;
  int32_t y_zero = 0;
  uint32_t pitch = 0;
  uint32_t count = 0;
  uint32_t b_base = 0;
  int32_t a_zero = 0;
  int32_t b_zero = 0;
  float a_scale = 1;
  float b_scale = 1;
  float y_inverse = 1;
  uint32_t adds = 0;
  uint32_t by_rows = 0;
};

// Columns of a panel of weights, and to how many rows activations are padded (kernels/gemm.glsl).
constexpr uint64_t kPanel = 512;
constexpr uint64_t kRows = 8;
constexpr uint64_t kPackLanes = 64;
// Elements that a workgroup of the kernels between codes does.
constexpr uint64_t kElements = 256;

// How a product is cut: rows and columns of an invocation, invocations of a workgroup (tiles.def).
struct Tile {
  uint32_t rows, columns, lanes;
  uint64_t wide() const { return uint64_t{columns} * lanes; }  // columns of a workgroup
};
#define TILE(rows, columns, lanes) {rows, columns, lanes},
constexpr Tile kTiles[] = {
#include "plugins/vulkan_npu/tiles.def"
};
#undef TILE
constexpr uint32_t kTileCount = uint32_t(std::size(kTiles));

// [any thread]
class Kernels {
 public:
  explicit Kernels(Core& core);
  // The pipeline, warmed up; products come in tiles. Nanoseconds spent are added to `spent`.
  VkPipeline get(Kernel kernel, uint64_t& spent, uint32_t tile = 0);
  VkPipelineLayout layout() const { return layout_.get(); }
  VkDescriptorSetLayout set_layout() const { return set_layout_.get(); }

 private:
  Pipeline create(Kernel kernel, uint32_t tile);
  void warm_up(VkPipeline pipeline);

  Core& core_;
  SetLayout set_layout_;
  PipelineLayout layout_;
  std::mutex mutex_;
  std::array<std::array<Pipeline, kTileCount>, kKernels> pipelines_;
};

}  // namespace weft::vulkan_npu
