// Attention: y = softmax(cap(scale * q k^T) + bias) v, per head. SinkAttention: the same with what
// ONNX's op cannot say, a sink for the softmax and slopes over distance.
//
//   q             [B, Hq, S, D],  or [B, S, Hq * D]  with attribute q_num_heads     float
//   k             [B, Hk, T', D], or [B, T', Hk * D] with attribute kv_num_heads    like q
//   v             [B, Hk, T', E], or [B, T', Hk * E]                                float
//   mask          broadcasts to [B, Hq, S, T]; bool (true: attend) or float (added); its last dim
//   may be
//                 shorter than T: what is missing is not attended
//   past_key, past_value   [B, Hk, P, D], [B, Hk, P, E]; both or none; T = P + T'
//   nonpad_kv_seqlen       i64 [B]: keys from there on are padding; not with past_key
//   y             [B, Hq, S, E] or [B, S, Hq * E], as q
//   present_key, present_value   [B, Hk, T, D], [B, Hk, T, E]
//   scores        [B, Hq, S, T], what qk_matmul_output_mode says: 0 scale * q k^T, 1 after the cap,
//   2 after
//                 the bias, 3 the probabilities
//
// Hq is a multiple of Hk; head h reads k and v of head h / (Hq / Hk). cap(x) = softcap * tanh(x /
// softcap). Query i stands at position p = i + offset, with offset = P, or nonpad_kv_seqlen - S, or
// 0. is_causal: it attends keys j <= p. left_window_size, right_window_size (-1: none): p - left <=
// j <= p + right. A row that attends no key is 0. Vaswani et al., "Attention Is All You Need",
// 2017; Ainslie et al., "GQA", 2023. ONNX operators: Attention-25.
//
// SinkAttention (domain weft) is Attention plus what ONNX cannot say: k and v may be of another
// float type than q, which they are widened to (a cache of halves), or each i8 and without a past:
// rows of codes (quant/code_rows.h), a row per head; v of codes is of heads of size `v_head_size`,
// an attribute, since its bytes do not say E. There are two more inputs, each optional. It is an op
// of its own so that a backend that only knows Attention never runs it:
//
//   sinks    [Hq]  float: a score that every query of the head has beside those of the keys. It
//                  takes its share of the softmax and adds nothing to y; no cap, no mask on it.
//   slopes   [Hq]  float: slopes[h] * (j - p) is added to the score of key j, with the bias.
//
// Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2023 (as learnt logits:
// gpt-oss); Press et al., "Train Short, Test Long" (ALiBi), 2021.
#include "core/ops/attention.h"

#include <algorithm>

#include "core/ops/rules.h"
#include "quant/code_rows.h"

