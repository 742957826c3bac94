// Every op on random inputs: nothing a model can say may crash a rule or a reference, and what a
// rule promises holds for what the reference gives.
#include <random>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  int64_t below(int64_t n) { return int64_t(random_() % uint64_t(n)); }
  bool one_in(int64_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 random_;
};

DType random_type(Dice& dice) {
  static constexpr DType types[] = {DType::f32, DType::f32, DType::f32, DType::i64,    DType::i64,
                                    DType::i32, DType::f16, DType::u8,  DType::boolean};
  return types[dice.below(std::size(types))];
}

Tensor random_tensor(Dice& dice, DType dtype, std::vector<int64_t> shape) {
  Tensor result = Tensor::zeros(dtype, std::move(shape));
  for (int64_t i = 0; i < result.view().count(); ++i) {
    const int64_t value =
        dice.one_in(30) ? (dice.one_in(2) ? INT64_MAX : INT64_MIN) : dice.below(7) - 2;
    ops::store_int(result.view(), i, value);
  }
  return result;
}

// Mostly like the first input, so that rules get past their first check.
std::vector<Tensor> random_inputs(Dice& dice, const ops::OpDef& op) {
  const int64_t most = op.max_inputs < 0 ? op.min_inputs + 2 : op.max_inputs;
  const int64_t count = op.min_inputs + dice.below(most - op.min_inputs + 1);
  std::vector<Tensor> inputs;
  for (int64_t i = 0; i < count; ++i) {
    if (i >= op.min_inputs && dice.one_in(4)) {
      inputs.emplace_back();
      continue;
    }
    const bool like_first = i > 0 && dice.one_in(2);
    std::vector<int64_t> shape;
    if (like_first && dice.one_in(2)) {
      shape = inputs[0].shape;
    } else {
      for (int64_t d = dice.below(dice.one_in(3) ? 5 : 3); d > 0; --d)
        shape.push_back(dice.below(4));
    }
    const DType dtype = like_first                ? inputs[0].dtype
                        : i > 0 && dice.one_in(2) ? DType::i64
                                                  : random_type(dice);
    inputs.push_back(random_tensor(dice, dtype, std::move(shape)));
  }
  return inputs;
}

Attrs random_attrs(Dice& dice) {
  Attrs attrs;
  for (const char* name : {"axis",
                           "keepdims",
                           "to",
                           "dtype",
                           "num_outputs",
                           "start",
                           "end",
                           "fmod",
                           "allowzero",
                           "noop_with_empty_axes",
                           "q_num_heads",
                           "kv_num_heads",
                           "num_heads",
                           "is_causal",
                           "left_window_size",
                           "interleaved",
                           "transA",
                           "transB",
                           "qk_matmul_output_mode",
                           "rotary_embedding_dim",
                           "size",
                           "v_head_size"}) {
    if (!dice.one_in(3)) continue;
    attrs.set(name, dice.one_in(40) ? INT64_MIN : dice.below(dice.one_in(4) ? 20 : 4) - 1);
  }
  if (dice.one_in(2)) attrs.set("mode", std::string("circular"));
  if (dice.one_in(3)) attrs.set("perm", std::vector<int64_t>{dice.below(3), dice.below(3)});
  return attrs;
}

// What must hold of an op's answer; returns how many calls of the reference succeeded.
int check_op(Dice& dice, Op name) {
  const ops::OpDef& op = ops::def(name);
  const auto tensors = random_inputs(dice, op);
  const Attrs attrs = random_attrs(dice);
  std::vector<Given> given;
  std::vector<Array> in, out;
  for (const Tensor& one : tensors) {
    given.push_back({{one.dtype, Shape(one.shape.begin(), one.shape.end())}, {}});
    in.push_back(one.dtype == DType::undefined ? Array{} : one.view());
    if (one.dtype == DType::undefined || ir::is_float(one.dtype) || in.back().count() > 64)
      continue;
    const auto elements = ops::load_ints(one.view());
    given.back().contents.emplace(elements.begin(), elements.end());
  }
  const int64_t most = op.max_outputs < 0 ? 3 : op.max_outputs;
  const auto inferred = infer_all(name, given, attrs, {}, size_t(1 + dice.below(most)));
  if (!inferred.ok()) {
    EXPECT_TRUE(inferred.error().message.starts_with(op.name)) << inferred.error().message;
    return 0;
  }
  std::vector<Tensor> results;
  for (const Inferred& one : *inferred) {
    std::vector<int64_t> shape;
    int64_t count = 1;
    for (const Dim& dim : one.type.shape) {
      EXPECT_TRUE(dim.is_constant() && dim.constant() >= 0) << op.name << " gives " << dim.str();
      if (!dim.is_constant() || dim.constant() < 0) return 0;
      shape.push_back(dim.constant());
      // Larger tensors are refused before a reference is called.
      if (dim.constant() > 10000 || (count *= dim.constant()) > 10000) return 0;
    }
    results.push_back(Tensor::zeros(one.type.dtype, shape));
  }
  for (const Tensor& result : results) out.push_back(result.view());
  const auto status = ops::run_reference(op, {in, out, attrs});
  if (!status.ok()) return 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& contents = (*inferred)[i].contents;
    if (!contents || ir::is_float(results[i].dtype)) continue;
    const auto values = ops::load_ints(out[i]);
    EXPECT_EQ(sym::str(*contents), sym::str(Shape(values.begin(), values.end()))) << op.name;
  }
  return 1;
}

TEST(Robustness, NoOpCrashesAndContentsAreWhatTheReferenceGives) {
  Dice dice(11);
  for (size_t op = 0; op < size_t(ir::Op::count); ++op) {
    int succeeded = 0;
    for (int round = 0; round < 3000; ++round) succeeded += check_op(dice, Op(op));
    // Ops that need three or more matching inputs are reached by chance too rarely to ask for.
    if (ops::def(Op(op)).min_inputs <= 2) {
      EXPECT_GT(succeeded, 0) << ir::name(Op(op)) << " was never reached";
    }
  }
}

}  // namespace
}  // namespace weft::test
