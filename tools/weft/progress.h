// Lines on stderr that say what takes time; each replaces the one before.
#pragma once

#include <cstddef>

namespace weft::cli {

// "reading the prompt: 512 of 1200 tokens"; gone when all are read.
void show_prompt_progress(size_t done, size_t total);
// Takes the line away.
void clear_progress();

}  // namespace weft::cli
