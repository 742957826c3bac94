// Invariants of the program itself: a false WEFT_CHECK is a bug in Weft, so it says where and
// aborts.
#pragma once

#include <cstdio>
#include <cstdlib>

#define WEFT_CHECK(condition)                                                                \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
