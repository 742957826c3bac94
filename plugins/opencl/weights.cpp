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

bool is_nibble(uint32_t storage) {
  return storage == WEFT_U4 || storage == WEFT_I4 || storage == WEFT_F4_E0M4;
}

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
int64_t panels_of(int64_t n) { return round_up(n, kPanel) / kPanel; }

// Everything that decides the packed bytes of a constant.
struct Source {
  const LineMatrix* matrix;
  const float* floats = nullptr;  // or codes with
  const uint8_t* codes = nullptr;
  int64_t line_bytes = 0;
  int64_t blocks = 0;
  const float* scale = nullptr;
  const float* zero_f32 = nullptr;
  const uint8_t* zero_u8 = nullptr;
  uint32_t flip = 0;  // makes signed codes unsigned
};

float zero_at(const Source& s, const WeightForm& form, int64_t i) {
  return s.zero_f32 ? s.zero_f32[i] : s.zero_u8 ? float(s.zero_u8[i]) : form.zero;
}

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

const weft_value& plain_constant(const GraphView& graph, uint32_t index, int64_t count) {
  if (!graph.is_constant(index)) throw Failure(WEFT_E_INVALID, "a scale is not a constant");
  const weft_value& value = graph.value(index);
  if (value.data_size < uint64_t(count) * common::element_size(value.dtype))
    throw Failure(WEFT_E_INVALID, "a scale or zero point has fewer elements than there are blocks");
  return value;
}

// Where codes, scales and zero points are; fills in what `form` says of them.
Source read_codes(const GraphView& graph, const LineMatrix& m, bool exact_division,
                  WeightForm& form, common::ConstantKey& key) {
  const weft_quant& q = *m.value->quant;
  const bool nibble = is_nibble(q.storage);
  const int64_t block = q.block ? q.block : std::max<int64_t>(m.k, 1);
  Source s{&m};
  s.blocks = (m.k + block - 1) / block;
  const int64_t padded = s.blocks * block, count = m.n * s.blocks;
  s.codes = static_cast<const uint8_t*>(m.value->data);
  s.line_bytes = nibble ? padded / 2 : padded;
  if (m.value->data_size < uint64_t(m.n * s.line_bytes))
    throw Failure(WEFT_E_INVALID, "a quantized constant is shorter than its shape");
  const weft_value& scale = plain_constant(graph, q.scale_value, count);
  s.scale = static_cast<const float*>(scale.data);
  const auto scale_id = common::content_id(scale);
  key[5] = common::mix(scale_id[0], scale_id[1]);
  if (q.zero_point_value != WEFT_NONE) {
    const weft_value& zero = plain_constant(graph, q.zero_point_value, count);
    if (zero.dtype == WEFT_F32) s.zero_f32 = static_cast<const float*>(zero.data);
    if (zero.dtype == WEFT_U8) s.zero_u8 = static_cast<const uint8_t*>(zero.data);
    const auto zero_id = common::content_id(zero);
    key[5] = common::mix(key[5], common::mix(zero_id[0], zero_id[1]));
  }
  std::memcpy(&key[6], &q.zero, sizeof key[6]);
  key[7] = uint64_t(q.storage) << 32 | uint64_t(block);

  form.form = cl_int(nibble ? WeightKind::u4 : WeightKind::u8);
  form.block = cl_int(round_up(block, kGroupK));
  form.zero = cl_float(q.zero);
  if (q.storage == WEFT_I4) form.offset = 8, s.flip = 0x88888888u;
  if (q.storage == WEFT_I8) form.offset = 128, s.flip = 0x80808080u;
  if (q.storage == WEFT_F4_E0M4) form.offset = -16;
  bool half_scales = true, small_zeros = true, quotients = exact_division;
  for (int64_t i = 0; i < count; i++) {
    half_scales = half_scales && is_half(s.scale[i]);
    const float zero = zero_at(s, form, i);
    small_zeros = small_zeros && zero >= 0 && zero <= 255 && zero == std::floor(zero);
    quotients = quotients && is_quotient(zero, s.scale[i]);
  }
  form.scale_form = cl_int(half_scales ? ScaleKind::f16 : ScaleKind::f32);
  form.zero_form = cl_int(!s.zero_f32 && !s.zero_u8 ? ZeroKind::fixed
                          : small_zeros             ? ZeroKind::u8
                          : quotients               ? ZeroKind::quotient
                                                    : ZeroKind::f32);
  return s;
}

