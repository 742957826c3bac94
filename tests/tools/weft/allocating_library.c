/* A library opened at run time, as plugins are, that allocates when it is told to. */
#include <stdlib.h>

__attribute__((visibility("default"))) void* allocate(size_t size);

void* allocate(size_t size) { return size ? malloc(size) : NULL; }
