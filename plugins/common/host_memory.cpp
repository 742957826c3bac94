// Allocation, range checks and strided copies of host memory; see host_memory.h.
#include "plugins/common/host_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "plugins/common/row.h"

namespace weft::common {

using plugin::Failure;
using plugin::text;

HostBuffer::HostBuffer(uint64_t size) : size_(size), owned_(true) {
  if (size > uint64_t{1} << 62)
    throw Failure(WEFT_E_OUT_OF_MEMORY, "a buffer of that size cannot be");
  const uint64_t rounded = (std::max<uint64_t>(size, 1) + 63) & ~uint64_t{63};
  data_ = static_cast<char*>(std::aligned_alloc(64, rounded));
  if (!data_)
    throw Failure(WEFT_E_OUT_OF_MEMORY,
                  text("no host memory for a buffer of %llu bytes", (unsigned long long)size));
}

HostBuffer::~HostBuffer() {
  if (owned_) std::free(data_);
}

void* HostBuffer::map(uint64_t offset, uint64_t size, uint32_t) {
  if (offset > size_ || size > size_ - offset)
    throw Failure(WEFT_E_INVALID, "the mapped range lies outside the buffer");
  return data_ + offset;
}

void HostBuffer::unmap(void* pointer) {
  const char* p = static_cast<const char*>(pointer);
  if (p < data_ || p > data_ + size_)
    throw Failure(WEFT_E_INVALID, "the pointer to unmap is not of this buffer");
}

weft_external read_host_pointer(const weft_external* external) {
  const weft_external mine = plugin::read_struct(external);
  if (mine.kind != WEFT_HANDLE_HOST_PTR)
    throw Failure(WEFT_E_UNSUPPORTED, "only host pointers can be imported");
  if (!mine.ptr) throw Failure(WEFT_E_INVALID, "import of a null pointer");
  return mine;
}

void check_view(const weft_view& view, uint64_t buffer_size) {
  const uint32_t item = element_size(view.dtype);
  if (!item || view.rank > kMaxRank)
    throw Failure(WEFT_E_UNSUPPORTED,
                  text("a view of %s, rank %u", dtype_name(view.dtype), view.rank));
  __int128 low = 0, high = 0;
  bool empty = false;
  for (uint32_t d = 0; d < view.rank; d++) {
    if (view.shape[d] < 0) throw Failure(WEFT_E_INVALID, "a view has a negative dim");
    empty |= view.shape[d] == 0;
    const __int128 span = __int128(view.shape[d] - 1) * view.stride[d] * item;
    (span < 0 ? low : high) += span;
  }
  if (view.byte_offset > buffer_size)
    throw Failure(WEFT_E_INVALID, "a view starts outside its buffer");
  if (!empty && (__int128(view.byte_offset) + low < 0 ||
                 __int128(view.byte_offset) + high + item > __int128(buffer_size)))
    throw Failure(WEFT_E_INVALID, "a view reaches outside its buffer");
  if (view.byte_offset % item)
    throw Failure(WEFT_E_INVALID, "a view is not aligned to its elements");
}

char* view_data(const weft_view& view) {
  if (!view.buffer) throw Failure(WEFT_E_INVALID, "a view names no buffer");
  const auto& buffer = static_cast<const HostBuffer&>(*plugin::object(view.buffer));
  check_view(view, buffer.size());
  char* data = buffer.data() + view.byte_offset;
  // An imported pointer may be less aligned than the offset into it.
  if (reinterpret_cast<uintptr_t>(data) % element_size(view.dtype))
    throw Failure(WEFT_E_INVALID, "a view is not aligned to its elements");
  return data;
}

bool is_tight(const int64_t* shape, const int64_t* stride, uint32_t rank) {
  int64_t expected = 1;
  for (uint32_t d = rank; d-- > 0;) {
    if (shape[d] != 1 && stride[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

void check_same_shape(const weft_view& a, const weft_view& b) {
  if (a.dtype != b.dtype || a.rank != b.rank || !std::equal(a.shape, a.shape + a.rank, b.shape))
    throw Failure(WEFT_E_INVALID, "a copy between views of different shape or dtype");
}

void copy_elements(const char* src, const int64_t* src_stride, char* dst, const int64_t* dst_stride,
                   const int64_t* shape, uint32_t rank, uint32_t item) {
  for_each_run(src_stride, dst_stride, shape, rank, [&](int64_t from, int64_t to, int64_t count) {
    std::memmove(dst + to * item, src + from * item, size_t(count) * item);
  });
}

}  // namespace weft::common
