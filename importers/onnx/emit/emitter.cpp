#include "importers/onnx/emit/emitter.h"

#include <algorithm>

#include "core/ops/infer_graph.h"
#include "core/ops/op_def.h"

namespace weft::onnx {

using ir::NodeId;
using ir::ValueId;
using ir::ValueKind;

namespace {

constexpr int64_t kIrVersion = 10;  // from opset 24 on: 11

void set_attribute(::onnx::AttributeProto& out, const std::string& name,
                   const ir::AttrValue& value) {
  using ::onnx::AttributeProto;
  out.set_name(name);
  if (const auto* i = std::get_if<int64_t>(&value)) {
    out.set_type(AttributeProto::INT);
    out.set_i(*i);
  } else if (const auto* f = std::get_if<double>(&value)) {
    out.set_type(AttributeProto::FLOAT);
    out.set_f(float(*f));
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    out.set_type(AttributeProto::STRING);
    out.set_s(*s);
  } else if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
    out.set_type(AttributeProto::INTS);
    for (const int64_t one : *is) out.add_ints(one);
  } else if (const auto* fs = std::get_if<std::vector<double>>(&value)) {
    out.set_type(AttributeProto::FLOATS);
    for (const double one : *fs) out.add_floats(float(one));
  }
}

void set_type(::onnx::ValueInfoProto& out, const std::string& name, const ir::Type& type) {
  out.set_name(name);
  auto& tensor = *out.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(int32_t(type.dtype));
  auto& shape = *tensor.mutable_shape();
  for (const ir::Dim& dim : type.shape) {
    auto& entry = *shape.add_dim();
    if (dim.is_constant()) {
      entry.set_dim_value(dim.constant());
    } else {
      entry.set_dim_param(dim.str());
    }
  }
}

}  // namespace

static std::string unique(std::set<std::string>& taken, const std::string& base) {
  std::string name = base;
  for (size_t n = 2; !taken.insert(name).second; ++n) name = base + "_" + std::to_string(n);
  return name;
}

void Emitter::import_domain(const std::string& domain) {
  for (const auto& entry : model.opset_import())
    if (entry.domain() == domain) return;
  auto& entry = *model.add_opset_import();
  entry.set_domain(domain);
  entry.set_version(1);
}

std::string Emitter::fresh(const std::string& wish) {
  return unique(taken_, wish.empty() ? "value" : wish);
}

std::string Emitter::node_name(const ir::Node& node) {
  return node.name.empty() ? std::string() : unique(node_names_, node.name);
}

::onnx::NodeProto& Emitter::node(const std::string& op, const Names& inputs, const Names& outputs,
                                 const ir::Attrs& attrs) {
  ::onnx::NodeProto& out = *model.mutable_graph()->add_node();
  out.set_op_type(op);
  size_t used = inputs.size();
  while (used > 0 && inputs[used - 1].empty()) --used;
  for (size_t i = 0; i < used; ++i) out.add_input(inputs[i]);
  for (const std::string& output : outputs) out.add_output(output);
  for (const auto& [name, value] : attrs) set_attribute(*out.add_attribute(), name, value);
  return out;
}

std::string Emitter::add(const std::string& op, const Names& inputs, const ir::Attrs& attrs,
                         const std::string& wish) {
  const std::string name = fresh(wish.empty() ? op : wish);
  node(op, inputs, {name}, attrs);
  return name;
}

// Inputs and outputs first: their names are the interface.
void Emitter::name_ports() {
  for (const ValueId input : graph_.inputs) names_[input] = fresh(graph_[input].name);
  for (const ir::Output& output : graph_.outputs) {
    taken_.insert(output.name);
    if (graph_.producer(output.value)) names_.emplace(output.value, output.name);
  }
}

Status Emitter::add_ports() {
  auto& proto = *model.mutable_graph();
  for (const ValueId input : graph_.inputs) {
    if (graph_[input].kind == ValueKind::state) {
      return Error("'" + graph_[input].name +
                   "' is a state, which ONNX has not; graphs are written before caches get places");
    }
    set_type(*proto.add_input(), names_[input], graph_[input].type);
  }
  for (const ir::Output& output : graph_.outputs) {
    const std::string name = TRY(name_of(output.value));
    if (name != output.name) node("Identity", {name}, {output.name});
    set_type(*proto.add_output(), output.name, graph_[output.value].type);
  }
  return {};
}

