// Mixtures of experts (MoE, QMoE of com.microsoft) as the products they consist of.
//
//   x [T, H] tokens, logits [T, E] of the router, W1 [E, F, H], W2 [E, H, I]; F = 2 I where the
//   gate is fused into W1
//
//   experts, weights = the k best logits of each token; softmax over them (over all logits, unless
//                      normalize_routing_weights)                                     [T, k]
//   y = sum over j of weights[:, j] * (act(x W1[experts[:, j]]^T + b1) W2[experts[:, j]]^T + b2)
//
// The products are ExpertMatMul: the stacks of matrices stay the constants they are in the file,
// and only chosen experts are computed. Sources: ONNX Runtime's ContribOperators.md; Shazeer et
// al., "Outrageously Large Neural Networks", 2017; Shazeer, "GLU Variants Improve Transformer",
// 2020.
#include <limits>

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
    x = TRY(node_.add(Op::Unsqueeze, {x, node_.integers_constant({1})}));
    ValueId weights = TRY(routing());
    ValueId y = TRY(experts(x));
    weights = TRY(node_.add(Op::Unsqueeze, {weights, node_.integers_constant({2})}));
    y = TRY(node_.add(Op::Mul, {y, weights}));
    ValueId total = TRY(
        node_.add(Op::ReduceSum, {y, node_.integers_constant({1})}, {{"keepdims", int64_t{0}}}));
    if (shape != ValueId::none) total = TRY(reshaped(total, shape));
    node_.bind(0, total);
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
      for (size_t slot : {slots(fc).weight, slots(fc).scales, slots(fc).zeros}) {
        if (slot == SIZE_MAX || !node_.has(slot)) continue;
        const Tensor* tensor = node_.tensor(slot);
        if (!tensor)
          return Error("'" + node_.input_name(slot) + "' must be a constant of the file");
        if (tensor->dims.empty() || tensor->dims[0] != count_)
          return Error("'" + node_.input_name(slot) + "' has not one part for each of the " +
                       std::to_string(count_) + " experts");
      }
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

  // The weights of the chosen experts, [T, k]; who they are is in chosen_.
  Result<ValueId> routing() {
    ValueId logits = node_.input(1);
    const ir::Attrs last{{"axis", int64_t{-1}}};
    std::vector<ValueId> best = TRY(
        node_.add_all(Op::TopK, {logits, node_.integers_constant({k_})}, 2,
                      {{"axis", int64_t{-1}}, {"largest", int64_t{1}}, {"sorted", int64_t{1}}}));
    chosen_ = best[1];
    const bool normalized = node_.integer("normalize_routing_weights", 0) != 0;
    if (quantized_ && node_.has(14)) {
      ValueId weights = TRY(node_.add(Op::GatherElements, {node_.input(14), chosen_}, last));
      return normalized ? over_sum(weights) : weights;
    }
    if (normalized) return node_.add(Op::Softmax, {best[0]}, last);
    ValueId all = TRY(node_.add(Op::Softmax, {logits}, last));
    return node_.add(Op::GatherElements, {all, chosen_}, last);
  }

  Result<ValueId> over_sum(ValueId x) {
    ValueId sum = TRY(
        node_.add(Op::ReduceSum, {x, node_.integers_constant({-1})}, {{"keepdims", int64_t{1}}}));
    return node_.add(Op::Div, {x, sum});
  }

  Result<ValueId> number(double value) {
    return node_.float_constant(node_.type(node_.input(0)).dtype, value);
  }

  // fc(x) of the chosen experts: x W^T + b.
  Result<ValueId> projected(ValueId x, int fc) {
    const Slots at = slots(fc);
    const std::string name = node_.input_name(at.weight);
    ValueId w = node_.input(at.weight);
    if (quantized_) w = TRY(quantized_stack(at), "'" + name + "'");
    std::vector<ValueId> inputs{x, w, chosen_};
    if (node_.has(at.bias)) inputs.push_back(node_.input(at.bias));
    return node_.add(Op::ExpertMatMul, inputs, {{"transposed", int64_t{1}}});
  }

  Result<ValueId> quantized_stack(const Slots& at) {
    const Tensor& codes = *node_.tensor(at.weight);
    if (codes.dims.size() != 3 || codes.dtype != DType::u8 || codes.dims[0] != count_)
      return Error("codes of u8 [experts, rows, packed columns] are expected");
    PackedWeight packed;
    packed.name = node_.input_name(at.weight);
    packed.bits = node_.integer(at.bits, node_.integer("expert_weight_bits", 4));
    if (packed.bits != 4 && packed.bits != 8)
      return Error(std::to_string(packed.bits) +
                   "-bit experts are not supported; 4 and 8 bits are");
    packed.block = node_.integer("block_size", 0);
    packed.matrices = count_;
    packed.rows = count_ * codes.dims[1];
    packed.columns = codes.dims[2] * (8 / packed.bits);
    packed.default_zero = packed.bits == 8 ? 128 : 8;
    packed.data = &codes;
    packed.scales = node_.tensor(at.scales);
    if (node_.has(at.zeros)) {
      packed.zero_points = node_.tensor(at.zeros);
      packed.tight_zero_points = packed.block <= 0;
      if (packed.tight_zero_points && packed.bits == 4 && codes.dims[1] % 2)
        return Error("packed zero points of an odd number of rows are not supported");
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

  // Gate and linear part of [T, k, 2 I]: every other column, or one half and the other.
  Result<std::vector<ValueId>> halves(ValueId both) {
    if (fusion_ == 2)
      return node_.add_all(Op::Split, {both}, 2,
                           {{"axis", int64_t{2}}, {"num_outputs", int64_t{2}}});
    std::vector<ValueId> parts;
    for (int64_t first : {0, 1})
      parts.push_back(
          TRY(node_.add(Op::Slice, {both, node_.integers_constant({first}),
                                    node_.integers_constant({std::numeric_limits<int64_t>::max()}),
                                    node_.integers_constant({2}), node_.integers_constant({2})})));
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

  // The chosen experts' results [T, k, H] of x [T, 1, H].
  Result<ValueId> experts(ValueId x) {
    ValueId h = TRY(projected(x, 1), "fc1");
    if (fusion_ != 0) {
      std::vector<ValueId> parts = TRY(halves(h));
      h = TRY(swiglu(parts[0], parts[1]));
    } else if (activation_ == "swiglu") {
      h = TRY(swiglu(h, TRY(projected(x, 3), "fc3")));
    } else {
      h = TRY(activated(h));
      if (gated_) h = TRY(node_.add(Op::Mul, {h, TRY(projected(x, 3), "fc3")}));
    }
    return TRY(projected(h, 2), "fc2");
  }

  NodeImport& node_;
  const bool quantized_;
  int64_t hidden_ = 0, count_ = 0, k_ = 1, fusion_ = 0;
  bool gated_ = false;
  ValueId chosen_ = ValueId::none;  // [T, k]
  std::string activation_;
};

}  // namespace

Status mixture_of_experts(NodeImport& node) { return Experts(node, false).run(); }

Status quantized_mixture_of_experts(NodeImport& node) { return Experts(node, true).run(); }

}  // namespace weft::onnx
