#include "core/plan/memory.h"

#include <algorithm>
#include <numeric>

namespace weft::plan {

namespace {

int64_t aligned(int64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

bool live_together(const Block& a, const Block& b) {
  return a.first <= b.last && b.first <= a.last;
}

// The lowest-waste gap between `placed` blocks (sorted by offset) that are live with `block`.
int64_t best_gap(const Block& block, const std::vector<const Block*>& placed) {
  const int64_t size = aligned(block.size_bytes);
  int64_t end = 0, best = -1, best_waste = INT64_MAX;
  for (const Block* other : placed) {
    if (!live_together(block, *other)) continue;
    const int64_t gap = other->offset - end;
    if (gap >= size && gap - size < best_waste) {
      best = end;
      best_waste = gap - size;
    }
    end = std::max(end, other->offset + aligned(other->size_bytes));
  }
  return best >= 0 ? best : end;
}

}  // namespace

int64_t assign_offsets(std::vector<Block>& blocks) {
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return blocks[a].size_bytes > blocks[b].size_bytes; });
  std::vector<const Block*> placed;
  int64_t arena = 0;
  for (const size_t i : order) {
    Block& block = blocks[i];
    block.offset = best_gap(block, placed);
    arena = std::max(arena, block.offset + aligned(block.size_bytes));
    const auto after =
        std::upper_bound(placed.begin(), placed.end(), &block,
                         [](const Block* a, const Block* b) { return a->offset < b->offset; });
    placed.insert(after, &block);
  }
  return arena;
}

}  // namespace weft::plan
