// Rows that a mask picks: importers/onnx/picked_rows.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"
#include "tests/importers/onnx/run_graph.h"

namespace weft::onnx {
namespace {

// y[t] = sum over the two best experts e of token t of (e + 1) * x[t] * score[t, e], as tracing
// spells it. `slots_first`: the mask is [2, t], otherwise [t, 2].
class Mixture {
 public:
  explicit Mixture(bool slots_first) : slots_first_(slots_first) {
    model.input("x", FLOAT, {"t", 2}).input("scores", FLOAT, {"t", 3}).output("y");
    model.integers("two", {2}), model.integers("flat", {-1}), model.integers("axis1", {1});
    model.raw<int64_t>("three", INT64, {}, {3}), model.raw<int64_t>("k", INT64, {}, {2});
    model.raw<float>("none", FLOAT, {}, {0});
    model.integers("off_on", {0, 1}), model.integers("halves", {1, 1});
    model.node("TopK", {"scores", "two"}, {"best", "index"});
    model.node("OneHot", {"index", "three", "off_on"}, {"hot"}).set("axis", -1);
    model.node("Transpose", {"hot"}, {"by_expert"})
        .set("perm", slots_first ? std::vector<int64_t>{2, 1, 0} : std::vector<int64_t>{2, 0, 1});
    model.node("Reshape", {"best", "flat"}, {"weights"});
    model.node("Mul", {"x", "none"}, {"total"});
  }

  // The nodes of expert e; `extra` is put between its output and the scatter.
  void expert(int64_t e, const std::string& extra = "") {
    const std::string p = "e" + std::to_string(e) + ".";
    const auto at = [&](const char* name) { return p + name; };
    model.raw<int64_t>(at("e"), INT64, {}, {e});
    model.raw<float>(at("w"), FLOAT, {}, {float(e + 1)});
    model.node("Gather", {"by_expert", at("e")}, {at("hot")});
    model.node("Cast", {at("hot")}, {at("mask")}).set("to", BOOL);
    model.node("NonZero", {at("mask")}, {at("places")}).named(at("nonzero"));
    model.node("Transpose", {at("places")}, {at("turned")}).set("perm", std::vector<int64_t>{1, 0});
    model.node("Split", {at("turned"), "halves"}, {at("a"), at("b")}).set("axis", 1);
    model.node("Squeeze", {at(slots_first_ ? "a" : "b"), "axis1"}, {at("slot")});
    model.node("Squeeze", {at(slots_first_ ? "b" : "a"), "axis1"}, {at("token")});
    model.node("Gather", {"x", at("token")}, {at("rows")});
    model.node("Mul", {at("rows"), at("w")}, {at("computed")});
    if (!extra.empty()) model.node(extra, {at("computed"), "k"}, {at("mixed")}).named("mixer");
    model.node("Mul", {at("token"), "k"}, {at("first")});
    model.node("Add", {at("first"), at("slot")}, {at("place")});
    model.node("Gather", {"weights", at("place")}, {at("weight")});
    model.node("Unsqueeze", {at("weight"), "axis1"}, {at("column")});
    model.node("Mul", {at(extra.empty() ? "computed" : "mixed"), at("column")}, {at("y")});
    model.node("Unsqueeze", {at("token"), "axis1"}, {at("token_column")});
    model.node("Shape", {at("y")}, {at("shape")});
    model.node("Expand", {at("token_column"), at("shape")}, {at("to")});
    model.node("Mul", {"x", "none"}, {at("zeros")});
    model.node("ScatterElements", {at("zeros"), at("to"), at("y")}, {at("spread")})
        .named(at("scatter"))
        .set("axis", 0);
    const std::string sum = e == 2 ? "y" : at("total");
    model.node("Add", {total_, at("spread")}, {sum});
    total_ = sum;
  }

  ModelBuilder model;

 private:
  bool slots_first_;
  std::string total_ = "total";
};

ops::Tensor floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  ops::Tensor tensor = ops::Tensor::zeros(ir::DType::f32, std::move(shape));
  std::memcpy(tensor.bytes.data(), values.data(), values.size() * sizeof(float));
  return tensor;
}

void expect_mixture(bool slots_first) {
  Mixture mixture(slots_first);
  for (int64_t e : {0, 1, 2}) mixture.expert(e);
  const auto graph = mixture.model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(graph->inputs.size(), 2u);
  EXPECT_EQ(count(*graph, ir::Op::NonZero) + count(*graph, ir::Op::ScatterElements), 0u);
  EXPECT_EQ(output_type(*graph), "f32[t, 2]");
  // No token chooses expert 1 alone; the last chooses 2 and 1.
  const auto y = run_graph(*graph, {{"x", floats({3, 2}, {1, 2, 3, 4, 5, 6})},
                                    {"scores", floats({3, 3}, {5, 1, 2, 3, 1, 7, 0, 2, 4})}});
  ASSERT_TRUE(y.ok()) << y.error().message;
  std::vector<float> got(6);
  std::memcpy(got.data(), (*y)[0].bytes.data(), sizeof(float) * 6);
  EXPECT_EQ(got, (std::vector<float>{11, 22, 72, 96, 80, 96}));
}

TEST(picked_rows, of_experts_are_all_rows_and_those_that_chose_count) { expect_mixture(true); }

TEST(picked_rows, may_be_counted_along_either_axis_of_the_mask) { expect_mixture(false); }

TEST(picked_rows, that_depend_on_each_other_are_refused) {
  Mixture mixture(true);
  for (int64_t e : {0, 1, 2}) mixture.expert(e, e == 1 ? "CumSum" : "");
  // CumSum's axis is 0: over the rows.
  mixture.model.graph().mutable_initializer(4)->set_raw_data(std::string(8, '\0'));
  const std::string error = error_of(mixture.model);
  EXPECT_NE(error.find("mixer"), std::string::npos) << error;
  EXPECT_NE(error.find("mixes rows"), std::string::npos) << error;
}

TEST(picked_rows, that_leave_the_model_are_refused) {
  Mixture mixture(true);
  for (int64_t e : {0, 1, 2}) mixture.expert(e);
  mixture.model.output("e1.y");
  EXPECT_NE(error_of(mixture.model).find("output 'e1.y' has one row to each"), std::string::npos)
      << error_of(mixture.model);
}

TEST(picked_rows, go_back_to_their_own_tokens_only) {
  Mixture mixture(true);
  for (int64_t e : {0, 1, 2}) mixture.expert(e);
  for (auto& node : *mixture.model.graph().mutable_node())
    if (node.name() == "e0.scatter") node.mutable_attribute(0)->set_i(1);
  EXPECT_NE(error_of(mixture.model).find("something else than the rows they were picked from"),
            std::string::npos)
      << error_of(mixture.model);
}

}  // namespace
}  // namespace weft::onnx
