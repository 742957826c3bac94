// Buffers in host memory, and copies between views of them.
#pragma once

#include <cstdint>
#include <vector>

#include "weft/plugin.hpp"

namespace weft::common {

// Owns its memory (64-byte aligned), or borrows an imported pointer.
class HostBuffer final : public plugin::Buffer {
 public:
  explicit HostBuffer(uint64_t size);
  HostBuffer(void* imported, uint64_t size) : data_(static_cast<char*>(imported)), size_(size) {}
  ~HostBuffer() override;
  void* map(uint64_t offset, uint64_t size, uint32_t mode) override;
  void unmap(void* pointer) override;
  char* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  uint64_t size_ = 0;
  bool owned_ = false;
};

// The first byte of a view; throws Failure unless the whole view lies inside its buffer and is
// aligned to its elements.
char* view_data(const weft_view& view);
// Row-major without gaps; dims of size 1 may have any stride.
bool is_tight(const weft_view& view);
// Elements of src to dst, position by position; shapes and dtypes are equal, `item` is bytes of
// one.
void copy_elements(const char* src, const int64_t* src_stride, char* dst, const int64_t* dst_stride,
                   const int64_t* shape, uint32_t rank, uint32_t item);

}  // namespace weft::common
