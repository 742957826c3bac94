// Feeds whole models to everything that happens before a plugin compiles: parse, import, passes,
// inference, memory plan. Any bytes end in a plan or in an error.
//
// Most mutations change the model's structure and keep it a valid message, since bytes flipped at
// random rarely get past the parser: nodes are dropped, repeated, moved and rewired, attributes,
// dims, element types and the bytes of initializers change.
//
// The seeds, tests/data/fuzz_models, are small decoders of every exporter whose weights were taken
// out: they name ranges of a file of zeros, which is made here.
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>

#include "core/partition/schedule.h"
#include "core/passes/pass.h"
#include "core/plan/plan.h"
#include "importers/onnx/model.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using weft::ir::Graph;

std::filesystem::path folder_of_zeros() {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / "weft_model_fuzz";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "zeros.bin").close();
  std::filesystem::resize_file(folder / "zeros.bin", 1 << 20);
  return folder;
}

// One device that takes every node, each as a unit of its own.
void plan_memory(const Graph& graph, weft::plan::MemoryPlan memory) {
  std::vector<weft::partition::Unit> units;
  for (const weft::ir::NodeId node : graph.order()) units.push_back({0, {node}});
  auto islands = weft::partition::schedule(graph, units);
  if (islands.ok()) (void)weft::plan::Plan::make(graph, std::move(*islands), {0}, memory).ok();
}

