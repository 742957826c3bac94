// Where activations live: offsets in one arena per memory domain, reused over lifetimes.
//
//   step:      0    1    2    3
//   a        [=========]
//   b             [=========]         a and c never live at once, so c may take a's bytes
//   c                       [====]
//
// This is the *max plan*: every size is taken at the upper bounds of its symbols, once, so offsets
// are constants and a new length costs nothing at run time. It is sound because every size is
// monotone in every symbol, so no tensor outgrows its place.
//
// Greedy by size, best fit: the largest tensor first, at the lowest offset where it overlaps no
// tensor that is live with it. Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net
// Inference", 2020; Transformer-Lite (Li et al., 2024), memory reuse.
#pragma once

#include <cstdint>
#include <vector>

namespace weft::plan {

constexpr int64_t kAlignment = 64;  // bytes; of every offset

// A block of memory needed from step `first` to step `last`, both included.
struct Block {
  int64_t size_bytes = 0;
  int64_t first = 0, last = 0;
  int64_t offset = -1;  // set by assign_offsets
};

// Sets the offset of every block; no two blocks that live at one step overlap. Returns the arena's
// size.
int64_t assign_offsets(std::vector<Block>& blocks);

}  // namespace weft::plan