Result<std::string> Emitter::name_of(ValueId value) {
  if (value == ValueId::none) return std::string();
  if (const auto found = names_.find(value); found != names_.end()) return found->second;
  std::string name;
  if (graph_[value].kind == ValueKind::constant) {
    name = TRY(constant(value));
  } else if (graph_[value].kind == ValueKind::symbolic) {
    name = TRY(symbolic(value));
  } else {
    name = fresh(graph_[value].name);
  }
  names_[value] = name;
  return name;
}

Result<Emitter::Names> Emitter::names_of(const std::vector<ValueId>& values) {
  Names names;
  for (const ValueId value : values) names.push_back(TRY(name_of(value)));
  return names;
}

Emitter::Names Emitter::output_names(const ir::Node& node) {
  Names names;
  for (const ValueId value : node.outputs) {
    if (value != ValueId::none && !names_.contains(value))
      names_[value] = fresh(graph_[value].name);
    names.push_back(value == ValueId::none ? "" : names_[value]);
  }
  return names;
}

Status Emitter::add_swish(const ir::Node& swish) {
  const std::string x = TRY(name_of(swish.inputs[0]));
  std::string inner = x;
  if (const double alpha = swish.attrs.real("alpha", 1); alpha != 1)
    inner = add("Mul", {x, real(alpha, graph_[swish.inputs[0]].type.dtype)});
  node("Mul", {x, add("Sigmoid", {inner})}, output_names(swish)).set_name(node_name(swish));
  return {};
}

// The attributes dtype and value are one tensor in ONNX.
Status Emitter::add_constant_of_shape(const ir::Node& filled) {
  const Names inputs = TRY(names_of(filled.inputs));
  const auto dtype = ir::DType(filled.attrs.integer("dtype", int64_t(ir::DType::f32)));
  const double value = filled.attrs.real("value", double(filled.attrs.integer("value", 0)));
  const std::string shaped = add("Expand", {real(value, dtype), inputs[0]});
  node("Identity", {shaped}, output_names(filled)).set_name(node_name(filled));
  return {};
}

// A shape with one size that is not fixed needs no computing: Reshape finds it out.
std::optional<std::vector<int64_t>> Emitter::reshape_target(const ir::Node& reshape) const {
  const auto& contents = graph_[reshape.inputs[1]].contents;
  if (graph_[reshape.inputs[1]].kind != ValueKind::symbolic || !contents) return {};
  std::vector<int64_t> target;
  for (const ir::Dim& dim : *contents) {
    target.push_back(dim.is_constant() ? dim.constant() : -1);
    if (target.back() == 0) return {};
  }
  return std::count(target.begin(), target.end(), -1) == 1 ? std::optional(target) : std::nullopt;
}

Status Emitter::add_node(const ir::Node& one) {
  if (one.op == ir::Op::Swish) return add_swish(one);
  if (one.op == ir::Op::ConstantOfShape) return add_constant_of_shape(one);
  if (one.op == ir::Op::Attention) return add_attention(one);
  if (one.op == ir::Op::SinkAttention) return add_sink_attention(one);
  if (one.op == ir::Op::ExpertMatMul) return add_expert_matmul(one);
  if (one.op == ir::Op::OutlierMatMul) return add_outlier_matmul(one);
  const bool too_new = one.op == ir::Op::TensorScatter && opset_ < 24;
  if (too_new || *ops::def(one.op).domain)
    return Error("ONNX has no such op in opset " + std::to_string(opset_));
  if (one.op == ir::Op::Reshape) {
    if (const auto target = reshape_target(one)) {
      const std::string x = TRY(name_of(one.inputs[0]));
      node("Reshape", {x, integers(*target)}, output_names(one)).set_name(node_name(one));
      return {};
    }
  }
  if (one.op == ir::Op::MatMul && TRY(add_packed_product(one))) return {};
  const Names inputs = TRY(names_of(one.inputs));
  node(std::string(ir::name(one.op)), inputs, output_names(one), one.attrs)
      .set_name(node_name(one));
  return {};
}

Status Emitter::run() {
  model.set_ir_version(opset_ > 23 ? kIrVersion + 1 : kIrVersion);
  model.set_producer_name("weft");
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(opset_);
  model.mutable_graph()->set_name(graph_.name.empty() ? "graph" : graph_.name);
  name_ports();
  for (const NodeId id : graph_.order()) TRY(add_node(graph_[id]), ops::describe(graph_, id));
  return add_ports();
}

}  // namespace weft::onnx
