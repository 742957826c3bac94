// MatMulInteger and QLinearMatMul: products of bytes, exact in 32 bits.
//
//   sum_k (a_k - a_zero) (b_kn - b_zero_n) = sum_k a'_k b_kn - b_zero_n sum_k a'_k
//
// so the inner loop over a row of b has one factor and no zero points. A unit of work is a row of y
// in a stretch of kColumns columns, whose sums lie on the stack.
//
// Products of i8 with a constant matrix of i8, where no zero point differs from 0, are packed
// (kernels.h, PackedBytes): units are a slab of rows and a pair of tiles, and a thread does its
// units of one slab at once. Sums are exact, so both ways give the same bits.
#include <cmath>

#include "plugins/cpu/ops/elements.h"

namespace weft::cpu {

namespace {

constexpr uint64_t kByteTiles = 0x6279'7465;  // of a constant's key: a layout of its own
constexpr int64_t kColumns = 512;
constexpr int64_t kSlab = 120;  // rows

// Where the operands of each op are among its inputs; 0: it has none.
struct Slots {
  uint32_t b, a_zero, b_zero, a_scale, b_scale, y_scale, y_zero;
};
constexpr Slots kInteger = {1, 2, 3, 0, 0, 0, 0}, kQLinear = {3, 2, 5, 1, 4, 6, 7};

struct State {
  const Kernels* k;
  Slots at;
  bool is_packed;
  PackedBytes packed;
};

Slots slots_of(const NodeView& node) {
  return std::strcmp(node->op_type, "QLinearMatMul") == 0 ? kQLinear : kInteger;
}

void need_byte(const NodeView& node, uint32_t i) {
  if (node.has(i) && node.in(i).dtype != WEFT_I8) need_dtype(node, i, WEFT_U8);
}

// One for all, or one per row of a (per column of b) in a vector.
void need_few(const NodeView& node, uint32_t i) {
  if (node.has(i) && node.in(i).rank > 1)
    throw Refusal{WEFT_REFUSE_RANK, "a scale or zero point that differs between batches",
                  node.input(i),    {},
                  node.in(i).rank,  1};
}

void check(const NodeView& node) {
  const Slots at = slots_of(node);
  need_input(node, 0);
  need_input(node, at.b);
  need_plain(node);
  for (const uint32_t i : {0u, at.b}) {
    need_byte(node, i);
    if (node.in(i).rank < 2)
      throw Refusal{WEFT_REFUSE_RANK, "a vector; matrices of bytes are needed", node.input(i)};
  }
  for (const uint32_t i : {at.a_zero, at.b_zero, at.y_zero}) {
    if (i == 0) continue;
    need_byte(node, i);
    need_few(node, i);
  }
  for (const uint32_t i : {at.a_scale, at.b_scale, at.y_scale}) {
    if (i == 0) continue;
    need_dtype(node, i, WEFT_F32);
    need_few(node, i);
  }
}

bool is_zero(const NodeView& node, uint32_t i) {
  if (!node.has(i)) return true;
  const weft_value& value = node.in(i);
  if (!(value.flags & WEFT_VALUE_CONSTANT) || value.dtype != WEFT_I8) return false;
  const char* bytes = static_cast<const char*>(value.data);
  return std::all_of(bytes, bytes + value.data_size, [](char byte) { return byte == 0; });
}

bool can_pack(const NodeView& node) {
  const Slots at = slots_of(node);
  const weft_value& b = node.in(at.b);
  const bool constant = (b.flags & WEFT_VALUE_CONSTANT) != 0 && b.rank == 2;
  return constant && b.dtype == WEFT_I8 && node.in(0).dtype == WEFT_I8 &&
         (at.a_zero == 0 || is_zero(node, at.a_zero)) &&
         (at.b_zero == 0 || is_zero(node, at.b_zero));
}

bool packs(const NodeView& node, uint32_t i) { return i == slots_of(node).b && can_pack(node); }

// Column-major words of four rows; see kernels.h.
void pack_bytes(const int8_t* b, int64_t k, int64_t n, char* to) {
  const int64_t tile_bytes = byte_tile_bytes(k);
  for (int64_t tile = 0; tile * 16 < n; tile++) {
    for (int64_t row = 0; row < k; row++) {
      char* word = to + tile * tile_bytes + row / 4 * 64 + row % 4;
      const int64_t columns = std::min<int64_t>(16, n - tile * 16);
      for (int64_t c = 0; c < columns; c++) word[4 * c] = char(b[row * n + tile * 16 + c] ^ 0x80);
    }
  }
}

std::shared_ptr<const void> prepare(Prepare& context) {
  const NodeView& node = context.node;
  State state{&kernels(context), slots_of(node), can_pack(node), {}};
  if (state.is_packed) {
    const weft_value& b = node.in(state.at.b);
    const int64_t k = b.dims[0].value, n = b.dims[1].value;
    const int64_t tiles = (n + 15) / 16, bytes = tiles * byte_tile_bytes(k);
    const auto id = common::content_id(b);
    const common::ConstantKey key = {kByteTiles, uint64_t(bytes), id[0], id[1], uint64_t(k)};
    const auto fill = [&](char* to) {
      std::memset(to, 0, size_t(bytes));
      pack_bytes(static_cast<const int8_t*>(b.data), k, n, to);
    };
    state.packed = {context.constants.get(key, uint64_t(bytes), fill), k, n, tiles,
                    byte_tile_bytes(k)};
  }
  return std::make_shared<State>(state);
}

const Operand* optional(const Step& step, uint32_t i) {
  return i && i < step.in_count ? step.in[i] : nullptr;
}
int64_t code_at(const Operand* x, int64_t i) {
  return x ? integer_at(*x, x->count == 1 ? 0 : i) : 0;
}
float scale_at(const Operand& x, int64_t i) { return data<float>(&x)[x.count == 1 ? 0 : i]; }

// Offset of matrix `batch` of y within an operand whose leading dims broadcast.
int64_t matrix_offset(const Operand& x, const Operand& y, int64_t batch) {
  int64_t offset = 0;
  for (uint32_t d = y.rank - 2; d-- > 0;) {
    const int64_t at = batch % y.shape[d], mine = int64_t(d) + x.rank - y.rank;
    batch /= y.shape[d];
    if (mine >= 0 && x.shape[mine] != 1) offset += at * x.stride[mine];
  }
  return offset;
}

// Row `row` of y, columns [from, from + n).
void row_of_sums(const Step& step, int64_t batch, int64_t row, int64_t from, int64_t n,
                 int32_t* sums) {
  const State& s = *static_cast<const State*>(step.state);
  const Operand &a = *step.in[0], &b = *step.in[s.at.b], &y = *step.out[0];
  const int64_t depth = a.shape[a.rank - 1], width = b.shape[b.rank - 1];
  const int64_t a_first = matrix_offset(a, y, batch) + row * depth;
  const uint8_t* b_row = data<uint8_t>(&b) + matrix_offset(b, y, batch) + from;
  const Operand* b_zero = optional(step, s.at.b_zero);
  const int64_t a_zero = code_at(optional(step, s.at.a_zero), row);
  int64_t total = 0;
  std::fill_n(sums, n, 0);
  for (int64_t k = 0; k < depth; k++) {
    const int64_t factor = integer_at(a, a_first + k) - a_zero;
    total += factor;
    if (factor) s.k->add_bytes(int32_t(factor), b_row + k * width, b.dtype == WEFT_I8, sums, n);
  }
  for (int64_t i = 0; b_zero && i < n; i++)
    sums[i] = int32_t(sums[i] - code_at(b_zero, from + i) * total);
}

// Back to codes: y = saturate(round_even(f32(sum) * f32(f32(a_scale * b_scale) / y_scale)) + zero).
void requantize(const Step& step, int64_t row, int64_t from, int64_t n, const int32_t* sums,
                int64_t to) {
  const Slots& at = static_cast<const State*>(step.state)->at;
  const Operand& y = *step.out[0];
  const float lo = y.dtype == WEFT_I8 ? -128 : 0, hi = lo + 255;
  for (int64_t i = 0; i < n; i++) {
    const float product =
        scale_at(*step.in[at.a_scale], row) * scale_at(*step.in[at.b_scale], from + i);
    const float real = float(sums[i]) * (product / scale_at(*step.in[at.y_scale], row));
    const float code = std::nearbyint(real) + float(code_at(step.in[at.y_zero], row));
    put_integer(y, to + i, int64_t(std::clamp(code, lo, hi)));
  }
}

// Columns of tiles [begin, end) of some rows of the packed product, into y or through `sums`.
void packed_part(const Step& step, int64_t row, int64_t rows, int64_t begin, int64_t end,
                 int32_t* sums) {
  const State& s = *static_cast<const State*>(step.state);
  const PackedBytes& w = s.packed;
  const Operand& y = *step.out[0];
  const int8_t* x = data<int8_t>(step.in[0]) + row * w.k;
  if (y.dtype == WEFT_I32) {
    s.k->byte_product(w, x, w.k, rows, data_out<int32_t>(step) + row * w.n, w.n, begin, end);
    return;
  }
  constexpr int64_t kTiles = kColumns / 16;
  const int64_t a_rows = step.in[0]->shape[step.in[0]->rank - 2];
  for (int64_t tile = begin; tile < end; tile += kTiles) {
    const int64_t last = std::min(tile + kTiles, end), from = tile * 16;
    const int64_t n = std::min(last * 16, w.n) - from;
    s.k->byte_product(w, x, w.k, rows, sums - from, kColumns, tile, last);
    for (int64_t r = 0; r < rows; r++)
      requantize(step, (row + r) % a_rows, from, n, sums + r * kColumns, (row + r) * w.n + from);
  }
}

void run_packed(const Step& step, const Team& team) {
  const PackedBytes& w = static_cast<const State*>(step.state)->packed;
  const int64_t rows = step.out[0]->count / w.n, pairs = (w.tiles + 1) / 2;
  auto* sums = reinterpret_cast<int32_t*>(step.scratch) + team.id * kSlab * kColumns;
  const Range mine = share((rows + kSlab - 1) / kSlab * pairs, team.id, team.size);
  for (int64_t unit = mine.begin; unit < mine.end;) {
    const int64_t slab = unit / pairs, last = std::min((slab + 1) * pairs, mine.end);
    const int64_t begin = (unit - slab * pairs) * 2, end = (last - slab * pairs) * 2;
    packed_part(step, slab * kSlab, std::min(kSlab, rows - slab * kSlab), begin,
                std::min(end, w.tiles), sums);
    unit = last;
  }
}

uint64_t scratch(const Step& step, uint32_t count) {
  const bool sums =
      static_cast<const State*>(step.state)->is_packed && step.out[0]->dtype != WEFT_I32;
  return sums ? uint64_t(count) * kSlab * kColumns * sizeof(int32_t) : 0;
}

void run(const Step& step, const Team& team) {
  const Operand& y = *step.out[0];
  if (y.count == 0) return;
  if (static_cast<const State*>(step.state)->is_packed) return run_packed(step, team);
  const int64_t rows = y.shape[y.rank - 2], width = y.shape[y.rank - 1];
  const int64_t stretches = (width + kColumns - 1) / kColumns;
  const Range mine = share(y.count / width * stretches, team.id, team.size);
  int32_t sums[kColumns];
  for (int64_t unit = mine.begin; unit < mine.end; unit++) {
    const int64_t line = unit / stretches, from = unit % stretches * kColumns;
    const int64_t n = std::min(kColumns, width - from), to = line * width + from;
    row_of_sums(step, line / rows, line % rows, from, n, sums);
    if (y.dtype == WEFT_I32) {
      std::memcpy(data_out<int32_t>(step) + to, sums, size_t(n) * sizeof *sums);
    } else {
      requantize(step, line % rows, from, n, sums, to);
    }
  }
}

uint32_t threads(const Step& step, uint32_t most) {
  const Operand& a = *step.in[0];
  const bool packed = static_cast<const State*>(step.state)->is_packed;
  return threads_for(step.out[0]->count * a.shape[a.rank - 1], packed ? 256 * 1024 : 32 * 1024,
                     most);
}

}  // namespace

extern const OpRow matmul_integer_row = {"", "", check, prepare, run, packs, scratch, threads};

}  // namespace weft::cpu