Source read_floats(const LineMatrix& m, WeightForm& form, common::ConstantKey& key) {
  if (m.value->data_size < uint64_t(m.n * m.k) * sizeof(float))
    throw Failure(WEFT_E_INVALID, "a constant matrix is shorter than its shape");
  Source s{&m};
  s.floats = static_cast<const float*>(m.value->data);
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
  words += s.blocks * kPanel / (half_scales ? 2 : 1);
  form.zeros_at = cl_int(words);
  if (form.zero_form == cl_int(ZeroKind::u8)) words += s.blocks * kPanel / 4;
  if (form.zero_form == cl_int(ZeroKind::quotient)) words += s.blocks * kPanel / 2;
  if (form.zero_form == cl_int(ZeroKind::f32)) words += s.blocks * kPanel;
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
  const uint8_t* from = s.codes + line * s.line_bytes;
  for (int64_t at = 0; at < s.line_bytes; at += 4, from += 4) {
    uint32_t word = 0;
    std::memcpy(&word, from, size_t(std::min<int64_t>(4, s.line_bytes - at)));
    word ^= s.flip;
    if (at / 4 * kPanel + lane >= form.scales_at) break;  // padding of the source's last block
    panel[at / 4 * kPanel + lane] = nibble ? interleave(word) : word;
  }
  for (int64_t b = 0; b < s.blocks; b++) {
    const int64_t i = line * s.blocks + b, to = b * kPanel + lane;
    uint32_t* scales = panel + form.scales_at;
    uint32_t* zeros = panel + form.zeros_at;
    if (form.scale_form == cl_int(ScaleKind::f16)) {
      reinterpret_cast<uint16_t*>(scales)[to] = quant::f32_to_f16(s.scale[i]);
    } else {
      scales[to] = bits_of(s.scale[i]);
    }
    const float zero = zero_at(s, form, i);
    if (form.zero_form == cl_int(ZeroKind::u8))
      reinterpret_cast<uint8_t*>(zeros)[to] = uint8_t(zero);
    if (form.zero_form == cl_int(ZeroKind::quotient))
      reinterpret_cast<uint16_t*>(zeros)[to] = zero_times_scale(zero, s.scale[i]);
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

LineMatrix columns_of(const GraphView& graph, uint32_t index) {
  const weft_value& v = graph.value(index);
  return {&v, index, v.dims[1].value, v.dims[0].value, v.order == WEFT_COLUMN_MAJOR};
}

LineMatrix rows_of(const GraphView& graph, uint32_t index) {
  const weft_value& v = graph.value(index);
  return {&v, index, v.dims[0].value, v.dims[1].value, v.order == WEFT_ROW_MAJOR};
}

namespace {

void check_codes(const GraphView& graph, const LineMatrix& m) {
  const weft_quant& q = *m.value->quant;
  const auto refuse = [&](const std::string& why) {
    throw Refusal{WEFT_REFUSE_QUANT, why, m.index};
  };
  if (q.scheme != WEFT_Q_AFFINE) refuse("opencl decodes affine codes only");
  if (!is_nibble(q.storage) && q.storage != WEFT_U8 && q.storage != WEFT_I8)
    refuse(text("codes stored as %s; opencl takes u4, i4, e0m4, u8 and i8",
                common::dtype_name(q.storage)));
  if (!m.line_major) refuse("blocks must run along K: the codes lie in the other order");
  const int64_t block = q.block ? q.block : std::max<int64_t>(m.k, 1);
  if (block < m.k && block % kGroupK)
    refuse(text("blocks of %u; opencl takes multiples of 8", q.block));
  if (is_nibble(q.storage) && block % 2) refuse("4-bit codes in blocks of odd length");
  if (graph.value(q.scale_value).dtype != WEFT_F32) refuse("scales that are not f32");
  if (q.zero_point_value == WEFT_NONE) return;
  const uint32_t zero = graph.value(q.zero_point_value).dtype;
  if (zero != WEFT_F32 && zero != WEFT_U8) refuse("zero points that are neither f32 nor u8");
}

}  // namespace

void check_weight(const GraphView& graph, const LineMatrix& m, const Limits& limits) {
  const weft_value& value = *m.value;
  if (value.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("a constant matrix of %s; opencl takes f32, quantized or not",
                       common::dtype_name(value.dtype)),
                  m.index};
  if (value.quant) check_codes(graph, m);
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
        (s.codes ? pack_codes : pack_floats)(s, form, columns + i, i % kPanel, panel);
      }
    };
    packed.parts.push_back(
        {context.constant(key, uint64_t(count * panel_bytes), fill), form, count});
  }
  return packed;
}

}  // namespace weft::opencl
