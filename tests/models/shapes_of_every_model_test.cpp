// Symbolic shapes against concrete ones, for every model: what the slot program computes at random
// sizes is what inference finds when it starts from those sizes.
//
// The two ways share the ops' shape rules and nothing else: one run of the rules on symbols, whose
// results the slot program evaluates, and one run on numbers for each binding.
#include <gtest/gtest.h>

#include "core/engine_plan.h"
#include "core/host/loader.h"
#include "core/ops/infer_graph.h"
#include "core/passes/pass.h"
#include "core/sym/slots.h"
#include "importers/onnx/model.h"
#include "tests/models/every_model.h"

namespace weft {
namespace {

using ir::Dim;
using ir::Graph;
using ir::ValueId;
using ir::ValueKind;

std::set<std::string> symbols_of(const Graph& graph) {
  std::set<std::string> symbols;
  for (size_t i = 0; i < graph.value_count(); ++i) {
    const ir::Value& value = graph[ValueId(i)];
    for (const Dim& dim : value.type.shape) symbols.merge(dim.symbols());
    if (!value.contents) continue;
    for (const Dim& element : *value.contents) symbols.merge(element.symbols());
  }
  return symbols;
}

// Values that no node computes have numbers for dims and contents; the others no type at all.
Graph with_numbers(const Graph& graph, const sym::Bindings& bindings) {
  Graph out = graph;
  const auto fix = [&](std::vector<Dim>& dims) {
    for (Dim& dim : dims) dim = Dim(dim.eval(bindings).value());
  };
  for (size_t i = 0; i < out.value_count(); ++i) {
    ir::Value& value = out[ValueId(i)];
    if (value.kind == ValueKind::activation) {
      value.type = {};
      value.contents.reset();
      continue;
    }
    fix(value.type.shape);
    if (value.contents) fix(*value.contents);
  }
  return out;
}

// Values that nodes of the order compute.
std::vector<ValueId> computed_values(const Graph& graph) {
  std::vector<ValueId> values;
  for (const ir::NodeId node : graph.order()) {
    for (const ValueId out : graph[node].outputs) {
      if (out != ValueId::none) values.push_back(out);
    }
  }
  return values;
}

class Evaluated {
 public:
  explicit Evaluated(const Graph& graph) {
    for (const ValueId id : computed_values(graph)) {
      for (const Dim& dim : graph[id].type.shape) table_.slot(dim);
      if (!graph[id].contents) continue;
      for (const Dim& element : *graph[id].contents) table_.slot(element);
    }
    program_.emplace(table_);
  }
  void bind(const sym::Bindings& bindings) {
    for (const auto& [symbol, value] : bindings) program_->set(symbol, value);
    program_->evaluate();
  }
  int64_t value(const Dim& dim) const { return program_->values()[*table_.find(dim)]; }

 private:
  sym::SlotTable table_;
  std::optional<sym::SlotProgram> program_;
};

// Compares every dim, and every element of contents, at `bindings`.
void expect_same_sizes(const Graph& graph, Evaluated& evaluated, const sym::Bindings& bindings) {
  Graph concrete = with_numbers(graph, bindings);
  const Status inferred = ops::infer_types(concrete);
  ASSERT_TRUE(inferred.ok()) << inferred.error().message;
  evaluated.bind(bindings);
  for (const ValueId id : computed_values(graph)) {
    const ir::Value &symbolic = graph[id], &fixed = concrete[id];
    ASSERT_EQ(symbolic.type.dtype, fixed.type.dtype) << symbolic.name;
    ASSERT_EQ(symbolic.type.shape.size(), fixed.type.shape.size()) << symbolic.name;
    for (size_t d = 0; d < fixed.type.shape.size(); ++d) {
      const Dim& dim = symbolic.type.shape[d];
      ASSERT_TRUE(fixed.type.shape[d].is_constant()) << symbolic.name << str(fixed.type);
      ASSERT_EQ(evaluated.value(dim), fixed.type.shape[d].constant())
          << symbolic.name << " is " << str(symbolic.type) << ", inferred " << str(fixed.type);
    }
    if (!symbolic.contents) continue;
    ASSERT_TRUE(fixed.contents) << symbolic.name;
    ASSERT_EQ(symbolic.contents->size(), fixed.contents->size()) << symbolic.name;
    for (size_t i = 0; i < fixed.contents->size(); ++i) {
      const Dim& element = (*symbolic.contents)[i];
      ASSERT_EQ(Dim(evaluated.value(element)), (*fixed.contents)[i])
          << "element " << i << " of " << symbolic.name << " is " << element.str();
    }
  }
}

class ShapesOfEveryModel : public testing::TestWithParam<test::EveryModel> {
 protected:
  void SetUp() override {
    auto imported = onnx::import(GetParam().folder);
    ASSERT_TRUE(imported.ok()) << imported.error().message;
    graph = std::move(*imported);
  }
  void expect_same_sizes_at_random(int64_t chunk, int64_t capacity) {
    Evaluated evaluated(graph);
    const std::set<std::string> symbols = symbols_of(graph);
    ASSERT_FALSE(symbols.empty());
    chunk = std::min(chunk, graph.bounds.of("seq").hi);
    for (int i = 0; i < test::binding_count(GetParam()) && !HasFatalFailure(); ++i) {
      const test::Sizes sizes = test::random_sizes(random, chunk, capacity);
      const sym::Bindings bindings = test::bindings_of(symbols, sizes);
      SCOPED_TRACE(testing::Message() << "batch " << sizes.batch << ", seq " << sizes.seq
                                      << ", past " << sizes.past << ", rows " << sizes.rows);
      expect_same_sizes(graph, evaluated, bindings);
    }
  }
  Graph graph;
  std::mt19937_64 random{1};
};

TEST_P(ShapesOfEveryModel, are_those_of_concrete_inference_as_imported) {
  expect_same_sizes_at_random(128, 256);  // 256: the positions that most of them have
}

TEST_P(ShapesOfEveryModel, are_those_of_concrete_inference_as_rewritten) {
  for (const int64_t chunk : {1, 16, 64}) {
    passes::Context context;
    context.options.chunk = chunk;
    context.options.capacity = chunk * 4;
    auto again = onnx::import(GetParam().folder);
    ASSERT_TRUE(again.ok()) << again.error().message;
    graph = std::move(*again);
    const Status rewritten = passes::run(graph, context);
    ASSERT_TRUE(rewritten.ok()) << rewritten.error().message;
    expect_same_sizes_at_random(chunk, chunk * 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, ShapesOfEveryModel, testing::ValuesIn(test::every_model()),
                         test::model_name);

}  // namespace
}  // namespace weft
