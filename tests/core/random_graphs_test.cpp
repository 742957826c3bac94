// Random graphs of valid nodes: passes and plans take them all, and what they compute afterwards on
// a backend is what the graph computed before, node by node.
//
// Dims are symbols, 0 and 1 among others, so that broadcasting, empty tensors and shape arithmetic
// meet. WEFT_RANDOM_GRAPHS sets how many graphs are tried.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "core/engine.h"
#include "core/host/loader.h"
#include "core/ir/text.h"
#include "core/ops/infer_graph.h"
#include "core/ops/op_def.h"

namespace weft {
namespace {

using ir::Dim;
using ir::Graph;
using ir::Op;
using ir::ValueId;
using ops::Tensor;

std::shared_ptr<const ir::Constant> bytes_of(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return ir::make_constant({bytes.begin(), bytes.end()});
}

class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed) : random_(seed) {
    graph.name = "random";
    graph.bounds.set("n", {0, 9});
    graph.bounds.set("m", {1, 5});
    const Dim n = Dim::symbol("n"), m = Dim::symbol("m");
    const std::vector<ir::Shape> shapes = {{n, 4},    {1, 4},    {n, 1},    {4},
                                           {m, n, 4}, {m, 1, 4}, {2, 0, 4}, {n, m, 4},
                                           {},        {m, 4},    {1, n, 4}, {n + m, 4}};
    for (int i = 0; i < 2 + below(3); ++i)
      floats_.push_back(graph.add_input(
          "x" + std::to_string(i), {ir::DType::f32, shapes[size_t(below(int(shapes.size())))]}));
    floats_.push_back(constant({4}));
    floats_.push_back(constant({4, 4}));
    floats_.push_back(constant({}));
    for (int i = 0; i < 4 + below(20); ++i) add_node();
    // Later values depend on more of the graph.
    for (int i = 0; i < 1 + below(3); ++i) {
      const size_t back = size_t(below(std::min(4, int(computed_.size()))));
      if (computed_.empty()) break;
      const ValueId value = computed_[computed_.size() - 1 - back];
      graph.outputs.push_back({"y" + std::to_string(i), value});
    }
  }
  Graph graph;

 private:
  int below(int end) { return int(random_() % unsigned(end)); }
  ValueId any() { return floats_[size_t(below(int(floats_.size())))]; }
  ValueId constant(std::vector<int64_t> shape) {
    int64_t count = 1;
    ir::Shape dims;
    for (const int64_t dim : shape) {
      count *= dim;
      dims.push_back(dim);
    }
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(float(below(41) - 20) / 20.0F);
    return graph.add_constant("c" + std::to_string(names_++), {ir::DType::f32, dims},
                              bytes_of(values));
  }
  ValueId integers(std::vector<int64_t> values) {
    return graph.add_integers("i" + std::to_string(names_++), values);
  }
  // The first output of the node when its shape rule takes the inputs; else the node is gone.
  ValueId tried(Op op, std::vector<ValueId> inputs, ir::Attrs attrs = {}) {
    for (const ValueId input : inputs) {
      if (input == ValueId::none) return ValueId::none;
    }
    const ir::NodeId node = graph.add_node(op, std::move(inputs), 1, std::move(attrs),
                                           "node" + std::to_string(names_++));
    if (ops::infer_node(graph, node).ok()) return graph[node].outputs[0];
    graph.remove_node(node);
    return ValueId::none;
  }
  void keep(ValueId value) {
    if (value == ValueId::none || graph[value].type.dtype != ir::DType::f32) return;
    if (graph[value].type.shape.size() > 4) return;
    floats_.push_back(value);
    computed_.push_back(value);
  }
  int64_t rank(ValueId value) { return int64_t(graph[value].type.shape.size()); }
  int64_t axis(ValueId value) {
    return rank(value) == 0 ? 0 : int64_t(below(int(2 * rank(value)))) - rank(value);
  }

