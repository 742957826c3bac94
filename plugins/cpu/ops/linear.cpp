// A group of linears in int8 (linear_group.h): the input's rows become records of codes, then the
// tiles of all matrices are shared among threads.
//
//   few rows    every thread makes the records for itself, and no one waits
//   many rows   phase 0: records, rows shared      phase 1: products, tiles shared
//
// Two terms make a row of 15 bits: its codes, and the codes of what they leave of it. Logits are of
// two terms, and so is what is computed for the last rows of a prompt alone. With compute=auto all
// of a short prompt is: that costs a few milliseconds, and what follows a near tie comes out as
// with floats more often; and generation is, where memory takes most of the time.
//
// Where the processor multiplies bfloat16, compute=auto rounds the rows of a short prompt instead,
// which takes the time of 1.5 terms, and on tiles (AMX), which are faster than int8, those of any.
#include "plugins/cpu/linear_group.h"
#include "plugins/cpu/ops/rounded.h"
#include "plugins/cpu/pack.h"

namespace weft::cpu {

namespace {

struct Linear {
  PackedMatrix w;
  uint32_t y;      // output of the step
  uint32_t other;  // input of the step that is added
  bool joins, is_bias;
};
struct State {
  const Kernels* k;
  std::vector<Linear> linears;
  uint32_t x;     // inputs of the step
  uint32_t norm;  // weight of the normalization, or WEFT_NONE
  float epsilon;
  bool is_last;       // of a run's last rows alone, or logits
  bool is_automatic;  // compute=auto
  bool rounds;        // many rows become bfloat16
  bool gated;
  uint32_t activation;
  float alpha;
};

// At most so many rows are quantized by every thread for itself.
constexpr int64_t kLocalRows = 2;

const State& state_of(const Step& step) { return *static_cast<const State*>(step.state); }
const PackedMatrix& first_of(const State& s) { return s.linears[0].w; }
int64_t rows_of(const Step& step, const State& s) {
  const int64_t k = first_of(s).k;
  return k ? step.in[s.x]->count / k : 0;
}
bool rounds(const State& s, int64_t rows) {
  return s.rounds && rows >= kRoundedFrom && (s.k->rounding_is_fastest || rows <= kFineRows);
}
int64_t terms_of(const State& s, int64_t rows) {
  if (rounds(s, rows)) return 1;
  const bool is_fine = rows > 1 ? rows <= kFineRows : s.k->second_term_is_cheap;
  return s.is_last || (s.is_automatic && is_fine) ? 2 : 1;
}
int64_t record_bytes(const State& s, int64_t rows) {
  const PackedMatrix& w = first_of(s);
  return (rows * terms_of(s, rows) * chunks_of(w.k, w.block) * kRecordBytes + 63) / 64 * 64;
}
int64_t row_bytes(const State& s) {
  return (first_of(s).k * int64_t(sizeof(float)) + 63) / 64 * 64;
}

// Where a node's inputs and outputs begin among those of the step.
struct Places {
  std::vector<uint32_t> in, out;
  explicit Places(const std::vector<NodeView>& nodes) {
    uint32_t inputs = 0, outputs = 0;
    for (const NodeView& node : nodes) {
      in.push_back(inputs), out.push_back(outputs);
      inputs += node->input_count, outputs += node->output_count;
    }
  }
};

uint32_t activation_of(const NodeView& node) {
  if (std::strcmp(node->op_type, "Swish") == 0) return kSwish;
  return node.string("approximate", "none") == "tanh" ? kGeluTanh : kGelu;
}

// The group with the nodes' numbers in the step.
LinearGroup in_step(LinearGroup group) {
  const std::vector<uint32_t> nodes = group.nodes();
  const auto local = [&](uint32_t n) {
    if (n == WEFT_NONE) return WEFT_NONE;
    return uint32_t(std::find(nodes.begin(), nodes.end(), n) - nodes.begin());
  };
  group.norm = local(group.norm);
  group.activation = local(group.activation);
  group.gate = local(group.gate);
  for (LinearGroup::Member& m : group.members) m = {local(m.matmul), local(m.join), m.other};
  return group;
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const LinearGroup group = in_step(*static_cast<const LinearGroup*>(context.plan));
  const Places at(context.nodes);
  auto s = std::make_shared<State>();
  s->k = &kernels(context);
  for (const LinearGroup::Member& member : group.members) {
    const NodeView& matmul = context.nodes[member.matmul];
    Linear linear{};
    linear.w = pack(matmul.graph(), columns_of(matmul.graph(), matmul.input(1)), context.constants);
    linear.y = at.out[member.matmul];
    linear.joins = member.join != WEFT_NONE;
    if (linear.joins) {
      linear.y = at.out[member.join];
      linear.other = at.in[member.join] + member.other;
      linear.is_bias = context.nodes[member.join].in(member.other).rank == 1;
    }
    s->linears.push_back(linear);
  }
  s->gated = group.gate != WEFT_NONE;
  s->is_last = group.of_last_rows;
  s->is_automatic =
      static_cast<const CpuDevice*>(context.device_state)->compute == Compute::automatic;
  s->rounds = s->is_automatic && s->k->rounded_product && !s->is_last;
  if (s->gated) {
    s->linears[0].y = at.out[group.gate];
    s->activation = activation_of(context.nodes[group.activation]);
    s->alpha = context.nodes[group.activation].real("alpha", 1.0f);
  }
  s->norm = WEFT_NONE;
  s->x = at.in[group.members[0].matmul];
  if (group.norm != WEFT_NONE) {
    s->x = at.in[group.norm];
    s->norm = s->x + 1;
    s->epsilon = context.nodes[group.norm].real("epsilon", 1e-5f);
  }
  return s;
}

// Records of rows [begin, end), or the rows rounded, normalized first where the group begins so;
// `rest` holds a row.
void prepare_rows(const Step& step, const State& s, int64_t rows, Range range, char* records,
                  float* rest) {
  const PackedMatrix& w = first_of(s);
  const int64_t chunks = chunks_of(w.k, w.block), terms = terms_of(s, rows);
  for (int64_t row = range.begin; row < range.end; row++) {
    const float* x = data<float>(step.in[s.x]) + row * w.k;
    if (s.norm != WEFT_NONE) {
      s.k->rms_norm(x, data<float>(step.in[s.norm]), rest, w.k, s.epsilon);
      x = rest;
    }
    if (rounds(s, rows)) {
      round_row(*s.k, x, row, w.k, records);
      continue;
    }
    for (int64_t term = 0; term < terms; term++) {
      const int64_t at = row * terms + term, first = at / kGroupRows * kGroupRows;
      const int64_t group = std::min(kGroupRows, rows * terms - first);
      s.k->quantize(x, w.k, w.block, w.zero, records + (first * chunks + at - first) * kRecordBytes,
                    group * kRecordBytes, term + 1 < terms ? rest : nullptr);
      x = rest;
    }
  }
}

Product product_of(const Step& step, const State& s, const Linear& linear, const char* records,
                   int64_t rows) {
  Product p{};
  p.w = &linear.w;
  p.x = records;
  p.terms = terms_of(s, rows);
  p.rows = rows * p.terms;
  p.y = data_out<float>(step, linear.y);
  p.y_row = linear.w.n;
  p.finish = s.gated ? kGate : linear.joins ? kJoin : kStore;
  if (linear.joins) {
    p.other = data<float>(step.in[linear.other]);
    p.other_row = linear.is_bias ? 0 : linear.w.n;
  }
  if (s.gated) {
    p.gated = &s.linears[1].w;
    p.activate = s.k->unary;
    p.activation = s.activation;
    p.alpha = s.alpha;
  }
  return p;
}

// This thread's share of the tiles of all matrices, in pairs; `panel` where rows are rounded.
void multiply(const Step& step, const State& s, const char* records, int64_t rows, const Team& team,
              char* panel) {
  const size_t count = s.gated ? 1 : s.linears.size();
  int64_t pairs = 0;
  for (size_t i = 0; i < count; i++) pairs += (s.linears[i].w.tiles + 1) / 2;
  Range mine = share(pairs, team.id, team.size);
  for (size_t i = 0; i < count && mine.end > 0; i++) {
    const int64_t tiles = s.linears[i].w.tiles, here = (tiles + 1) / 2;
    const int64_t begin = std::max<int64_t>(mine.begin, 0) * 2;
    const int64_t end = std::min(mine.end * 2, tiles);
    if (begin < end) {
      const Product p = product_of(step, s, s.linears[i], records, rows);
      if (rounds(s, rows)) {
        s.k->rounded_product(p, begin, end, panel);
      } else {
        s.k->quantized_product(p, begin, end);
      }
    }
    mine.begin -= here, mine.end -= here;
  }
}

// What is shared among threads, then a row and a panel of each.
struct Scratch {
  int64_t shared, row, panel;
  int64_t own() const { return row + panel; }
};
Scratch scratch_of(const State& s, int64_t rows) {
  const int64_t k = first_of(s).k;
  if (!rounds(s, rows)) return {record_bytes(s, rows), row_bytes(s), 0};
  return {rounded_bytes(k, rows), row_bytes(s), rounded_panel_bytes(k)};
}

void run(const Step& step, const Team& team) {
  const State& s = state_of(step);
  const int64_t rows = rows_of(step, s);
  if (rows == 0) return;
  if (rows <= kLocalRows) {
    char* mine = step.scratch + team.id * (record_bytes(s, kLocalRows) + row_bytes(s));
    prepare_rows(step, s, rows, {0, rows}, mine,
                 reinterpret_cast<float*>(mine + record_bytes(s, kLocalRows)));
    return multiply(step, s, mine, rows, team, nullptr);
  }
  const Scratch at = scratch_of(s, rows);
  char* mine = step.scratch + at.shared + team.id * at.own();
  if (team.phase == 0) {
    prepare_rows(step, s, rows, share(rows, team.id, team.size), step.scratch,
                 reinterpret_cast<float*>(mine));
  } else {
    multiply(step, s, step.scratch, rows, team, mine + at.row);
  }
}

uint64_t scratch(const Step& step, uint32_t threads) {
  const State& s = state_of(step);
  const int64_t rows = rows_of(step, s);
  const auto bytes = [&](int64_t some) {
    const Scratch at = scratch_of(s, some);
    return at.shared + threads * at.own();
  };
  // Few rows of two terms may be more than many of one, or than many that are rounded.
  const int64_t few =
      std::max(bytes(std::min(rows, kFineRows)), bytes(std::min<int64_t>(rows, kRoundedFrom - 1)));
  const int64_t local = threads * (record_bytes(s, kLocalRows) + row_bytes(s));
  return uint64_t(std::max({bytes(rows), few, local}));
}

uint32_t threads(const Step& step, uint32_t most) {
  const State& s = state_of(step);
  int64_t work = 0;
  for (const Linear& linear : s.linears) work += linear.w.n * linear.w.k;
  return threads_for(work * rows_of(step, s), 32 * 1024, most);
}

uint32_t phases(const Step& step) {
  const State& s = state_of(step);
  return rows_of(step, s) > kLocalRows ? 2 : 1;
}

}  // namespace

// Its nodes are checked by the rows that run them one by one.
const OpRow linear_group_row = {"", "", nullptr, prepare, run, nullptr, scratch, threads, phases};

}  // namespace weft::cpu
