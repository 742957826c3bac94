// Where activations live when the arena follows the lengths: the *elastic plan*.
//
//   a  offset 0             size 2304*seq
//   b  offset 2304*seq      size 6144*seq       every offset is a sum of sizes below, or the
//   c  offset 0             size 64*rows        largest of several where none is provably it
//
// Sizes and offsets stay expressions, so an arena for 10 tokens takes the bytes of 10 tokens; the
// slot program evaluates them with the dims. A block goes into a gap between others only where the
// gap provably holds it for every binding (Bounds::ge), and else on top of all that are live with
// it: no overlap is possible whatever the symbols are.
//
// Greedy by size, best fit, as the max plan (memory.h). Which of two blocks is the larger may
// depend on the lengths, so the order of several sample points is tried, and the plan kept that is
// nearest to the least possible over all of them; where none is near it at all of them, two are,
// and each run takes the smaller. Transformer-Lite (Li et al., 2024), memory reuse by comparing
// sizes that are expressions.
#pragma once

#include <cstdint>
#include <vector>

#include "core/sym/bounds.h"
#include "core/sym/dim.h"

namespace weft::plan {

// A block of memory needed from step `first` to step `last`, both included.
struct ElasticBlock {
  sym::Dim size_bytes;
  int64_t first = 0, last = 0;
  sym::Dim offset = -1;  // set by assign_elastic_offsets; a multiple of kAlignment at each binding
};

// Sets the offset of every block; returns the arena's size. Every size has an upper bound in
// `bounds` and is monotone in every symbol.
sym::Dim assign_elastic_offsets(std::vector<ElasticBlock>& blocks, const sym::Bounds& bounds);

}  // namespace weft::plan
