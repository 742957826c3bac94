// Reading stored forms; see line_matrix.h.
#include "plugins/common/line_matrix.h"

#include <algorithm>
#include <cstring>

namespace weft::common {

using plugin::Failure;
using plugin::GraphView;
using plugin::text;

LineMatrix columns_of(const GraphView& graph, uint32_t index) {
  const weft_value& v = graph.value(index);
  return {&v, index, v.dims[1].value, v.dims[0].value, v.order == WEFT_COLUMN_MAJOR};
}

LineMatrix rows_of(const GraphView& graph, uint32_t index) {
  const weft_value& v = graph.value(index);
  return {&v, index, v.dims[0].value, v.dims[1].value, v.order == WEFT_ROW_MAJOR};
}

LineMatrix experts_of(const GraphView& graph, uint32_t index, bool transposed) {
  const weft_value& v = graph.value(index);
  const int64_t rows = v.dims[1].value, columns = v.dims[2].value;
  return {&v,         index,          transposed ? rows : columns, transposed ? columns : rows,
          transposed, v.dims[0].value};
}

bool is_nibble(uint32_t storage) {
  return storage == WEFT_U4 || storage == WEFT_I4 || storage == WEFT_F4_E0M4;
}

namespace {

int64_t block_of(const weft_quant& quant, int64_t k) {
  return quant.block ? quant.block : std::max<int64_t>(k, 1);
}

const weft_value& plain_constant(const GraphView& graph, uint32_t index, int64_t count) {
  if (!graph.is_constant(index)) throw Failure(WEFT_E_INVALID, "a scale is not a constant");
  const weft_value& value = graph.value(index);
  if (value.data_size < uint64_t(count) * element_size(value.dtype))
    throw Failure(WEFT_E_INVALID, "a scale or zero point has fewer elements than there are blocks");
  return value;
}

}  // namespace

void check_stored_form(const GraphView& graph, const LineMatrix& m, const char* who) {
  if (m.value->dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("a constant matrix of %s; %s takes f32, quantized or not",
                       dtype_name(m.value->dtype), who),
                  m.index};
  if (!m.value->quant) return;
  const weft_quant& q = *m.value->quant;
  const auto refuse = [&](const std::string& why) {
    throw Refusal{WEFT_REFUSE_QUANT, why, m.index};
  };
  if (q.scheme != WEFT_Q_AFFINE) refuse(text("%s decodes affine codes only", who));
  if (!is_nibble(q.storage) && q.storage != WEFT_U8 && q.storage != WEFT_I8)
    refuse(
        text("codes stored as %s; %s takes u4, i4, e0m4, u8 and i8", dtype_name(q.storage), who));
  if (!m.line_major) refuse("blocks must run along K: the codes lie in the other order");
  const int64_t block = block_of(q, m.k);
  if (block < m.k && block % 8) refuse(text("blocks of %u; %s takes multiples of 8", q.block, who));
  if (is_nibble(q.storage) && block % 2) refuse("4-bit codes in blocks of odd length");
  if (graph.value(q.scale_value).dtype != WEFT_F32) refuse("scales that are not f32");
  if (q.zero_point_value == WEFT_NONE) return;
  const uint32_t zero = graph.value(q.zero_point_value).dtype;
  if (zero != WEFT_F32 && zero != WEFT_U8) refuse("zero points that are neither f32 nor u8");
}

StoredCodes stored_codes(const GraphView& graph, const LineMatrix& m, ConstantKey& key) {
  const weft_quant& q = *m.value->quant;
  const int64_t block = block_of(q, m.k), blocks = (m.k + block - 1) / block;
  const int64_t lines = m.matrices * m.n, codes = blocks * block;
  const weft_value& scale = plain_constant(graph, q.scale_value, lines * blocks);
  StoredCodes s{static_cast<const char*>(m.value->data),
                is_nibble(q.storage) ? codes / 2 : codes,
                static_cast<const float*>(scale.data),
                nullptr,
                nullptr,
                q.zero,
                q.storage,
                block,
                blocks};
  if (m.value->data_size < uint64_t(lines * s.line_bytes))
    throw Failure(WEFT_E_INVALID, "a quantized constant is shorter than its shape");
  const auto scale_id = content_id(scale);
  key[5] = mix(scale_id[0], scale_id[1]);
  if (q.zero_point_value != WEFT_NONE) {
    const weft_value& zero = plain_constant(graph, q.zero_point_value, lines * blocks);
    if (zero.dtype == WEFT_F32) s.zero_f32 = static_cast<const float*>(zero.data);
    if (zero.dtype == WEFT_U8) s.zero_u8 = static_cast<const uint8_t*>(zero.data);
    const auto zero_id = content_id(zero);
    key[5] = mix(key[5], mix(zero_id[0], zero_id[1]));
  }
  std::memcpy(&key[6], &q.zero, sizeof key[6]);
  key[7] = uint64_t(q.storage) << 32 | uint64_t(block);
  return s;
}

const float* stored_floats(const LineMatrix& m) {
  if (m.value->data_size < uint64_t(m.matrices * m.n * m.k) * sizeof(float))
    throw Failure(WEFT_E_INVALID, "a constant matrix is shorter than its shape");
  return static_cast<const float*>(m.value->data);
}

}  // namespace weft::common
