// Mixtures of experts (MoE, QMoE of com.microsoft) as the products they consist of.
//
//   x [T, H] tokens, logits [T, E] of the router, W1 [E, F, H], W2 [E, H, I]; F = 2 I where the
//   gate is fused into W1
//
//   weights = softmax over the k best logits of each token (over all of them, and the k best kept,
//             unless normalize_routing_weights), 0 for the other experts          [T, E]
//   y = sum over experts e of weights[:, e] * (act(x W1[e]^T + b1[e]) W2[e]^T + b2[e])
//
// Every expert is computed for every token and the weights choose: E / k times the work of the
// sparse form, in ops that every backend has, without sizes that depend on data. Each expert's
// matrix is a constant of its own, a view of the file's bytes. Sources: ONNX Runtime's
// ContribOperators.md; Shazeer et al., "Outrageously Large Neural Networks", 2017; Shazeer, "GLU
// Variants Improve Transformer", 2020.
#include <limits>

#include "core/base/hash.h"
#include "importers/onnx/op_table.h"
#include "importers/onnx/quantized.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

namespace {

// Where a projection's tensors are among the inputs; scales and zeros of QMoE only.
struct Slots {
  size_t weight, bias, scales = SIZE_MAX, zeros = SIZE_MAX;
  const char* bits = nullptr;  // the attribute that overrides expert_weight_bits
};

// Index i of the first dim of a tensor, a view of its bytes.
Result<Tensor> piece(const Tensor& tensor, int64_t i) {
  const int64_t count = tensor.dims.empty() ? 0 : tensor.dims[0];
  const auto total = int64_t(tensor.data->bytes.size());
  if (count <= i || total % count != 0) return Error("it has not one part to an expert");
  const auto size = size_t(total / count);
  auto part = std::make_shared<ir::Constant>();
  part->bytes = tensor.data->bytes.subspan(size_t(i) * size, size);
  part->owner = tensor.data;
  const auto& whole = tensor.data->content_id;
  const uint64_t key[] = {whole[0], whole[1], uint64_t(i), size};
  part->content_id = hash128(std::as_bytes(std::span(key)));
  return Tensor{tensor.dtype, {tensor.dims.begin() + 1, tensor.dims.end()}, part};
}

class Experts {
 public:
  explicit Experts(NodeImport& node, bool quantized) : node_(node), quantized_(quantized) {}

  Status run() {
    TRY(check());
    const ir::Type type = node_.type(node_.input(0));
    ValueId shape = ValueId::none, x = node_.input(0);
    if (type.shape.size() == 3) {
      shape = TRY(node_.add(Op::Shape, {x}));
      x = TRY(reshaped(x, node_.integers_constant({-1, hidden_})));
    }
    const std::vector<ValueId> weights = TRY(routing());
    ValueId total = ValueId::none;
    for (int64_t e = 0; e < count_; e++) {
      ValueId y = TRY(expert(x, e), "expert " + std::to_string(e));
      y = TRY(node_.add(Op::Mul, {y, weights[size_t(e)]}));
      total = total == ValueId::none ? y : TRY(node_.add(Op::Add, {total, y}));
    }
    if (shape != ValueId::none) total = TRY(reshaped(total, shape));
    node_.bind(0, total);
    node_.importer.note("node '" + node_.name + "': each of its " + std::to_string(count_) +
                        " experts is computed for every token");
    return {};
  }

 private:
  Slots slots(int fc) const {
    if (quantized_) {
      const Slots all[] = {{2, 4, 3, 11, "fc1_expert_weight_bits"},
                           {5, 7, 6, 12, "fc2_expert_weight_bits"},
                           {8, 10, 9, 13, "fc3_expert_weight_bits"}};
      return all[fc - 1];
    }
    const Slots all[] = {{2, 3}, {4, 5}, {6, 7}};
    return all[fc - 1];
  }

  Status check() {
    const ir::Type x = node_.type(node_.input(0)), logits = node_.type(node_.input(1));
    if (x.shape.size() < 2 || x.shape.size() > 3 || !x.shape.back().is_constant())
      return Error("the input is " + ir::str(x) +
                   "; [tokens, constant] or [batch, sequence, "
                   "constant] is expected");
    if (logits.shape.size() != 2 || !logits.shape[1].is_constant())
      return Error("router_probs is " + ir::str(logits) + ", [tokens, experts] is expected");
    hidden_ = x.shape.back().constant();
    count_ = logits.shape[1].constant();
    k_ = node_.integer("k", 1);
    if (k_ < 1 || k_ > count_)
      return Error("k is " + std::to_string(k_) + " of " + std::to_string(count_) + " experts");
    if (node_.integer("use_sparse_mixer", 0) != 0)
      return Error("use_sparse_mixer is not supported");
    activation_ = node_.text("activation_type", "relu");
    fusion_ = activation_ == "swiglu" ? node_.integer("swiglu_fusion", 0) : 0;
    if (fusion_ < 0 || fusion_ > 2)
      return Error("swiglu_fusion is " + std::to_string(fusion_) + ", it is from 0 to 2");
    if (!node_.has(slots(2).weight)) return Error("fc2_experts_weights is missing");
    gated_ = node_.has(slots(3).weight);
    if (fusion_ != 0 && gated_) return Error("swiglu_fusion is set, but there is an fc3");
    if (activation_ == "swiglu" && fusion_ == 0 && !gated_)
      return Error("swiglu without swiglu_fusion needs fc3_experts_weights");
    for (int fc : {1, 2, 3})
      for (size_t slot : {slots(fc).weight, slots(fc).scales, slots(fc).zeros})
        if (slot != SIZE_MAX && node_.has(slot) && !node_.tensor(slot))
          return Error("'" + node_.input_name(slot) + "' must be a constant of the file");
    return quantized_ ? check_quantized() : Status();
  }

