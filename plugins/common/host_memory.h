// Buffers in host memory, and copies between views of them.
#pragma once

#include <cstdint>
#include <vector>

#include "weft/extensions.h"
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

// What import_buffer is asked for; throws Failure unless it is a host pointer.
weft_external read_host_pointer(const weft_external* external);
// Throws Failure unless the whole view lies inside a buffer of that size, and its offset is aligned
// to its elements.
void check_view(const weft_view& view, uint64_t buffer_size);
// The first byte of a view of a HostBuffer, checked as above.
char* view_data(const weft_view& view);
// Row-major without gaps; dims of size 1 may have any stride.
bool is_tight(const int64_t* shape, const int64_t* stride, uint32_t rank);
inline bool is_tight(const weft_view& view) { return is_tight(view.shape, view.stride, view.rank); }
// Throws Failure unless one can be copied to the other: same shape and dtype.
void check_same_shape(const weft_view& a, const weft_view& b);
// Calls run(from, to, count) for every stretch of elements that lie one after the other on both
// sides; positions count in elements. Shapes are equal.
template <typename Run>
void for_each_run(const int64_t* src_stride, const int64_t* dst_stride, const int64_t* shape,
                  uint32_t rank, Run&& run) {
  for (uint32_t d = 0; d < rank; d++)
    if (shape[d] == 0) return;
  uint32_t outer = rank;
  int64_t count = 1;
  while (outer > 0 && (shape[outer - 1] == 1 ||
                       (src_stride[outer - 1] == count && dst_stride[outer - 1] == count)))
    count *= shape[--outer];
  int64_t index[WEFT_MAX_RANK] = {};
  while (true) {
    int64_t from = 0, to = 0;
    for (uint32_t d = 0; d < outer; d++) {
      from += index[d] * src_stride[d];
      to += index[d] * dst_stride[d];
    }
    run(from, to, count);
    uint32_t d = outer;
    while (d > 0 && ++index[d - 1] == shape[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}
// Elements of src to dst, position by position; shapes and dtypes are equal, an element is `item`
// bytes.
void copy_elements(const char* src, const int64_t* src_stride, char* dst, const int64_t* dst_stride,
                   const int64_t* shape, uint32_t rank, uint32_t item);

}  // namespace weft::common
