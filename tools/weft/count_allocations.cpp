// Counts every heap allocation of the program, plugins included, by standing in front of malloc.
//
// glibc lets an executable define malloc and its kin; everything in the process, libraries opened
// later too, then calls these. Under a sanitizer, whose own malloc must stay in front, its hooks
// count.
#include <cstddef>

#include "core/base/counters.h"

namespace {

void count() { weft::counters().heap_allocations.fetch_add(1, std::memory_order_relaxed); }

struct SayThatAllocationsAreCounted {
  SayThatAllocationsAreCounted() { weft::counters().counts_allocations = true; }
} said;

}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, size_t),
                                                         void (*)(const volatile void*));
namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { count(); }, [](const volatile void*) {});
}  // namespace

#else

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

__attribute__((visibility("default"))) void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
__attribute__((visibility("default"))) void* calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}
__attribute__((visibility("default"))) void* realloc(void* old, size_t size) {
  count();
  return __libc_realloc(old, size);
}
__attribute__((visibility("default"))) void* memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) void* aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) int posix_memalign(void** out, size_t alignment,
                                                          size_t size) {
  count();
  *out = __libc_memalign(alignment, size);
  return *out ? 0 : 12;  // ENOMEM
}

}  // extern "C"

#endif
