#include "core/runtime/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace weft::runtime {

namespace {

const weft_ext_external_memory_1* external_memory(const host::Device& device) {
  return static_cast<const weft_ext_external_memory_1*>(
      device.plugin()->extension(WEFT_EXT_EXTERNAL_MEMORY));
}

Result<host::Buffer> import(const host::DevicePtr& device, std::byte* bytes, size_t size) {
  weft_external external{};
  external.struct_size = sizeof external;
  external.kind = WEFT_HANDLE_HOST_PTR;
  external.fd = -1;
  external.ptr = bytes;
  external.size = size;
  weft_buffer* raw = nullptr;
  weft_error error{};
  error.struct_size = sizeof error;
  const weft_status status =
      external_memory(*device)->import_buffer(device->get(), &external, &raw, &error);
  if (status < 0) return device->plugin()->failure("import_buffer", status, error);
  return host::Buffer(device, raw, size);
}

}  // namespace

bool imports_host_memory(const host::Device& device) {
  const auto* extension = external_memory(device);
  return extension && extension->kinds && extension->import_buffer &&
         (extension->kinds(device.get(), 0) >> WEFT_HANDLE_HOST_PTR & 1);
}

Result<std::unique_ptr<Region>> Region::create(int64_t size_bytes, bool shared,
                                               const std::map<uint32_t, host::DevicePtr>& devices,
                                               const char* name) {
  std::unique_ptr<Region> region(new Region);
  // Whole pages: some devices use memory of the host in those only.
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  region->size_ = size_t((std::max<int64_t>(size_bytes, 1) + page - 1) / page * page);
  if (!shared) {
    for (const auto& [index, device] : devices) {
      region->buffers_.emplace(index, TRY(device->allocate(region->size_, 0, name)));
    }
    return region;
  }
  // Pages are reserved without being backed: only what can never be backed is refused here.
  const size_t all = size_t(::sysconf(_SC_PHYS_PAGES)) * size_t(page);
  if (region->size_ > all) {
    return Error{std::to_string(region->size_ >> 20) + " MiB for " + name +
                     " are more than this machine's memory, " + std::to_string(all >> 20) +
                     " MiB; a smaller context (-c) or chunk (-ub) needs less",
                 ErrorKind::out_of_memory};
  }
  void* pages = ::mmap(nullptr, region->size_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) {
    return Error{std::string("cannot reserve ") + std::to_string(region->size_ >> 20) +
                     " MiB for " + name + "; a smaller context (-c) or chunk (-ub) needs less",
                 ErrorKind::out_of_memory};
  }
  region->host_ = static_cast<std::byte*>(pages);
  for (const auto& [index, device] : devices) {
    region->buffers_.emplace(index, TRY(import(device, region->host_, region->size_)));
  }
  return region;
}

Region::~Region() {
  buffers_.clear();
  if (host_) ::munmap(host_, size_);
}

Status Region::read(int64_t offset, std::span<std::byte> to) const {
  if (to.empty()) return {};
  if (host_) {
    std::memcpy(to.data(), host_ + offset, to.size());
    return {};
  }
  const auto mapping =
      TRY(buffers_.begin()->second.map(uint64_t(offset), to.size(), host::Access::read));
  std::memcpy(to.data(), mapping.bytes().data(), to.size());
  return {};
}

Status Region::write(int64_t offset, std::span<const std::byte> from) const {
  if (from.empty()) return {};
  if (host_) {
    std::memcpy(host_ + offset, from.data(), from.size());
    return {};
  }
  auto mapping =
      TRY(buffers_.begin()->second.map(uint64_t(offset), from.size(), host::Access::write));
  std::memcpy(mapping.bytes().data(), from.data(), from.size());
  return mapping.unmap();
}

}  // namespace weft::runtime