namespace weft::ops {
namespace {

using sym::Truth;

// One of q, k, v with its heads apart.
struct Heads {
  Dim batch, heads, sequence, size;
};

Result<Heads> heads_of(const InferContext& context, size_t input, const char* name,
                       const char* attribute) {
  // Codes are SinkAttention's alone.
  const bool codes = input != kQ && context.type(input).dtype == DType::i8;
  if (!codes) TRY(expect(context, input, name, Elements::real));
  const Shape& x = context.type(input).shape;
  const int64_t stated = context.attrs.integer(attribute, 0);
  if (x.size() == 4) {
    if (stated && equal(context.bounds, x[1], stated) == Truth::no) {
      return Error{std::string(name) + " is " + sym::str(x) + ", but " + attribute + " is " +
                   std::to_string(stated)};
    }
    return Heads{x[0], x[1], x[2], x[3]};
  }
  if (x.size() != 3) {
    return Error{std::string(name) + " is " + sym::str(x) + ", it has three or four dims"};
  }
  if (stated <= 0) {
    return Error{std::string(name) + " has three dims, so attribute " + attribute + " is needed"};
  }
  const auto size = divided(x[2], stated);
  if (!size) {
    return Error{std::string(name) + " ends in " + x[2].str() + ", which " +
                 std::to_string(stated) + " heads do not divide"};
  }
  return Heads{x[0], stated, x[1], *size};
}

// Turns the bytes of a head of codes into the `size` elements that they hold.
Status decode_size(const InferContext& context, size_t input, const char* name, const Dim& size,
                   Heads& x) {
  if (context.type(input).dtype != DType::i8) return {};
  if (context.has(kPastKey) || context.output_count > 1) {
    return Error{std::string(name) + " is of codes, to which no past is joined"};
  }
  if (!size.is_constant() || size.constant() <= 0 || size.constant() > INT32_MAX) {
    return Error{std::string(name) + " is of codes, whose heads have a fixed size, not " +
                 size.str()};
  }
  const int64_t bytes = quant::code_row_bytes(size.constant());
  if (equal(context.bounds, x.size, bytes) == Truth::no) {
    return Error{std::string(name) + " has heads of " + x.size.str() + " bytes, codes of " +
                 size.str() + " elements take " + std::to_string(bytes)};
  }
  x.size = size;
  return {};
}

Status check_heads(const InferContext& context, const Heads& q, const Heads& k, const Heads& v) {
  const size_t rank = context.type(kQ).shape.size();
  if (context.type(kK).shape.size() != rank || context.type(kV).shape.size() != rank) {
    return Error{"q, k and v differ in rank"};
  }
  const auto differ = [&](const Dim& a, const Dim& b) {
    return equal(context.bounds, a, b) == Truth::no;
  };
  const auto both = [](const Dim& a, const Dim& b) { return a.str() + " and " + b.str(); };
  if (differ(q.batch, k.batch) || differ(q.batch, v.batch)) {
    return Error{"the batches of q, k and v are " + q.batch.str() + ", " + both(k.batch, v.batch)};
  }
  if (differ(q.size, k.size)) return Error{"the heads of q and k have " + both(q.size, k.size)};
  if (differ(k.heads, v.heads)) return Error{"k and v have " + both(k.heads, v.heads) + " heads"};
  if (differ(k.sequence, v.sequence)) {
    return Error{"k and v have " + both(k.sequence, v.sequence) + " positions"};
  }
  if (q.heads.is_constant() && k.heads.is_constant() &&
      (k.heads.constant() <= 0 || q.heads.constant() % k.heads.constant() != 0)) {
    return Error{"q has " + q.heads.str() + " heads, not a multiple of the " + k.heads.str() +
                 " of k"};
  }
  return {};
}

Status check_past(const InferContext& context, size_t input, const char* name, const Heads& x) {
  const Shape& past = context.type(input).shape;
  const auto same = [&](const Dim& a, const Dim& b) {
    return equal(context.bounds, a, b) != Truth::no;
  };
  if (past.size() == 4 && same(past[0], x.batch) && same(past[1], x.heads) &&
      same(past[3], x.size)) {
    return {};
  }
  return Error{std::string(name) + " is " + sym::str(past) + ", expected [" + x.batch.str() + ", " +
               x.heads.str() + ", past, " + x.size.str() + "]"};
}

Status check_mask(const InferContext& context, const Shape& scores) {
  if (!context.has(kMask)) return {};
  const Type& mask = context.type(kMask);
  if (mask.dtype != DType::boolean) TRY(expect(context, kMask, "the mask", Elements::real));
  bool fits = !mask.shape.empty() && mask.shape.size() <= scores.size();
  for (size_t i = 0; fits && i < mask.shape.size(); ++i) {
    const Dim& dim = mask.shape[mask.shape.size() - 1 - i];
    const Dim& full = scores[scores.size() - 1 - i];
    if (i == 0) {
      fits = context.bounds.ge(dim, full + 1) != Truth::yes;
    } else {
      fits = dim == Dim(1) || equal(context.bounds, dim, full) != Truth::no;
    }
  }
  if (fits) return {};
  return Error{"the mask is " + sym::str(mask.shape) + ", which does not broadcast to " +
               sym::str(scores)};
}

Status check_attributes(const Attrs& attrs) {
  for (const char* side : {"left_window_size", "right_window_size"}) {
    const int64_t size = attrs.integer(side, -1);
    if (size < -1) return Error{std::string(side) + " is " + std::to_string(size) + ", -1 is none"};
  }
  const int64_t mode = attrs.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) return Error{"qk_matmul_output_mode is " + std::to_string(mode)};
  if (attrs.real("softcap", 0) < 0) return Error{"softcap is negative"};
  return {};
}

Result<Outputs> infer_any(const InferContext& context) {
  TRY(check_attributes(context.attrs));
  const Heads q = TRY(heads_of(context, kQ, "q", "q_num_heads"));
  Heads k = TRY(heads_of(context, kK, "k", "kv_num_heads"));
  Heads v = TRY(heads_of(context, kV, "v", "kv_num_heads"));
  TRY(decode_size(context, kK, "k", q.size, k));
  TRY(decode_size(context, kV, "v", context.attrs.integer("v_head_size", 0), v));
  TRY(check_heads(context, q, k, v));
  Dim total = k.sequence;
  if (context.has(kPastKey) != context.has(kPastValue)) {
    return Error{"past_key and past_value come together, one of them is missing"};
  }
  if (context.has(kPastKey)) {
    if (context.has(kNonpadLength)) {
      return Error{"nonpad_kv_seqlen speaks of a cache outside the op, past_key of one inside"};
    }
    TRY(expect_same(context, kK, kPastKey));
    TRY(expect_same(context, kV, kPastValue));
    TRY(check_past(context, kPastKey, "past_key", k));
    TRY(check_past(context, kPastValue, "past_value", v));
    total = context.type(kPastKey).shape[2] + k.sequence;
  }
  if (context.has(kNonpadLength)) {
    TRY(expect(context, kNonpadLength, "nonpad_kv_seqlen", Elements::integer));
    const Shape& lengths = context.type(kNonpadLength).shape;
    if (lengths.size() != 1 || equal(context.bounds, lengths[0], q.batch) == Truth::no) {
      return Error{"nonpad_kv_seqlen is " + sym::str(lengths) + ", expected [" + q.batch.str() +
                   "]"};
    }
  }
  const Shape scores{q.batch, q.heads, q.sequence, total};
  TRY(check_mask(context, scores));
  const DType type = context.type(kQ).dtype;
  const DType key_type = context.type(kK).dtype, value_type = context.type(kV).dtype;
  const bool flat = context.type(kQ).shape.size() == 3;
  const Type y{type, flat ? Shape{q.batch, q.sequence, q.heads * v.size}
                          : Shape{q.batch, q.heads, q.sequence, v.size}};
  const Type all[] = {y,
                      {key_type, {k.batch, k.heads, total, k.size}},
                      {value_type, {v.batch, v.heads, total, v.size}},
                      {type, scores}};
  Outputs outputs;
  for (size_t i = 0; i < context.output_count; ++i) outputs.emplace_back(all[i]);
  return outputs;
}

Result<Outputs> attention_infer(const InferContext& context) {
  TRY(expect_same(context, kQ, kK));
  TRY(expect(context, kV, "v", Elements::real));
  return infer_any(context);
}

// One number per query head.
Status check_per_head(const InferContext& context, size_t input, const char* name) {
  if (!context.has(input)) return {};
  TRY(expect(context, input, name, Elements::real));
  const Dim heads = TRY(heads_of(context, kQ, "q", "q_num_heads")).heads;
  const Shape& shape = context.type(input).shape;
  if (shape.size() == 1 && equal(context.bounds, shape[0], heads) != Truth::no) return {};
  return Error{std::string(name) + " are " + sym::str(shape) + ", expected [" + heads.str() + "]"};
}

Result<Outputs> sink_attention_infer(const InferContext& context) {
  InferContext plain = context;
  plain.inputs = context.inputs.first(std::min<size_t>(context.inputs.size(), kSinks));
  Outputs outputs = TRY(infer_any(plain));
  TRY(check_per_head(context, kSinks, "sinks"));
  TRY(check_per_head(context, kSlopes, "slopes"));
  return outputs;
}

}  // namespace

extern const OpDef Attention_def = {"Attention",        "", 25, 3, 7, 1, 4, attention_infer,
                                    attention_reference};
extern const OpDef SinkAttention_def = {
    "SinkAttention", "weft", 1, 3, 9, 1, 4, sink_attention_infer, attention_reference};

}  // namespace weft::ops
