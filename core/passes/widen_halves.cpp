// widen_halves: a graph in f16 or bf16 computes in f32.
//
//   const w : f16[..]                const w : f32[..]
//   y = Cast(x) {to = f16}           y = Cast(x) {to = f32}, which changes nothing
//
// Sixteen bits are how such a model is stored. Every half is an f32 exactly, and what is computed
// from them in f32 is nearer to what the model means than in halves; islands of f32 and the casts
// around them are gone. Weights take twice the memory they have in the file. In a session caches
// and logits are f32 too; elsewhere inputs and outputs keep their types, with casts at the border.
#include <cstring>
#include <map>
#include <set>

#include "core/ops/half.h"
#include "core/passes/passes.h"

namespace weft::passes {

using ir::DType;
using ir::Value;

namespace {

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

template <typename Half>
const std::vector<float>& all_halves() {
  static const std::vector<float> table = [] {
    std::vector<float> floats(1 << 16);
    for (size_t bits = 0; bits < floats.size(); ++bits)
      floats[bits] = float(ops::to_double(Half{uint16_t(bits)}));
    return floats;
  }();
  return table;
}

std::shared_ptr<const ir::Constant> widened(const ir::Constant& halves, DType dtype) {
  if (halves.opaque) {
    auto same = std::make_shared<ir::Constant>(halves);
    return same;
  }
  const auto& table = dtype == DType::f16 ? all_halves<ops::Half>() : all_halves<ops::BFloat>();
  const size_t count = halves.bytes.size() / sizeof(uint16_t);
  std::vector<std::byte> floats(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, halves.bytes.data() + i * sizeof bits, sizeof bits);
    std::memcpy(floats.data() + i * sizeof(float), &table[bits], sizeof(float));
  }
  return ir::make_constant(std::move(floats));
}

// Widens every value once; bytes shared by several constants stay shared.
class Widening {
 public:
  explicit Widening(Graph& graph) : graph_(graph) {}

  void value(ValueId id) {
    if (id == ValueId::none || !seen_.insert(id).second) return;
    Value& value = graph_[id];
    if (!is_half(value.type.dtype)) return;
    if (value.kind == ir::ValueKind::constant && !value.quantization) {
      auto& wide = constants_[value.constant.get()];
      if (!wide) wide = widened(*value.constant, value.type.dtype);
      bytes_ += wide->bytes.size();
      value.constant = wide;
    }
    value.type.dtype = DType::f32;
    ++values_;
  }

  size_t values() const { return values_; }
  size_t bytes() const { return bytes_; }

 private:
  Graph& graph_;
  std::set<ValueId> seen_;
  std::map<const ir::Constant*, std::shared_ptr<const ir::Constant>> constants_;
  size_t values_ = 0, bytes_ = 0;
};

// Inputs and outputs of halves stay so behind casts, which are made before the rest is widened and
// name the types they had.
struct Border {
  std::vector<std::pair<ValueId, DType>> inputs;
  std::vector<std::pair<size_t, DType>> outputs;  // by number
};

Border border_of(const Graph& graph) {
  Border border;
  for (const ValueId id : graph.inputs)
    if (is_half(graph[id].type.dtype)) border.inputs.push_back({id, graph[id].type.dtype});
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const DType dtype = graph[graph.outputs[i].value].type.dtype;
    if (is_half(dtype)) border.outputs.push_back({i, dtype});
  }
  return border;
}

void cast_at_border(Graph& graph, const Border& border) {
  for (const auto& [id, dtype] : border.inputs) {
    const ValueId wide = graph.add(Op::Cast, {}, {{"to", int64_t(DType::f32)}}, graph[id].name);
    graph[wide].type = graph[id].type;
    graph.replace_uses(id, wide);
    graph[graph[wide].producer].inputs = {id};
    graph[id].type.dtype = dtype;
  }
  for (const auto& [number, dtype] : border.outputs) {
    ir::Output& output = graph.outputs[number];
    const ir::Type type{dtype, graph[output.value].type.shape};
    const ValueId half = graph.add(Op::Cast, {output.value}, {{"to", int64_t(dtype)}}, output.name);
    graph[half].type = type;
    graph.outputs[number].value = half;
  }
}

}  // namespace

Status widen_halves(Graph& graph, Context& context) {
  const Border border = border_of(graph);
  Widening widening(graph);
  for (const ValueId id : graph.inputs) widening.value(id);
  for (const NodeId id : graph.order()) {
    Node& node = graph[id];
    for (const char* name : {"to", "dtype"}) {
      if (is_half(DType(node.attrs.integer(name, 0)))) node.attrs.set(name, int64_t(DType::f32));
    }
    for (const ValueId value : node.inputs) widening.value(value);
    for (const ValueId value : node.outputs) widening.value(value);
  }
  if (widening.values() == 0) return {};
  if (context.options.keep_interface) cast_at_border(graph, border);
  context.note("", std::to_string(widening.values()) + " values of 16 bits are f32; weights take " +
                       std::to_string(widening.bytes() >> 20) +
                       " MiB for half as many in the file");
  return {};
}

}  // namespace weft::passes