  void add_node() {
    constexpr Op kUnary[] = {Op::Neg, Op::Abs,  Op::Tanh, Op::Sigmoid, Op::Relu,
                             Op::Cos, Op::Gelu, Op::Sin,  Op::Swish,   Op::Identity};
    constexpr Op kBinary[] = {Op::Add, Op::Sub, Op::Mul, Op::Max, Op::Min};
    const ValueId a = any();
    switch (below(12)) {
      case 0:
      case 1:
        return keep(tried(kUnary[below(10)], {a}));
      case 2:
      case 3:
      case 4:
        return keep(tried(kBinary[below(5)], {a, any()}));
      case 5:
        return keep(tried(Op::MatMul, {a, below(2) ? floats_[0] : constant({4, 4})}));
      case 6:
        return keep(tried(Op::Softmax, {a}, {{"axis", axis(a)}}));
      case 7:
        return keep(tried(Op::Concat, {a, any()}, {{"axis", axis(a)}}));
      case 8:
        return keep(tried(Op::Unsqueeze, {a, integers({axis(a)})}));
      case 9:
        return keep(tried(below(2) ? Op::ReduceMean : Op::ReduceSum, {a, integers({axis(a)})},
                          {{"keepdims", int64_t{below(2)}}}));
      case 10:
        return move(a);
      default:
        return reshape(a);
    }
  }
  void move(ValueId a) {
    if (below(2)) {
      std::vector<int64_t> order;
      for (int64_t i = 0; i < rank(a); ++i) order.push_back(i);
      std::shuffle(order.begin(), order.end(), random_);
      return keep(tried(Op::Transpose, {a}, {{"perm", order}}));
    }
    const int64_t first = below(3) - 1;
    keep(tried(Op::Slice, {a, integers({first}), integers({first < 0 ? INT64_MAX : first + 2}),
                           integers({axis(a)})}));
  }
  // Shapes that are computed, as exporters write them.
  void reshape(ValueId a) {
    const ValueId shape = tried(Op::Shape, {a});
    switch (below(3)) {
      case 0:
        return keep(tried(Op::Reshape,
                          {a, tried(Op::Concat, {integers({1}), shape}, {{"axis", int64_t{0}}})}));
      case 1:
        return keep(tried(Op::Reshape, {a, integers({below(2) ? 0 : 4, -1})}));
      default:
        return keep(tried(Op::Expand, {any(), shape}));
    }
  }

  std::mt19937 random_;
  std::vector<ValueId> floats_, computed_;
  int names_ = 0;
};

std::vector<int64_t> shape_at(const ir::Type& type, const sym::Bindings& at) {
  std::vector<int64_t> shape;
  for (const Dim& dim : type.shape) shape.push_back(dim.eval(at).value());
  return shape;
}

// Every node by its slow reference, in order; nothing when one refuses these sizes.
std::optional<std::vector<Tensor>> evaluate(const Graph& graph, const sym::Bindings& at,
                                            const std::vector<Tensor>& inputs) {
  std::vector<Tensor> values(graph.value_count());
  for (size_t i = 0; i < inputs.size(); ++i) values[size_t(graph.inputs[i])] = inputs[i];
  for (size_t i = 0; i < values.size(); ++i) {
    const ir::Value& value = graph[ValueId(i)];
    if (value.kind != ir::ValueKind::constant) continue;
    values[i] = Tensor::zeros(value.type.dtype, shape_at(value.type, at));
    std::copy(value.constant->bytes.begin(), value.constant->bytes.end(), values[i].bytes.begin());
  }
  for (const ir::NodeId id : graph.order()) {
    const ir::Node& node = graph[id];
    std::vector<ops::Array> in, out;
    for (const ValueId input : node.inputs) in.push_back(values[size_t(input)].view());
    for (const ValueId output : node.outputs) {
      Tensor& tensor = values[size_t(output)];
      const std::vector<int64_t> shape = shape_at(graph[output].type, at);
      if (std::any_of(shape.begin(), shape.end(), [](int64_t dim) { return dim < 0; })) return {};
      tensor = Tensor::zeros(graph[output].type.dtype, shape);
      out.push_back(tensor.view());
    }
    if (!ops::run_reference(ops::def(node.op), {in, out, node.attrs}).ok()) return {};
  }
  return values;
}

std::vector<float> floats(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void expect_close(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  float largest = 1;
  for (const float x : expected)
    largest = std::isfinite(x) ? std::max(largest, std::abs(x)) : largest;
  for (size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(expected[i])) continue;  // which of two infinities meet first is no promise
    ASSERT_LE(std::abs(got[i] - expected[i]), 1e-4F * largest) << "at " << i;
  }
}

class RandomGraphs : public testing::Test {
 protected:
  static std::vector<host::PluginPtr> plugins() {
    host::HostOptions alone;
    alone.threads = 1;
    static const auto services = host::HostServices::create(alone);
    std::vector<host::PluginPtr> loaded;
    for (const char* name : {"cpu", "reference"}) {
      auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_" + std::string(name) + ".so", services);
      EXPECT_TRUE(plugin.ok()) << (plugin.ok() ? "" : plugin.error().message);
      if (plugin.ok()) loaded.push_back(*plugin);
    }
    return loaded;
  }

