// A graph evaluated by the references, with constants of every kind it may hold.
#include "core/ops/evaluate.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/ir/text.h"

namespace weft::ops {
namespace {

ir::Graph parsed(const char* text) {
  auto graph = ir::parse(text);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
  return std::move(*graph);
}

Tensor floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  Tensor tensor = Tensor::zeros(ir::DType::f32, std::move(shape));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

std::vector<double> numbers(Evaluation& run, ir::ValueId id) {
  const auto value = run.value(id);
  EXPECT_TRUE(value.ok()) << (value.ok() ? "" : value.error().message);
  return value.ok() ? load_all(*value) : std::vector<double>();
}

constexpr const char* kGraph = R"(graph "g" {
  symbol seq in [1, 4]
  input %x : f32[seq, 2]
  state %s : f32[1, 4, 2]
  const %w : f32[2, 2] columns = {1, 2, 3, 4}
  symbolic %position : i64[1] is {seq - 1}
  symbolic %shape : i64[3] is {1, seq, 2}
  %p = MatMul(%x, %w) : f32[seq, 2] "product"
  %r = Reshape(%p, %shape) : f32[1, seq, 2] "rows"
  %t = TensorScatter(%s, %r, %position) {axis = 1} : f32[1, 4, 2] in %s at 0 "write"
  output "y" = %t
}
)";

TEST(Evaluation, runs_nodes_on_constants_states_and_sizes) {
  const ir::Graph graph = parsed(kGraph);
  Evaluation run(graph, {{"seq", 2}});
  ASSERT_TRUE(run.set(graph.inputs[0], floats({2, 2}, {1, 10, 100, 1000})).ok());
  ASSERT_TRUE(run.set(graph.inputs[1], floats({1, 4, 2}, {1, 1, 1, 1, 1, 1, 1, 1})).ok());
  const Status done = run.run();
  ASSERT_TRUE(done.ok()) << done.error().message;
  // Columns [1, 2] and [3, 4]; the state itself stays as it was.
  EXPECT_EQ(numbers(run, graph.outputs[0].value),
            (std::vector<double>{1, 1, 21, 43, 2100, 4300, 1, 1}));
  EXPECT_EQ(numbers(run, graph.inputs[1]), std::vector<double>(8, 1));
}

TEST(Evaluation, refuses_inputs_of_another_type_and_names_missing_ones) {
  const ir::Graph graph = parsed(kGraph);
  Evaluation run(graph, {{"seq", 2}});
  EXPECT_FALSE(run.set(graph.inputs[0], floats({1, 2}, {1, 2})).ok());
  EXPECT_FALSE(run.set(graph.inputs[0], Tensor::zeros(ir::DType::i64, {2, 2})).ok());
  const Status missing = run.run();
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("'x'"), std::string::npos);
  EXPECT_NE(missing.error().message.find("'product'"), std::string::npos);
  Evaluation unbound(graph, {});
  EXPECT_FALSE(unbound.set(graph.inputs[0], floats({2, 2}, {1, 2, 3, 4})).ok());
}

}  // namespace
}  // namespace weft::ops
