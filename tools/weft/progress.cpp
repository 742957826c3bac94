#include "tools/weft/progress.h"

#include <cstdio>

namespace weft::cli {

void show_prompt_progress(size_t done, size_t total) {
  if (done >= total) return clear_progress();
  std::fprintf(stderr, "\r\033[Kreading the prompt: %zu of %zu tokens", done, total);
}

void clear_progress() { std::fputs("\r\033[K", stderr); }

}  // namespace weft::cli
