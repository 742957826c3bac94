// The reference of Attention and SinkAttention, in double. The formula and the letters are at the
// head of attention.cpp.
//
// A key that is not attended is left out of the sums, so that whatever lies in the unused part of a
// cache, NaN included, does not reach the result.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/attention.h"
#include "core/ops/broadcast.h"
#include "core/ops/code_rows.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();

// q, k, v or y as [B, H, S, D], whichever form it has.
Result<Array> split_heads(const Array& x, int64_t heads, const char* name) {
  if (x.rank() == 4) return x;
  if (x.rank() != 3 || heads <= 0 || x.shape[2] % heads != 0) {
    return Error{std::string(name) + " is " + str(x.shape) + ", which " + std::to_string(heads) +
                 " heads do not divide"};
  }
  Array view = x;
  const int64_t size = x.shape[2] / heads;
  view.shape = {x.shape[0], heads, x.shape[1], size};
  view.strides = {x.strides[0], size * x.strides[2], x.strides[1], x.strides[2]};
  return view;
}

// Keys or values, [B, H, S, D]; codes become reals in `scratch`.
Result<Array> load_heads(const Array& x, int64_t heads, int64_t size, const char* name,
                         Tensor& scratch) {
  const Array apart = TRY(split_heads(x, heads, name));
  if (x.dtype != DType::i8) return apart;
  scratch = TRY(decode_rows(apart, size, name));
  return scratch.view();
}

// Past and new positions of k or v, [B, H, T, D] row-major.
struct Cache {
  std::vector<int64_t> shape;
  std::vector<double> values;
};

Result<Cache> join(const Array& past, const Array& fresh, const char* name) {
  Cache cache{fresh.shape, {}};
  if (!past.present()) {
    cache.values = load_all(fresh);
    return cache;
  }
  std::vector<int64_t> expected = fresh.shape;
  if (past.rank() == 4) expected[2] = past.shape[2];
  TRY(expect_shape(past, name, expected));
  cache.shape[2] += past.shape[2];
  const Tensor joined = Tensor::zeros(DType::f64, cache.shape);
  store_all(narrowed(joined.view(), 2, 0, past.shape[2]), load_all(past));
  store_all(narrowed(joined.view(), 2, past.shape[2], fresh.shape[2]), load_all(fresh));
  cache.values = load_all(joined.view());
  return cache;
}

struct Problem {
  int64_t B, Hq, Hk, S, T, D, E;
  std::vector<int64_t> offset;  // per batch: the position of query 0
  std::vector<int64_t> length;  // per batch: keys that are not padding
  bool causal = false;
  int64_t left = -1, right = -1;
  double scale = 1, softcap = 0;
  int64_t mode = 0;
  std::vector<double> mask;  // [B, Hq, S, mask_length], empty: none
  int64_t mask_length = 0;
  std::vector<double> sinks, slopes;  // [Hq], empty: none

  bool attends(int64_t b, int64_t i, int64_t j) const {
    const int64_t p = i + offset[size_t(b)];
    return j < length[size_t(b)] && !(causal && j > p) && !(left >= 0 && j < p - left) &&
           !(right >= 0 && j > p + right);
  }
  // What is added to the score of key j.
  double bias(int64_t b, int64_t h, int64_t i, int64_t j) const {
    if (!attends(b, i, j)) return kMasked;
    const double sloped =
        slopes.empty() ? 0 : slopes[size_t(h)] * double(j - i - offset[size_t(b)]);
    if (mask.empty()) return sloped;
    if (j >= mask_length) return kMasked;
    return mask[size_t(((b * Hq + h) * S + i) * mask_length + j)] + sloped;
  }
};

Status load_mask(const OpCall& call, Problem& p) {
  if (!call.has(kMask)) return {};
  const Array& mask = call.inputs[kMask];
  if (mask.rank() < 1 || mask.shape.back() > p.T) {
    return Error{"the mask is " + str(mask.shape) + " for " + std::to_string(p.T) + " keys"};
  }
  p.mask_length = mask.shape.back();
  // A length of 1 is a mask of one key, not one to be repeated, unless there is one key only.
  p.mask = TRY(load_broadcast(mask, {p.B, p.Hq, p.S, p.mask_length}), "the mask");
  if (mask.dtype == DType::boolean) {
    for (double& value : p.mask) value = value != 0 ? 0 : kMasked;
  }
  // An empty mask over keys that exist attends none of them.
  if (p.mask.empty()) p.length.assign(size_t(p.B), 0);
  return {};
}

Status load_lengths(const OpCall& call, Problem& p) {
  p.offset.assign(size_t(p.B), call.has(kPastKey) ? call.inputs[kPastKey].shape[2] : 0);
  p.length.assign(size_t(p.B), p.T);
  if (!call.has(kNonpadLength)) return {};
  p.length = load_ints(call.inputs[kNonpadLength]);
  if (int64_t(p.length.size()) != p.B) return Error{"nonpad_kv_seqlen has not one per batch"};
  for (size_t b = 0; b < p.length.size(); ++b) {
    if (p.length[b] < 0 || p.length[b] > p.T) {
      return Error{"nonpad_kv_seqlen contains " + std::to_string(p.length[b]) + ", there are " +
                   std::to_string(p.T) + " keys"};
    }
    p.offset[b] = p.length[b] - p.S;
  }
  return {};
}

Status load_per_head(const OpCall& call, size_t input, const char* name, int64_t heads,
                     std::vector<double>& values) {
  if (!call.has(input)) return {};
  TRY(expect_shape(call.inputs[input], name, std::vector<int64_t>{heads}));
  values = load_all(call.inputs[input]);
  return {};
}

