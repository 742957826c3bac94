// Weights as the kernels read them, in the NPU's memory, shared by content among all programs of a
// device, and stored with a program.
//
//   codes   panels of 512 columns: [ceil(K / 8)][columns of the panel] words of 8 codes, padded
//           with zeros along K (kernels/gemm.glsl)
//   steps   of codes and reals, 256-byte aligned: f32 [N], a_scale * b_scale / y_scale, or the
//   scale
//           of the sums
//   tables  of units between codes: the least real of every code, or 256 codes (rounding.h)
//   blob    64 bytes {magic, version, device} | what plugins/common/constant_store.h writes
#pragma once

#include <map>
#include <optional>

#include "plugins/common/constant_store.h"
#include "plugins/vulkan_npu/kernels.h"
#include "plugins/vulkan_npu/memory.h"
#include "plugins/vulkan_npu/unit.h"

namespace weft::vulkan_npu {

struct Weights {
  Weights(Core& core, const common::ConstantKey& identity, uint64_t bytes, uint64_t steps);
  common::ConstantKey key;
  Block block;
  uint64_t size;
  uint64_t step_offset;
};
using WeightsRef = common::LiveConstants<Weights>::Ref;

// The stored form of a program, when compile() was given one. Throws WEFT_E_STALE_BLOB unless this
// version wrote it for this device.
class WeightBlob {
 public:
  WeightBlob(const PhysicalDevice& device, const void* blob, uint64_t size);
  // The bytes of a key; throws WEFT_E_STALE_BLOB when they are not there.
  const char* get(const common::ConstantKey& key, uint64_t size);

 private:
  common::ConstantPool none_;
  std::optional<common::ConstantStore> store_;
};

// [any thread]
class WeightPool {
 public:
  // What a unit keeps: weights, packed, or a table; nothing for those that need neither. Taken from
  // a live program, else from `blob` (nullable), else made.
  WeightsRef get(Core& core, const plugin::GraphView& graph, const Unit& unit, WeightBlob* blob);

 private:
  WeightsRef product(Core& core, const plugin::GraphView& graph, const Product& product,
                     WeightBlob* blob);
  WeightsRef table(Core& core, const Unit& unit, WeightBlob* blob);

  common::LiveConstants<Weights> live_;
};

// Small facts stored beside the weights: how each product is cut (tuner.h).
using Facts = std::map<common::ConstantKey, std::array<uint32_t, 2>>;
void save_weights(const PhysicalDevice& device, const std::vector<WeightsRef>& weights,
                  const Facts& facts, const weft_writer& writer);
// WEFT_BLOB_*, from the first bytes.
uint32_t check_weight_blob(const PhysicalDevice& device, const void* head, uint64_t size);

}  // namespace weft::vulkan_npu