  Status check_quantized() {
    const std::string kind = node_.text("quant_type", "int");
    if (kind != "int")
      return Error("quant_type '" + kind + "' is not supported; 'int' of 4 or 8 bits is");
    if (node_.integer("weights_prepacked", -1) == 1)
      return Error("prepacked weights are not supported; weights_prepacked 0 is");
    for (size_t slot = 15; slot < 21; slot++)
      if (node_.has(slot))
        return Error("input " + std::to_string(slot) + ", of another quant_type, is not supported");
    for (int fc : {1, 2, 3})
      if (node_.has(slots(fc).weight) && !node_.has(slots(fc).scales))
        return Error("'" + node_.input_name(slots(fc).weight) + "' has no scales");
    return {};
  }

  Result<ValueId> reshaped(ValueId x, ValueId shape) {
    return node_.add(Op::Reshape, {x, shape}, {{"allowzero", int64_t{0}}});
  }

  // The weights of each expert, [T, 1].
  Result<std::vector<ValueId>> routing() {
    ValueId logits = node_.input(1);
    const DType dtype = node_.type(logits).dtype;
    const ir::Attrs last{{"axis", int64_t{-1}}};
    std::vector<ValueId> best = TRY(
        node_.add_all(Op::TopK, {logits, node_.integers_constant({k_})}, 2,
                      {{"axis", int64_t{-1}}, {"largest", int64_t{1}}, {"sorted", int64_t{1}}}));
    const bool normalized = node_.integer("normalize_routing_weights", 0) != 0;
    ValueId weights = best[0];
    if (quantized_ && node_.has(14)) {
      weights = TRY(node_.add(Op::GatherElements, {node_.input(14), best[1]}, last));
      if (normalized) weights = TRY(over_sum(weights));
    } else if (normalized) {
      weights = TRY(node_.add(Op::Softmax, {weights}, last));
    } else {
      ValueId all = TRY(node_.add(Op::Softmax, {logits}, last));
      weights = TRY(node_.add(Op::GatherElements, {all, best[1]}, last));
    }
    ValueId shape = TRY(node_.add(Op::Shape, {logits}));
    ValueId zeros =
        TRY(node_.add(Op::ConstantOfShape, {shape}, {{"dtype", int64_t(dtype)}, {"value", 0.0}}));
    ValueId spread = TRY(node_.add(Op::ScatterElements, {zeros, best[1], weights}, last));
    return node_.add_all(Op::Split, {spread}, size_t(count_),
                         {{"axis", int64_t{1}}, {"num_outputs", count_}});
  }

  Result<ValueId> over_sum(ValueId x) {
    ValueId sum = TRY(
        node_.add(Op::ReduceSum, {x, node_.integers_constant({-1})}, {{"keepdims", int64_t{1}}}));
    return node_.add(Op::Div, {x, sum});
  }

  Result<ValueId> number(double value) {
    return node_.float_constant(node_.type(node_.input(0)).dtype, value);
  }

  // fc(x) of expert e: x W[e]^T + b[e].
  Result<ValueId> projected(ValueId x, int fc, int64_t e) {
    const Slots at = slots(fc);
    const std::string name = node_.input_name(at.weight);
    ValueId w = TRY(quantized_ ? quantized_matrix(at, e) : matrix(at, e), "'" + name + "'");
    ValueId y = TRY(node_.add(Op::MatMul, {x, w}));
    if (!node_.has(at.bias)) return y;
    if (!node_.tensor(at.bias))
      return Error("'" + node_.input_name(at.bias) + "' must be a constant of the file");
    Tensor bias = TRY(piece(*node_.tensor(at.bias), e), "'" + node_.input_name(at.bias) + "'");
    ValueId b = node_.importer.constant(node_.importer.fresh_name(part_name(at.bias, e)), bias);
    return node_.add(Op::Add, {y, b});
  }

  std::string part_name(size_t slot, int64_t e) const {
    return node_.input_name(slot) + "/" + std::to_string(e);
  }