void prepare(const Graph& imported, bool keep_interface) {
  Graph graph = imported;
  weft::passes::Context context;
  context.options.capacity = 64;
  context.options.chunk = 16;
  context.options.keep_interface = keep_interface;
  if (!weft::passes::run(graph, context).ok()) return;
  plan_memory(graph, weft::plan::MemoryPlan::max);
  if (graph.order().size() < 24) plan_memory(graph, weft::plan::MemoryPlan::elastic);
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  void change(onnx::GraphProto& graph) {
    switch (below(12)) {
      case 0:
        if (graph.node_size() > 1) graph.mutable_node()->DeleteSubrange(any(graph.node_size()), 1);
        break;
      case 1:
        if (graph.node_size() > 0) *graph.add_node() = node(graph);
        break;
      case 2:
        if (graph.node_size() > 1)
          graph.mutable_node()->SwapElements(any(graph.node_size()), any(graph.node_size()));
        break;
      case 3:
      case 4:
        rewire(graph);
        break;
      case 5:
        if (graph.node_size() > 0) node(graph).set_op_type(node(graph).op_type());
        break;
      case 6:
      case 7:
        change_attribute(graph);
        break;
      case 8:
        change_input(graph);
        break;
      case 9:
      case 10:
        change_tensor(graph);
        break;
      default:
        if (graph.output_size() > 0 && graph.node_size() > 0)
          graph.mutable_output(any(graph.output_size()))->set_name(value(graph));
    }
  }

 private:
  int below(int end) { return int(random_() % unsigned(end)); }
  int any(int size) { return below(size); }
  onnx::NodeProto& node(onnx::GraphProto& graph) {
    return *graph.mutable_node(any(graph.node_size()));
  }
  int64_t number() {
    constexpr int64_t kNumbers[] = {0,         1,         2,         3,        4,     7,
                                    16,        64,        -1,        -2,       -1000, 1 << 20,
                                    INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    return below(3) ? kNumbers[below(16)] : int64_t(random_() % 300);
  }
  // The name of something that exists, or of nothing.
  std::string value(onnx::GraphProto& graph) {
    const int kind = below(8);
    if (kind == 0) return "";
    if (kind < 3 && graph.initializer_size() > 0)
      return graph.initializer(any(graph.initializer_size())).name();
    if (kind < 5 && graph.input_size() > 0) return graph.input(any(graph.input_size())).name();
    const onnx::NodeProto& from = node(graph);
    return from.output_size() > 0 ? from.output(any(from.output_size())) : "nothing";
  }
  void rewire(onnx::GraphProto& graph) {
    if (graph.node_size() == 0) return;
    onnx::NodeProto& at = node(graph);
    if (at.input_size() == 0 || below(6) == 0) {
      at.add_input(value(graph));
    } else if (below(6) == 0) {
      at.mutable_input()->RemoveLast();
    } else {
      at.set_input(any(at.input_size()), value(graph));
    }
  }
  void change_attribute(onnx::GraphProto& graph) {
    if (graph.node_size() == 0) return;
    onnx::NodeProto& at = node(graph);
    if (at.attribute_size() == 0) {
      const onnx::NodeProto& from = node(graph);
      if (from.attribute_size() > 0)
        *at.add_attribute() = from.attribute(any(from.attribute_size()));
      return;
    }
    onnx::AttributeProto& attribute = *at.mutable_attribute(any(at.attribute_size()));
    switch (below(6)) {
      case 0:
        at.mutable_attribute()->RemoveLast();
        break;
      case 1:
        attribute.set_f(below(2) ? float(number()) : 0.0F / below(2));
        break;
      case 2:
        if (attribute.ints_size() > 0)
          attribute.set_ints(any(attribute.ints_size()), number());
        else
          attribute.add_ints(number());
        break;
      case 3:
        if (attribute.ints_size() > 0) attribute.mutable_ints()->RemoveLast();
        break;
      case 4:
        if (attribute.has_t()) change_tensor(*attribute.mutable_t());
        break;
      default:
        attribute.set_i(number());
    }
  }
  void change_input(onnx::GraphProto& graph) {
    if (graph.input_size() == 0) return;
    auto& type =
        *graph.mutable_input(any(graph.input_size()))->mutable_type()->mutable_tensor_type();
    auto& shape = *type.mutable_shape();
    switch (below(5)) {
      case 0:
        type.set_elem_type(below(28));
        break;
      case 1:
        if (shape.dim_size() > 0) shape.mutable_dim()->RemoveLast();
        break;
      case 2:
        shape.add_dim()->set_dim_value(number());
        break;
      case 3:
        if (shape.dim_size() > 0)
          shape.mutable_dim(any(shape.dim_size()))
              ->set_dim_param(below(2) ? "batch_size" : "n + 1");
        break;
      default:
        if (shape.dim_size() > 0) shape.mutable_dim(any(shape.dim_size()))->set_dim_value(number());
    }
  }
  void change_tensor(onnx::GraphProto& graph) {
    if (graph.initializer_size() > 0)
      change_tensor(*graph.mutable_initializer(any(graph.initializer_size())));
  }
  void change_tensor(onnx::TensorProto& tensor) {
    switch (below(5)) {
      case 0:
        tensor.set_data_type(below(28));
        break;
      case 1:
        if (tensor.dims_size() > 0) tensor.set_dims(any(tensor.dims_size()), number());
        break;
      case 2:
        if (tensor.dims_size() > 0)
          tensor.mutable_dims()->RemoveLast();
        else
          tensor.add_dims(1);
        break;
      case 3:
        tensor.mutable_raw_data()->resize(tensor.raw_data().size() / 2);
        break;
      default:
        // Small integers are shapes and axes: another number there is another graph.
        if (tensor.data_type() == onnx::TensorProto::INT64 && tensor.raw_data().size() >= 8) {
          const int64_t to = number();
          const size_t at = size_t(any(int(tensor.raw_data().size() / 8))) * 8;
          tensor.mutable_raw_data()->replace(at, 8, reinterpret_cast<const char*>(&to), 8);
        } else if (tensor.int64_data_size() > 0) {
          tensor.set_int64_data(any(tensor.int64_data_size()), number());
        }
    }
  }
  std::minstd_rand random_;
};

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  onnx::ModelProto model;
  if (seed % 8 == 0 || !model.ParseFromArray(data, int(size)) || !model.has_graph())
    return LLVMFuzzerMutate(data, size, max_size);
  Mutator mutator(seed);
  for (unsigned i = 0; i < 1 + seed / 8 % 4; ++i) mutator.change(*model.mutable_graph());
  if (model.ByteSizeLong() > max_size) return size;
  model.SerializeToArray(data, int(max_size));
  return model.ByteSizeLong();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path weights = folder_of_zeros();
  const auto graph = weft::onnx::import_bytes(std::as_bytes(std::span(data, size)), weights);
  if (!graph.ok()) return 0;
  prepare(*graph, false);
  prepare(*graph, true);
  return 0;
}
