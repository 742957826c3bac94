// Reading constants in their stored forms and laying them out in panels; see weights.h.
#include "plugins/opencl/weights.h"

#include <cmath>
#include <cstring>

#include "plugins/common/constant_store.h"
#include "quant/f16.h"

namespace weft::opencl {

using common::Refusal;
using plugin::Failure;
using plugin::GraphView;
using plugin::text;

namespace {

constexpr int64_t kGroupK = 8;         // k of a group
constexpr uint64_t kWeightLayout = 2;  // of a constant's key

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
int64_t panels_of(int64_t n) { return round_up(n, kPanel) / kPanel; }

// Everything that decides the packed bytes of a constant.
struct Source {
  const LineMatrix* matrix;
  const float* floats = nullptr;  // or codes
  common::StoredCodes stored{};
  uint32_t flip = 0;  // makes signed codes unsigned
};

// A zero point is often made of a minimum that is a half: then it is that half over the scale
// again.
uint16_t zero_times_scale(float zero, float scale) { return quant::f32_to_f16(zero * scale); }
bool is_quotient(float zero, float scale) {
  const float product = quant::f16_to_f32(zero_times_scale(zero, scale));
  return std::isfinite(product) && product / scale == zero;
}

bool is_half(float x) { return std::isfinite(x) && quant::f16_to_f32(quant::f32_to_f16(x)) == x; }

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// The shortest form that keeps every bit of `count` floats.
WeightKind float_kind(const float* x, int64_t count) {
  bool bf16 = true, f16 = true;
  for (int64_t i = 0; i < count && (bf16 || f16); i++) {
    bf16 = bf16 && (bits_of(x[i]) & 0xFFFF) == 0;
    f16 = f16 && is_half(x[i]);
  }
  return bf16 ? WeightKind::bf16 : f16 ? WeightKind::f16 : WeightKind::f32;
}

int64_t group_words(WeightKind kind) {
  constexpr int64_t kRowsOfWords[] = {8, 4, 4, 2, 1};
  return kRowsOfWords[int(kind)] * kPanel;
}

// Where codes, scales and zero points are; fills in what `form` says of them.
Source read_codes(const GraphView& graph, const LineMatrix& m, bool exact_division,
                  WeightForm& form, common::ConstantKey& key) {
  Source s{&m};
  s.stored = common::stored_codes(graph, m, key);
  const common::StoredCodes& q = s.stored;
  const bool nibble = common::is_nibble(q.storage);
  form.form = cl_int(nibble ? WeightKind::u4 : WeightKind::u8);
  form.block = cl_int(round_up(q.block, kGroupK));
  form.zero = cl_float(q.zero);
  if (q.storage == WEFT_I4) form.offset = 8, s.flip = 0x88888888u;
  if (q.storage == WEFT_I8) form.offset = 128, s.flip = 0x80808080u;
  if (q.storage == WEFT_F4_E0M4) form.offset = -16;
  bool half_scales = true, small_zeros = true, quotients = exact_division;
  for (int64_t i = 0; i < m.n * q.blocks; i++) {
    half_scales = half_scales && is_half(q.scale[i]);
    const float zero = float(q.zero_at(i));
    small_zeros = small_zeros && zero >= 0 && zero <= 255 && zero == std::floor(zero);
    quotients = quotients && is_quotient(zero, q.scale[i]);
  }
  form.scale_form = cl_int(half_scales ? ScaleKind::f16 : ScaleKind::f32);
  form.zero_form = cl_int(!q.zero_f32 && !q.zero_u8 ? ZeroKind::fixed
                          : small_zeros             ? ZeroKind::u8
                          : quotients               ? ZeroKind::quotient
                                                    : ZeroKind::f32);
  return s;
}

Source read_floats(const LineMatrix& m, WeightForm& form, common::ConstantKey& key) {
  Source s{&m};
  s.floats = common::stored_floats(m);
  form.form = cl_int(float_kind(s.floats, m.n * m.k));
  form.block = cl_int(round_up(std::max<int64_t>(m.k, 1), kGroupK));
  key[5] = m.line_major;
  return s;
}

// Where scales and zero points are in a panel, and how long it is.
void lay_out(const Source& s, WeightForm& form) {
  const int64_t groups = round_up(form.k, kGroupK) / kGroupK;
  form.group_words = cl_int(group_words(WeightKind(form.form)));
  int64_t words = groups * form.group_words;
  form.scales_at = cl_int(words);
  const bool half_scales = form.scale_form == cl_int(ScaleKind::f16);
  words += s.stored.blocks * kPanel / (half_scales ? 2 : 1);
  form.zeros_at = cl_int(words);
  if (form.zero_form == cl_int(ZeroKind::u8)) words += s.stored.blocks * kPanel / 4;
  if (form.zero_form == cl_int(ZeroKind::quotient)) words += s.stored.blocks * kPanel / 2;
  if (form.zero_form == cl_int(ZeroKind::f32)) words += s.stored.blocks * kPanel;
  form.panel_words = cl_int(round_up(words, 16));  // so that groups keep to lines of 64 bytes
}

// k 0 .. 7, low nibble first, as the kernels have them: k 0 4 1 5 2 6 3 7.
uint32_t interleave(uint32_t word) {
  uint32_t out = 0;
  for (int k = 0; k < 8; k++) {
    const int to = k < 4 ? 2 * k : 2 * k - 7;
    out |= (word >> (4 * k) & 15) << (4 * to);
  }
  return out;
}

void pack_codes(const Source& s, const WeightForm& form, int64_t line, int64_t lane,
                uint32_t* panel) {
  const bool nibble = form.form == cl_int(WeightKind::u4);
  const common::StoredCodes& q = s.stored;
  const char* from = q.codes + line * q.line_bytes;
  for (int64_t at = 0; at < q.line_bytes; at += 4, from += 4) {
    uint32_t word = 0;
    std::memcpy(&word, from, size_t(std::min<int64_t>(4, q.line_bytes - at)));
    word ^= s.flip;
    if (at / 4 * kPanel + lane >= form.scales_at) break;  // padding of the source's last block
    panel[at / 4 * kPanel + lane] = nibble ? interleave(word) : word;
  }
  for (int64_t b = 0; b < q.blocks; b++) {
    const int64_t i = line * q.blocks + b, to = b * kPanel + lane;
    uint32_t* scales = panel + form.scales_at;
    uint32_t* zeros = panel + form.zeros_at;
    if (form.scale_form == cl_int(ScaleKind::f16)) {
      reinterpret_cast<uint16_t*>(scales)[to] = quant::f32_to_f16(q.scale[i]);
    } else {
      scales[to] = bits_of(q.scale[i]);
    }
    const float zero = float(q.zero_at(i));
    if (form.zero_form == cl_int(ZeroKind::u8))
      reinterpret_cast<uint8_t*>(zeros)[to] = uint8_t(zero);
    if (form.zero_form == cl_int(ZeroKind::quotient))
      reinterpret_cast<uint16_t*>(zeros)[to] = zero_times_scale(zero, q.scale[i]);
    if (form.zero_form == cl_int(ZeroKind::f32)) zeros[to] = bits_of(zero);
  }
}

void pack_floats(const Source& s, const WeightForm& form, int64_t line, int64_t lane,
                 uint32_t* panel) {
  const LineMatrix& m = *s.matrix;
  const float* from = s.floats + line * (m.line_major ? m.k : 1);
  const int64_t step = m.line_major ? 1 : m.n;
  for (int64_t k = 0; k < m.k; k++) {
    const float x = from[k * step];
    if (form.form == cl_int(WeightKind::f32)) {
      panel[k * kPanel + lane] = bits_of(x);
      continue;
    }
    const uint32_t half =
        form.form == cl_int(WeightKind::f16) ? quant::f32_to_f16(x) : bits_of(x) >> 16;
    panel[k / 2 * kPanel + lane] |= half << (k % 2 * 16);
  }
}

}  // namespace

void check_weight(const GraphView& graph, const LineMatrix& m, const Limits& limits) {
  common::check_stored_form(graph, m, "opencl");
  // As floats: no form of a panel is longer, and what it is is not known before its bytes are.
  const uint64_t panel = uint64_t(round_up(m.k, kGroupK)) * kPanel * sizeof(float);
  if (panel > limits.allocation_bytes || panel > INT32_MAX)
    throw Refusal{WEFT_REFUSE_LIMIT,
                  text("%d columns of %lld are more than one buffer of this device holds", kPanel,
                       static_cast<long long>(m.k)),
                  m.index,
                  "CL_DEVICE_MAX_MEM_ALLOC_SIZE",
                  int64_t(panel),
                  int64_t(limits.allocation_bytes)};
}

PackedWeight pack_weight(Context& context, const GraphView& graph, const LineMatrix& m) {
  PackedWeight packed;
  packed.n = m.n, packed.k = m.k;
  const auto id = common::content_id(*m.value);
  common::ConstantKey key = {kWeightLayout, uint64_t(m.n), uint64_t(m.k), id[0], id[1], 0, 0, 0};
  WeightForm form;
  form.k = cl_int(m.k);
  form.stride = cl_int(m.n);
  const Source s = m.value->quant ? read_codes(graph, m, context.facts.exact_division, form, key)
                                  : read_floats(m, form, key);
  lay_out(s, form);
  const int64_t panel_bytes = std::max<int64_t>(form.panel_words, 1) * 4, panels = panels_of(m.n);
  const int64_t most = int64_t(context.facts.limits.allocation_bytes) / panel_bytes;
  for (int64_t first = 0; first < panels; first += most) {
    const int64_t count = std::min(most, panels - first), columns = first * kPanel;
    key[0] = kWeightLayout + uint64_t(first) * 256;
    form.first = cl_int(columns);
    form.columns = cl_int(std::min(count * kPanel, m.n - columns));
    const auto fill = [&](char* to) {
      std::memset(to, 0, size_t(count * panel_bytes));
      for (int64_t i = 0; i < form.columns; i++) {
        uint32_t* panel = reinterpret_cast<uint32_t*>(to + i / kPanel * panel_bytes);
        (s.floats ? pack_floats : pack_codes)(s, form, columns + i, i % kPanel, panel);
      }
    };
    packed.parts.push_back(
        {context.constant(key, uint64_t(count * panel_bytes), fill), form, count});
  }
  return packed;
}

}  // namespace weft::opencl
