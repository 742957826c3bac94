// Recording; see commands.h.
#include "plugins/vulkan_npu/commands.h"

namespace weft::vulkan_npu {

namespace {

CommandPool make_pool(const Core& core) {
  VkCommandPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  info.queueFamilyIndex = core.physical.family;
  VkCommandPool handle = nullptr;
  check(core.vk.CreateCommandPool(core.device, &info, nullptr, &handle), "vkCreateCommandPool");
  return CommandPool(core.vk, core.device, handle);
}

DescriptorPool make_sets(const Core& core, uint32_t count) {
  if (count == 0) return {};
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, count * kBindings};
  VkDescriptorPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  info.maxSets = count;
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  VkDescriptorPool handle = nullptr;
  check(core.vk.CreateDescriptorPool(core.device, &info, nullptr, &handle),
        "vkCreateDescriptorPool");
  return DescriptorPool(core.vk, core.device, handle);
}

QueryPool make_queries(const Core& core, uint32_t count) {
  if (count == 0) return {};
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = count;
  VkQueryPool handle = nullptr;
  check(core.vk.CreateQueryPool(core.device, &info, nullptr, &handle), "vkCreateQueryPool");
  return QueryPool(core.vk, core.device, handle);
}

void memory_barrier(const Vk& vk, VkCommandBuffer buffer, VkPipelineStageFlags from,
                    VkAccessFlags writes, VkPipelineStageFlags to, VkAccessFlags uses) {
  VkMemoryBarrier barrier{};
  barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  barrier.srcAccessMask = writes;
  barrier.dstAccessMask = uses;
  vk.CmdPipelineBarrier(buffer, from, to, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

constexpr VkPipelineStageFlags kWork =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kWrites = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags kUses = kWrites | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

}  // namespace

Commands::Commands(Core& core, uint32_t dispatches, uint32_t stamps)
    : core_(core),
      pool_(make_pool(core)),
      sets_(make_sets(core, dispatches)),
      queries_(make_queries(core, stamps)),
      stamp_count_(stamps) {
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool_.get();
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  check(core.vk.AllocateCommandBuffers(core.device, &info, &buffer_), "vkAllocateCommandBuffers");
}

void Commands::begin() {
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  // The next run may be submitted before this one is done.
  info.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
  check(core_.vk.BeginCommandBuffer(buffer_, &info), "vkBeginCommandBuffer");
  if (stamp_count_) core_.vk.CmdResetQueryPool(buffer_, queries_.get(), 0, stamp_count_);
  barrier();
}

void Commands::dispatch(const Kernels& kernels, const Dispatch& dispatch) {
  const VkDescriptorSetLayout layout = kernels.set_layout();
  VkDescriptorSetAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  allocate.descriptorPool = sets_.get();
  allocate.descriptorSetCount = 1;
  allocate.pSetLayouts = &layout;
  VkDescriptorSet set = nullptr;
  check(core_.vk.AllocateDescriptorSets(core_.device, &allocate, &set), "vkAllocateDescriptorSets");
  VkDescriptorBufferInfo buffers[kBindings];
  VkWriteDescriptorSet writes[kBindings]{};
  uint32_t count = 0;
  for (uint32_t i = 0; i < kBindings; i++) {
    const Bound& bound = dispatch.bound[i];
    if (!bound.buffer) continue;
    buffers[count] = {bound.buffer, bound.offset, bound.range};
    writes[count].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[count].dstSet = set;
    writes[count].dstBinding = i;
    writes[count].descriptorCount = 1;
    writes[count].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[count].pBufferInfo = &buffers[count];
    count++;
  }
  const Vk& vk = core_.vk;
  vk.UpdateDescriptorSets(core_.device, count, writes, 0, nullptr);
  vk.CmdBindPipeline(buffer_, VK_PIPELINE_BIND_POINT_COMPUTE, dispatch.pipeline);
  vk.CmdBindDescriptorSets(buffer_, VK_PIPELINE_BIND_POINT_COMPUTE, kernels.layout(), 0, 1, &set, 0,
                           nullptr);
  vk.CmdPushConstants(buffer_, kernels.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(Arguments),
                      &dispatch.arguments);
  vk.CmdDispatch(buffer_, dispatch.groups_x, dispatch.groups_y, 1);
}

void Commands::barrier() { memory_barrier(core_.vk, buffer_, kWork, kWrites, kWork, kUses); }

void Commands::copy(VkBuffer from, VkBuffer to, std::span<const VkBufferCopy> regions) {
  core_.vk.CmdCopyBuffer(buffer_, from, to, uint32_t(regions.size()), regions.data());
}

void Commands::stamp(uint32_t index) {
  core_.vk.CmdWriteTimestamp(buffer_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_.get(), index);
}

void Commands::end() {
  memory_barrier(core_.vk, buffer_, kWork, kWrites, VK_PIPELINE_STAGE_HOST_BIT,
                 VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
  check(core_.vk.EndCommandBuffer(buffer_), "vkEndCommandBuffer");
}

void Commands::run() {
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &buffer_;
  const std::lock_guard lock(core_.queue_mutex);
  check(core_.vk.QueueSubmit(core_.queue, 1, &info, nullptr), "vkQueueSubmit");
  check(core_.vk.QueueWaitIdle(core_.queue), "vkQueueWaitIdle");
}

std::vector<uint64_t> Commands::stamps() const {
  std::vector<uint64_t> ticks(stamp_count_);
  if (stamp_count_ == 0) return ticks;
  check(core_.vk.GetQueryPoolResults(core_.device, queries_.get(), 0, stamp_count_,
                                     ticks.size() * sizeof(uint64_t), ticks.data(),
                                     sizeof(uint64_t), VK_QUERY_RESULT_64_BIT),
        "vkGetQueryPoolResults");
  for (uint64_t& tick : ticks)
    tick = uint64_t(double(tick) * double(core_.physical.limits.timestamp_ns));
  return ticks;
}

}  // namespace weft::vulkan_npu
