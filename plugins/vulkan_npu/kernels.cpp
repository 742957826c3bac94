// Pipelines from the SPIR-V that the build embedded; see kernels.h.
#include "plugins/vulkan_npu/kernels.h"

#include <cstring>
#include <span>

#include "plugins/common/clock.h"
#include "plugins/vulkan_npu/commands.h"
#include "plugins/vulkan_npu/spirv/binary.h"
#include "plugins/vulkan_npu/spirv/dequantize.h"
#include "plugins/vulkan_npu/spirv/lookup.h"
#include "plugins/vulkan_npu/spirv/pack_rows.h"
#include "plugins/vulkan_npu/spirv/products.h"
#include "plugins/vulkan_npu/spirv/quantize.h"

namespace weft::vulkan_npu {

namespace {

std::span<const uint32_t> code_of(Kernel kernel, uint32_t tile) {
#define TILE(rows, columns, lanes) matmul_i32_##rows##x##columns##x##lanes##_spirv,
  static const std::span<const uint32_t> i32[] = {
#include "plugins/vulkan_npu/tiles.def"
  };
#undef TILE
#define TILE(rows, columns, lanes) matmul_i8_##rows##x##columns##x##lanes##_spirv,
  static const std::span<const uint32_t> i8[] = {
#include "plugins/vulkan_npu/tiles.def"
  };
#undef TILE
#define TILE(rows, columns, lanes) matmul_f32_##rows##x##columns##x##lanes##_spirv,
  static const std::span<const uint32_t> f32[] = {
#include "plugins/vulkan_npu/tiles.def"
  };
#undef TILE
  switch (kernel) {
    case Kernel::pack_rows:
      return pack_rows_spirv;
    case Kernel::matmul_i32:
      return i32[tile];
    case Kernel::matmul_i8:
      return i8[tile];
    case Kernel::matmul_f32:
      return f32[tile];
    case Kernel::quantize:
      return quantize_spirv;
    case Kernel::dequantize:
      return dequantize_spirv;
    case Kernel::lookup:
      return lookup_spirv;
    case Kernel::binary:
      return binary_spirv;
  }
  return {};
}

}  // namespace

Kernels::Kernels(Core& core) : core_(core) {
  VkDescriptorSetLayoutBinding bindings[kBindings]{};
  for (uint32_t i = 0; i < kBindings; i++) {
    bindings[i].binding = i;
    bindings[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    bindings[i].descriptorCount = 1;
    bindings[i].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  }
  VkDescriptorSetLayoutCreateInfo set{};
  set.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  set.bindingCount = kBindings;
  set.pBindings = bindings;
  VkDescriptorSetLayout set_handle = nullptr;
  check(core.vk.CreateDescriptorSetLayout(core.device, &set, nullptr, &set_handle),
        "vkCreateDescriptorSetLayout");
  set_layout_ = SetLayout(core.vk, core.device, set_handle);
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(Arguments)};
  VkPipelineLayoutCreateInfo layout{};
  layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &set_handle;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &range;
  VkPipelineLayout handle = nullptr;
  check(core.vk.CreatePipelineLayout(core.device, &layout, nullptr, &handle),
        "vkCreatePipelineLayout");
  layout_ = PipelineLayout(core.vk, core.device, handle);
}

VkPipeline Kernels::get(Kernel kernel, uint64_t& spent, uint32_t tile) {
  const std::lock_guard lock(mutex_);
  Pipeline& pipeline = pipelines_[size_t(kernel)][tile];
  if (pipeline.get()) return pipeline.get();
  const uint64_t begin = common::now_ns();
  Pipeline made = create(kernel, tile);
  warm_up(made.get());
  pipeline = std::move(made);
  spent += common::now_ns() - begin;
  return pipeline.get();
}

Pipeline Kernels::create(Kernel kernel, uint32_t tile) {
  const auto code = code_of(kernel, tile);
  VkShaderModuleCreateInfo module{};
  module.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  module.codeSize = code.size_bytes();
  module.pCode = code.data();
  VkShaderModule shader_handle = nullptr;
  check(core_.vk.CreateShaderModule(core_.device, &module, nullptr, &shader_handle),
        "vkCreateShaderModule");
  const ShaderModule shader(core_.vk, core_.device, shader_handle);
  VkComputePipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = shader.get();
  info.stage.pName = "main";
  info.layout = layout_.get();
  VkPipeline handle = nullptr;
  check(core_.vk.CreateComputePipelines(core_.device, nullptr, 1, &info, nullptr, &handle),
        "vkCreateComputePipelines");
  return Pipeline(core_.vk, core_.device, handle);
}

// One row and one column over zeros.
void Kernels::warm_up(VkPipeline pipeline) {
  constexpr uint64_t kBytes = 2048;  // of each binding
  const Block zeros(core_, kBindings * kBytes, "the warm-up of a kernel");
  std::memset(zeros.data(), 0, kBindings * kBytes);
  Commands commands(core_, 1);
  commands.begin();
  Dispatch dispatch;
  for (uint32_t i = 0; i < kBindings; i++) dispatch.bound[i] = {zeros.buffer(), i * kBytes, kBytes};
  dispatch.pipeline = pipeline;
  dispatch.arguments.rows = dispatch.arguments.columns = dispatch.arguments.words = 1;
  dispatch.arguments.count = 1;
  dispatch.groups_x = dispatch.groups_y = 1;
  commands.dispatch(*this, dispatch);
  commands.end();
  commands.run();
}

}  // namespace weft::vulkan_npu