double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Turns scores + bias into probabilities; what no key attends becomes 0. `sink` (kMasked: none) is
// a score without a key.
void softmax(std::vector<double>& row, const std::vector<double>& bias, double sink) {
  double top = sink;
  for (size_t j = 0; j < row.size(); ++j) {
    if (bias[j] != kMasked) top = std::max(top, row[j]);
  }
  double sum = sink == kMasked ? 0 : std::exp(sink - top);
  for (size_t j = 0; j < row.size(); ++j) {
    row[j] = bias[j] == kMasked || row[j] == kMasked ? 0 : std::exp(row[j] - top);
    sum += row[j];
  }
  for (double& value : row) value = sum == 0 ? 0 : value / sum;
}

// One query: its row of y (E values) and its row of the debug output (T values).
void attend(const Problem& p, int64_t b, int64_t h, int64_t i, const double* q, const double* k,
            const double* v, double* y, double* shown) {
  std::vector<double> row(size_t(p.T)), bias(size_t(p.T));
  const auto show = [&](int64_t mode) {
    if (p.mode == mode) std::copy(row.begin(), row.end(), shown);
  };
  for (int64_t j = 0; j < p.T; ++j) row[size_t(j)] = p.scale * dot(q, k + j * p.D, p.D);
  show(0);
  if (p.softcap > 0) {
    for (double& score : row) score = p.softcap * std::tanh(score / p.softcap);
  }
  show(1);
  for (int64_t j = 0; j < p.T; ++j) {
    bias[size_t(j)] = p.bias(b, h, i, j);
    row[size_t(j)] += bias[size_t(j)];
  }
  show(2);
  softmax(row, bias, p.sinks.empty() ? kMasked : p.sinks[size_t(h)]);
  show(3);
  for (int64_t j = 0; j < p.T; ++j) {
    if (row[size_t(j)] == 0) continue;
    for (int64_t e = 0; e < p.E; ++e) y[e] += row[size_t(j)] * v[j * p.E + e];
  }
}

Result<Problem> problem_of(const OpCall& call, const Array& q, const Cache& k, const Cache& v) {
  Problem p{};
  p.B = q.shape[0], p.Hq = q.shape[1], p.S = q.shape[2], p.D = q.shape[3];
  p.Hk = k.shape[1], p.T = k.shape[2], p.E = v.shape[3];
  const std::vector<int64_t> keys{p.B, p.Hk, p.T, p.D}, values{p.B, p.Hk, p.T, p.E};
  if (k.shape != keys || v.shape != values || p.Hk == 0 || p.Hq % p.Hk != 0) {
    return Error{"q is " + str(q.shape) + ", k " + str(k.shape) + " and v " + str(v.shape) +
                 ", which do not belong together"};
  }
  const Attrs& attrs = call.attrs;
  p.causal = attrs.integer("is_causal", 0) != 0;
  p.left = attrs.integer("left_window_size", -1);
  p.right = attrs.integer("right_window_size", -1);
  p.softcap = attrs.real("softcap", 0);
  p.mode = attrs.integer("qk_matmul_output_mode", 0);
  p.scale = attrs.real("scale", 1 / std::sqrt(double(p.D)));
  TRY(load_lengths(call, p));
  TRY(load_mask(call, p));
  TRY(load_per_head(call, kSinks, "sinks", p.Hq, p.sinks));
  TRY(load_per_head(call, kSlopes, "slopes", p.Hq, p.slopes));
  return p;
}

}  // namespace

Status attention_reference(const OpCall& call) {
  const int64_t q_heads = call.attrs.integer("q_num_heads", 0);
  const int64_t kv_heads = call.attrs.integer("kv_num_heads", 0);
  const Array q = TRY(split_heads(call.inputs[kQ], q_heads, "q"));
  const int64_t v_size = call.attrs.integer("v_head_size", 0);
  Tensor reals[2];
  const Array fresh_k = TRY(load_heads(call.inputs[kK], kv_heads, q.shape[3], "k", reals[0]));
  const Array fresh_v = TRY(load_heads(call.inputs[kV], kv_heads, v_size, "v", reals[1]));
  const Array none;
  const Cache k = TRY(join(call.has(kPastKey) ? call.inputs[kPastKey] : none, fresh_k, "past_key"));
  const Cache v =
      TRY(join(call.has(kPastValue) ? call.inputs[kPastValue] : none, fresh_v, "past_value"));
  const Problem p = TRY(problem_of(call, q, k, v));

  const std::vector<int64_t> shapes[] = {
      {p.B, p.Hq, p.S, p.E}, k.shape, v.shape, {p.B, p.Hq, p.S, p.T}};
  const auto queries = load_all(q);
  std::vector<double> y(size_t(p.B * p.Hq * p.S * p.E), 0),
      shown(size_t(p.B * p.Hq * p.S * p.T), 0);
  for (int64_t row = 0; row < p.B * p.Hq * p.S; ++row) {
    const int64_t i = row % p.S, h = row / p.S % p.Hq, b = row / (p.S * p.Hq);
    const int64_t head = (b * p.Hk + h / (p.Hq / p.Hk)) * p.T;
    attend(p, b, h, i, queries.data() + row * p.D, k.values.data() + head * p.D,
           v.values.data() + head * p.E, y.data() + row * p.E, shown.data() + row * p.T);
  }

  const std::vector<double>* results[] = {&y, &k.values, &v.values, &shown};
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (!call.wants(i)) continue;
    Array out = call.outputs[i];
    if (i == kY) out = TRY(split_heads(out, p.Hq, "y"));
    TRY(expect_shape(out, "output " + std::to_string(i), shapes[i]));
    store_all(out, *results[i]);
  }
  return {};
}

}  // namespace weft::ops
