// Timing; see tuner.h.
#include "plugins/vulkan_npu/tuner.h"

#include <algorithm>
#include <cstring>

#include "plugins/common/clock.h"

namespace weft::vulkan_npu {

using plugin::text;

namespace {

// Multiply-adds below which the choice is worth nothing.
constexpr uint64_t kWorthTiming = uint64_t{1} << 22;
// Rows that are timed: choices stand in the same order as for a whole chunk.
constexpr uint64_t kTimedRows = 64;
// Each choice in turn, this often, so that a busy moment meets all of them; the best time counts.
constexpr int kRounds = 5;
// No further round after so long: what takes long is timed well enough.
constexpr uint64_t kEnoughNs = 500'000'000;

// Rows whose result stays small beside a chunk's; 0: not even the least would.
uint64_t timed_rows(const Shape& shape) {
  constexpr uint64_t kMostBytes = uint64_t{16} << 20;
  const uint64_t most = kMostBytes / (shape.n * 4) / kRows * kRows;
  return std::min({most, kTimedRows, (shape.rows + kRows - 1) / kRows * kRows});
}

// One dispatch over the first panels of real weights, and rows of zeros.
class Trial {
 public:
  Trial(Core& core, const Shape& shape, const Weights& weights)
      : core_(core),
        shape_(shape),
        weights_(weights),
        rows_(timed_rows(shape)),
        words_((shape.k + 7) / 8),
        a_(core, rows_ * words_ * 8, "rows to time a product with"),
        y_(core, rows_ * shape.n * 4, "a result to time a product with") {
    std::memset(a_.data(), 0, a_.size());
  }

  std::unique_ptr<Commands> record(Kernels& kernels, const Choice& choice) {
    uint64_t spent = 0;
    auto commands = std::make_unique<Commands>(core_, 1);
    Dispatch dispatch;
    dispatch.pipeline = kernels.get(shape_.kernel, spent, choice.tile);
    const uint64_t panel = kPanel * words_ * 8;
    const uint64_t most = std::max<uint64_t>(1, core_.physical.limits.storage_range / panel);
    const uint64_t panels = std::min((shape_.n + kPanel - 1) / kPanel, most);
    const uint64_t columns = std::min(panels * kPanel, shape_.n);
    dispatch.bound[0] = {a_.buffer(), 0, a_.size()};
    dispatch.bound[1] = {weights_.block.buffer(), 0, columns * words_ * 8};
    dispatch.bound[2] = {y_.buffer(), 0, y_.size()};
    if (shape_.kernel != Kernel::matmul_i32)
      dispatch.bound[3] = {weights_.block.buffer(), weights_.step_offset, shape_.n * 4};
    dispatch.arguments.rows = uint32_t(rows_);
    dispatch.arguments.columns = uint32_t(shape_.n);
    dispatch.arguments.words = uint32_t(words_);
    set_groups(dispatch, choice, rows_, panels);
    commands->begin();
    commands->dispatch(kernels, dispatch);
    commands->end();
    return commands;
  }

 private:
  Core& core_;
  const Shape& shape_;
  const Weights& weights_;
  const uint64_t rows_, words_;
  Block a_, y_;
};

}  // namespace

common::ConstantKey Shape::key() const { return {0x200, uint64_t(kernel), rows, k, n, 0, 0, 0}; }

void set_groups(Dispatch& dispatch, const Choice& choice, uint64_t rows, uint64_t panels) {
  const Tile& tile = kTiles[choice.tile];
  const uint32_t down = uint32_t((rows + tile.rows - 1) / tile.rows);
  const uint32_t across = uint32_t(panels * (kPanel / tile.wide()));
  dispatch.arguments.by_rows = choice.by_rows;
  dispatch.groups_x = choice.by_rows ? down : across;
  dispatch.groups_y = choice.by_rows ? across : down;
}

Choice Tuner::choose(Core& core, Kernels& kernels, const Shape& shape, const Weights& weights,
                     WeightBlob* blob) {
  if (forced_) return choice_of(*forced_);
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(shape.key());
  if (known != known_.end()) return known->second;
  Choice choice;
  if (blob) {
    std::memcpy(&choice, blob->get(shape.key(), sizeof choice), sizeof choice);
    if (choice.tile >= kTileCount || choice.by_rows > 1)
      throw plugin::Failure(WEFT_E_STALE_BLOB, "the blob names a tile that is not there");
  } else if (shape.rows * shape.k * shape.n >= kWorthTiming && timed_rows(shape) > 0) {
    try {
      choice = time_all(core, kernels, shape, weights);
    } catch (const plugin::Failure& failure) {
      // Without room to try, the program still runs.
      if (failure.status != WEFT_E_OUT_OF_MEMORY) throw;
    }
  }
  known_[shape.key()] = choice;
  return choice;
}

Choice Tuner::time_all(Core& core, Kernels& kernels, const Shape& shape, const Weights& weights) {
  Trial trial(core, shape, weights);
  std::vector<std::unique_ptr<Commands>> ways;
  for (uint32_t i = 0; i < kChoices; i++) ways.push_back(trial.record(kernels, choice_of(i)));
  std::vector<uint64_t> times(kChoices, UINT64_MAX);
  const uint64_t start = common::now_ns();
  for (int round = 0; round < kRounds; round++) {
    if (round > 0 && common::now_ns() - start > kEnoughNs) break;
    for (uint32_t i = 0; i < kChoices; i++) {
      const uint64_t begin = common::now_ns();
      ways[i]->run();
      times[i] = std::min(times[i], common::now_ns() - begin);
    }
  }
  const auto fastest = std::min_element(times.begin(), times.end());
  const uint64_t best = *fastest, first = times[0];
  const Choice chosen = choice_of(uint32_t(fastest - times.begin()));
  ++timed_;
  const Tile& tile = kTiles[chosen.tile];
  core.log(WEFT_LOG_DEBUG,
           text("of %u ways to compute %llux%llux%llu, %ux%u by %u%s is the fastest, "
                "%.2f times the first",
                kChoices, static_cast<unsigned long long>(shape.rows),
                static_cast<unsigned long long>(shape.k), static_cast<unsigned long long>(shape.n),
                tile.rows, tile.columns, tile.lanes, chosen.by_rows ? ", rows first" : "",
                double(first) / double(std::max<uint64_t>(best, 1))));
  return chosen;
}

}  // namespace weft::vulkan_npu