  // The constant [K, N] of expert e, stored [N][K].
  Result<ValueId> matrix(const Slots& at, int64_t e) {
    Tensor part = TRY(piece(*node_.tensor(at.weight), e));
    if (part.dims.size() != 2) return Error("it has not three dims");
    ir::Type type{part.dtype, {part.dims[1], part.dims[0]}};
    ir::Graph& graph = node_.importer.graph;
    ValueId id =
        graph.add_constant(node_.importer.fresh_name(part_name(at.weight, e)), type, part.data);
    graph[id].column_major = true;
    return id;
  }

  Result<ValueId> quantized_matrix(const Slots& at, int64_t e) {
    Tensor codes = TRY(piece(*node_.tensor(at.weight), e));
    Tensor scales = TRY(piece(*node_.tensor(at.scales), e), "scales");
    if (codes.dims.size() != 2 || codes.dtype != DType::u8)
      return Error("codes of u8 in three dims are expected");
    PackedWeight packed;
    packed.name = part_name(at.weight, e);
    packed.bits = node_.integer(at.bits, node_.integer("expert_weight_bits", 4));
    if (packed.bits != 4 && packed.bits != 8)
      return Error(std::to_string(packed.bits) +
                   "-bit experts are not supported; 4 and 8 bits are");
    packed.block = node_.integer("block_size", 0);
    packed.rows = codes.dims[0];
    packed.columns = codes.dims[1] * (8 / packed.bits);
    packed.column_major = true;
    packed.default_zero = packed.bits == 8 ? 128 : 8;
    packed.data = &codes;
    packed.scales = &scales;
    Tensor zeros;
    if (node_.has(at.zeros)) {
      zeros = TRY(piece(*node_.tensor(at.zeros), e), "zero points");
      packed.zero_points = &zeros;
      packed.tight_zero_points = packed.block <= 0;
    }
    return quantized_constant(node_.importer, packed, node_.type(node_.input(0)).dtype);
  }

  // G * sigmoid(alpha * G) * (L + beta), with G and L limited.
  Result<ValueId> swiglu(ValueId gate, ValueId linear) {
    const double limit = node_.real("swiglu_limit", std::numeric_limits<float>::infinity());
    if (limit < std::numeric_limits<float>::infinity()) {
      ValueId high = TRY(number(limit)), low = TRY(number(-limit));
      gate = TRY(node_.add(Op::Min, {gate, high}));
      linear = TRY(node_.add(Op::Clip, {linear, low, high}));
    }
    gate = TRY(node_.add(Op::Swish, {gate}, {{"alpha", node_.real("activation_alpha", 1)}}));
    const double beta = node_.real("activation_beta", 0);
    if (beta != 0) linear = TRY(node_.add(Op::Add, {linear, TRY(number(beta))}));
    return node_.add(Op::Mul, {gate, linear});
  }

  // Gate and linear part of [T, 2 I]: every other column, or one half and the other.
  Result<std::vector<ValueId>> halves(ValueId both) {
    if (fusion_ == 2)
      return node_.add_all(Op::Split, {both}, 2,
                           {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}});
    std::vector<ValueId> parts;
    for (int64_t first : {0, 1})
      parts.push_back(
          TRY(node_.add(Op::Slice, {both, node_.integers_constant({first}),
                                    node_.integers_constant({std::numeric_limits<int64_t>::max()}),
                                    node_.integers_constant({1}), node_.integers_constant({2})})));
    return parts;
  }

  Result<ValueId> activated(ValueId x) {
    if (activation_ == "relu") return node_.add(Op::Relu, {x});
    // The op's kernels take the polynomial.
    if (activation_ == "gelu")
      return node_.add(Op::Gelu, {x}, {{"approximate", std::string("tanh")}});
    if (activation_ == "silu") return node_.add(Op::Swish, {x});
    if (activation_ == "identity") return x;
    return Error("activation_type '" + activation_ +
                 "' is not supported; relu, gelu, silu, swiglu and identity are");
  }

  Result<ValueId> expert(ValueId x, int64_t e) {
    ValueId h = TRY(projected(x, 1, e), "fc1");
    if (fusion_ != 0) {
      std::vector<ValueId> parts = TRY(halves(h));
      h = TRY(swiglu(parts[0], parts[1]));
    } else if (activation_ == "swiglu") {
      h = TRY(swiglu(h, TRY(projected(x, 3, e), "fc3")));
    } else {
      h = TRY(activated(h));
      if (gated_) h = TRY(node_.add(Op::Mul, {h, TRY(projected(x, 3, e), "fc3")}));
    }
    return TRY(projected(h, 2, e), "fc2");
  }

  NodeImport& node_;
  const bool quantized_;
  int64_t hidden_ = 0, count_ = 0, k_ = 1, fusion_ = 0;
  bool gated_ = false;
  std::string activation_;
};

}  // namespace

Status mixture_of_experts(NodeImport& node) { return Experts(node, false).run(); }

Status quantized_mixture_of_experts(NodeImport& node) { return Experts(node, true).run(); }

}  // namespace weft::onnx
