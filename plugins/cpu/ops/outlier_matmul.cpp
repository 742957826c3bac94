// OutlierMatMul (weft): the residuals of activations beyond int8 codes, times int8 weights.
//
// A row of x has few such elements, so each is a row of w scaled and added, in the order of k: the
// work is that of the outliers alone, a row's bits are its own, and nothing has to be gathered.
//
//   hot rows of w    channels of most outliers in calibration: packed, and kept with the program
//   cold rows        read where the host has the constant, pages of the model's file that come in
//                    when they are needed; the plugin makes no copy
//
// Xu et al., "Fast On-device LLM Inference with NPUs", ASPLOS 2025, section 3.3: hot channels.
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

namespace {

constexpr int64_t kColumns = 512;           // of a unit of work
constexpr uint64_t kHotRows = 0x686f'7472;  // of a constant's key: a layout of its own
constexpr uint32_t kX = 0, kXScale = 1, kW = 2, kScale = 3;

struct State {
  const Kernels* k;
  int64_t depth, width;
  const int8_t* host_rows;       // [K, N]
  const int8_t* hot_rows;        // [hot, N]
  std::vector<int32_t> hot_row;  // of each k, -1: cold
  const int8_t* row(int64_t at) const {
    const int32_t hot = hot_row[size_t(at)];
    return hot >= 0 ? hot_rows + hot * width : host_rows + at * width;
  }
};

void check(const NodeView& node) {
  for (const uint32_t i : {kX, kXScale, kScale}) {
    need_input(node, i);
    need_dtype(node, i, WEFT_F32);
  }
  need_input(node, kW);
  need_dtype(node, kW, WEFT_I8);
  need_plain(node);
  if (!(node.in(kW).flags & WEFT_VALUE_CONSTANT) || node.in(kW).rank != 2)
    throw Refusal{WEFT_REFUSE_OTHER, "weights that are no constant matrix", node.input(kW)};
}

bool packs(const NodeView&, uint32_t i) { return i == kW; }

// The attribute's channels that there are, each once, in order.
std::vector<int64_t> hot_channels(const NodeView& node, int64_t depth) {
  std::vector<int64_t> hot;
  const weft_attr* attr = node.attr("hot");
  if (!attr || attr->type != WEFT_ATTR_INTS) return hot;
  const auto* values = static_cast<const int64_t*>(attr->data);
  for (uint32_t i = 0; i < attr->count; i++)
    if (values[i] >= 0 && values[i] < depth) hot.push_back(values[i]);
  std::sort(hot.begin(), hot.end());
  hot.erase(std::unique(hot.begin(), hot.end()), hot.end());
  return hot;
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const weft_value& w = context.node.in(kW);
  auto state = std::make_shared<State>();
  state->k = &kernels(context);
  state->depth = w.dims[0].value;
  state->width = w.dims[1].value;
  state->host_rows = static_cast<const int8_t*>(context.constants.borrow(w));
  state->hot_row.assign(size_t(state->depth), -1);
  const auto hot = hot_channels(context.node, state->depth);
  const size_t width = size_t(state->width);
  uint64_t chosen = hot.size();
  for (size_t i = 0; i < hot.size(); i++) {
    state->hot_row[size_t(hot[i])] = int32_t(i);
    chosen = common::mix(chosen, uint64_t(hot[i]));
  }
  const auto id = common::content_id(w);
  const common::ConstantKey key = {kHotRows, hot.size() * width, id[0], id[1], chosen};
  const auto fill = [&](char* to) {
    for (const int64_t at : hot) {
      std::memcpy(to, state->host_rows + at * state->width, width);
      to += width;
    }
  };
  state->hot_rows =
      reinterpret_cast<const int8_t*>(context.constants.get(key, hot.size() * width, fill));
  return state;
}

// Columns [from, from + n) of row `row`, whose outliers are known.
void row_part(const Step& step, const State& s, int64_t row, int64_t from, int64_t n, int64_t count,
              const int32_t* index, const float* residual) {
  float sums[kColumns] = {};
  for (int64_t i = 0; i < count; i++)
    s.k->add_scaled_bytes(residual[i], s.row(index[i]) + from, sums, n);
  const Operand& scale = *step.in[kScale];
  const float* scales = data<float>(&scale);
  float* y = data_out<float>(step) + row * s.width + from;
  for (int64_t i = 0; i < n; i++) y[i] = sums[i] * scales[scale.count == 1 ? 0 : from + i];
}

void run(const Step& step, const Team& team) {
  const State& s = *static_cast<const State*>(step.state);
  if (step.out[0]->count == 0) return;
  const float* x = data<float>(step.in[kX]);
  const float x_scale = *data<float>(step.in[kXScale]);
  const int64_t rows = step.out[0]->count / s.width;
  const int64_t stretches = (s.width + kColumns - 1) / kColumns;
  auto* index = reinterpret_cast<int32_t*>(step.scratch) + team.id * 2 * s.depth;
  auto* residual = reinterpret_cast<float*>(index + s.depth);
  const Range mine = share(rows * stretches, team.id, team.size);
  int64_t known = -1, count = 0;
  for (int64_t unit = mine.begin; unit < mine.end; unit++) {
    const int64_t row = unit / stretches, from = unit % stretches * kColumns;
    if (row != known)
      count = s.k->find_outliers(x + row * s.depth, s.depth, x_scale, index, residual);
    known = row;
    row_part(step, s, row, from, std::min(kColumns, s.width - from), count, index, residual);
  }
}

uint64_t scratch(const Step& step, uint32_t count) {
  return uint64_t(count) * 2 * uint64_t(static_cast<const State*>(step.state)->depth) * 4;
}

uint32_t threads(const Step& step, uint32_t most) {
  return threads_for(step.in[kX]->count, 16 * 1024, most);
}

}  // namespace

extern const OpRow outlier_matmul_row = {"weft", "OutlierMatMul", check,   prepare,
                                         run,    packs,           scratch, threads};

}  // namespace weft::cpu