  static std::vector<sym::Bindings> sizes() {
    std::vector<sym::Bindings> out;
    for (const auto& [n, m] : {std::pair{3, 2}, std::pair{1, 1}, std::pair{0, 3}, std::pair{9, 5}})
      out.push_back({{"n", n}, {"m", m}});
    return out;
  }

  std::vector<Tensor> random_inputs(const Graph& graph, const sym::Bindings& at) {
    std::vector<Tensor> inputs;
    for (const ValueId input : graph.inputs) {
      inputs.push_back(Tensor::zeros(ir::DType::f32, shape_at(graph[input].type, at)));
      const ops::Array view = inputs.back().view();
      for (int64_t i = 0; i < view.count(); ++i)
        ops::store(view, i, double(random() % 401) / 200 - 1);
    }
    return inputs;
  }

  bool runs_at_some_size(const Graph& graph) {
    for (const sym::Bindings& at : sizes())
      if (evaluate(graph, at, random_inputs(graph, at))) return true;
    return false;
  }

  // Runs the graph as an engine prepares it and compares every output, at a few sizes. An engine
  // may refuse a graph whose nodes ask for sizes that contradict each other.
  void check(const Graph& graph, EngineOptions options) {
    options.keep_interface = true;
    auto engine = Engine::build(graph, loaded, std::move(options));
    if (!engine.ok()) {
      ASSERT_FALSE(runs_at_some_size(graph)) << engine.error().message;
      return;
    }
    auto run = (*engine)->open_graph_run();
    ASSERT_TRUE(run.ok()) << run.error().message;
    for (const sym::Bindings& at : sizes()) {
      SCOPED_TRACE(testing::Message() << "n " << at.at("n") << ", m " << at.at("m"));
      const std::vector<Tensor> inputs = random_inputs(graph, at);
      const auto expected = evaluate(graph, at, inputs);
      if (!expected) continue;
      ++compared;
      for (const auto& [symbol, value] : at) (*run)->bind(symbol, value);
      for (const ValueId input : (*engine)->graph().inputs) {
        for (size_t i = 0; i < inputs.size(); ++i) {
          if (graph[graph.inputs[i]].name != (*engine)->graph()[input].name) continue;
          const Status written = (*run)->write(input, inputs[i].bytes);
          ASSERT_TRUE(written.ok()) << written.error().message;
        }
      }
      const Status ran = (*run)->run();
      ASSERT_TRUE(ran.ok()) << ran.error().message;
      for (size_t i = 0; i < graph.outputs.size(); ++i)
        compare(**engine, **run, i, floats((*expected)[size_t(graph.outputs[i].value)].bytes));
      if (HasFatalFailure()) return;
    }
  }

  void compare(const Engine& engine, runtime::GraphRun& run, size_t output,
               const std::vector<float>& expected) {
    const ValueId value = engine.graph().outputs[output].value;
    const ir::Value& known = engine.graph()[value];
    if (known.kind == ir::ValueKind::constant) {
      ops::Array stored;
      stored.dtype = known.type.dtype;
      stored.shape = shape_at(known.type, {});
      stored.strides = ops::row_major(stored.shape);
      if (known.column_major) stored.strides = {1, stored.shape[0]};
      stored.data = const_cast<std::byte*>(known.constant->bytes.data());
      const std::vector<double> values = ops::load_all(stored);
      return expect_close({values.begin(), values.end()}, expected);
    }
    const auto got = run.read(value);
    ASSERT_TRUE(got.ok()) << got.error().message;
    expect_close(floats(*got), expected);
  }

  std::vector<host::PluginPtr> loaded = plugins();
  std::mt19937 random{9};
  int compared = 0;
};

TEST_F(RandomGraphs, compute_after_all_passes_what_they_computed_before) {
  const char* wanted = std::getenv("WEFT_RANDOM_GRAPHS");
  const int graphs = wanted ? std::atoi(wanted) : 150;
  for (int seed = 1; seed <= graphs; ++seed) {
    const RandomGraph made{uint32_t(seed)};
    if (made.graph.outputs.empty()) continue;
    SCOPED_TRACE(testing::Message() << "seed " << seed << "\n" << ir::print(made.graph));
    EngineOptions options;
    options.backends = {"reference"};
    check(made.graph, options);
    if (HasFatalFailure()) return;
    options.backends = {"cpu", "reference"};
    options.memory = plan::MemoryPlan::elastic;
    check(made.graph, options);
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(compared, graphs) << "too few graphs run at the sizes that are tried";
}

}  // namespace
}  // namespace weft
