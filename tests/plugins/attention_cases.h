// Attention steps of all kinds, for its tests.
#pragma once

#include "quant/code_rows.h"
#include "tests/plugins/problems.h"

namespace weft::test {

struct Case {
  const char* name;
  int64_t batch = 1, rows = 1, keys = 1, heads = 1, kv_heads = 1, d = 16, dv = 16;
  int64_t valid = -1;  // nonpad_kv_seqlen; -1: none
  bool causal = true;
  float softcap = 0, scale = 0;
  int64_t left = -1;
  int mask = 0;  // 0 none, 1 f32, 2 bool
  bool sinks = false, slopes = false;
  bool halves = false;                    // keys and values go through f16
  bool k_codes = false, v_codes = false;  // or become rows of codes
  bool narrow() const { return halves || k_codes || v_codes; }
};

// Keys and values, inputs 1 and 2, through a Cast or QuantizeRows.
inline void narrow_cache(Graph& g, const Case& c, std::vector<uint32_t>& in) {
  for (size_t i = 1; i < 3; i++) {
    const int64_t size = i == 1 ? c.d : c.dv, width = c.kv_heads * size;
    if (i == 1 ? c.k_codes : c.v_codes) {
      const int64_t bytes = c.kv_heads * quant::code_row_bytes(size);
      const uint32_t codes = g.activation("codes", WEFT_I8, {c.batch, c.keys, bytes});
      g.node("QuantizeRows", {in[i]}, {codes}, {{"size", size}}, "weft");
      in[i] = codes;
    }
    if (!c.halves) continue;
    const uint32_t half = g.activation("half", WEFT_F16, {c.batch, c.keys, width});
    g.node("Cast", {in[i]}, {half}, {{"to", int64_t(WEFT_F16)}});
    in[i] = half;
  }
}

inline uint32_t attention_graph(Graph& g, const Case& c) {
  Random random(uint32_t(c.rows * 131 + c.keys));
  const uint32_t q = g.input("q", Data::floats({c.batch, c.rows, c.heads * c.d},
                                               random.reals(c.batch * c.rows * c.heads * c.d)));
  const uint32_t k = g.input("k", Data::floats({c.batch, c.keys, c.kv_heads * c.d},
                                               random.reals(c.batch * c.keys * c.kv_heads * c.d)));
  const uint32_t v = g.input("v", Data::floats({c.batch, c.keys, c.kv_heads * c.dv},
                                               random.reals(c.batch * c.keys * c.kv_heads * c.dv)));
  std::vector<uint32_t> in = {q, k, v};
  if (c.narrow()) narrow_cache(g, c, in);
  if (c.mask || c.valid >= 0) in.resize(7, WEFT_NONE);
  if (c.mask == 1)
    in[3] = g.input("mask", Data::floats({c.rows, c.keys}, random.reals(c.rows * c.keys, -4, 0)));
  if (c.mask == 2) {
    Data mask = Data::zeros(WEFT_BOOL, {c.batch, 1, c.rows, c.keys});
    for (char& b : mask.bytes) b = random.integer(0, 3) > 0;
    in[3] = g.input("mask", mask);
  }
  if (c.valid >= 0) in[6] = g.contents("valid", std::vector<D>(size_t(c.batch), D(c.valid)));
  const auto per_head = [&](const char* name, float low, float high) {
    return g.constant(name, Data::floats({c.heads}, random.reals(c.heads, low, high)));
  };
  if (c.sinks || c.slopes) in.resize(9, WEFT_NONE);
  if (c.sinks) in[7] = per_head("sinks", -1, 3);
  if (c.slopes) in[8] = per_head("slopes", 0, 0.5f);
  const uint32_t y = g.activation("y", WEFT_F32, {c.batch, c.rows, c.heads * c.dv});
  std::map<std::string, Attribute> attrs = {
      {"q_num_heads", c.heads}, {"kv_num_heads", c.kv_heads}, {"is_causal", int64_t(c.causal)}};
  if (c.softcap > 0) attrs["softcap"] = c.softcap;
  if (c.scale > 0) attrs["scale"] = c.scale;
  if (c.left >= 0) attrs["left_window_size"] = c.left;
  if (c.v_codes) attrs["v_head_size"] = c.dv;
  if (c.sinks || c.slopes || c.narrow()) {
    g.node("SinkAttention", in, {y}, attrs, "weft");
  } else {
    g.node("Attention", in, {y}, attrs);
  }
  g.outputs = {y};
  return y;
}

inline Case codes_of(Case c) {
  c.k_codes = c.v_codes = true;
  return c;
}

// Rows [row, row + rows) of `whole` alone, as a session computes them: keys up to the last of them.
inline Graph chunk_of(Graph& whole, const Case& all, int64_t row, int64_t rows) {
  Graph g;
  const int64_t width = all.heads * all.d;
  const std::vector<float> q = whole.input_data(whole.inputs[0]).floats();
  std::vector<uint32_t> in = {
      g.input("q", Data::floats({1, rows, width},
                                {q.begin() + row * width, q.begin() + (row + rows) * width})),
      g.input("k", whole.input_data(whole.inputs[1])),
      g.input("v", whole.input_data(whole.inputs[2])),
      WEFT_NONE,
      WEFT_NONE,
      WEFT_NONE,
      g.contents("valid", {D(row + rows)})};
  const uint32_t y = g.activation("y", WEFT_F32, {1, rows, all.heads * all.dv});
  if (all.narrow()) narrow_cache(g, all, in);
  const std::string domain = all.narrow() ? "weft" : "";
  g.node(all.narrow() ? "SinkAttention" : "Attention", in, {y},
         {{"q_num_heads", all.heads},
          {"kv_num_heads", all.kv_heads},
          {"is_causal", int64_t(1)},
          {"left_window_size", all.left},
          {"v_head_size", all.dv}},
         domain);
  g.outputs = {y};
  return g;
}

}  // namespace weft::test
