// Access to one NodeProto and the graph; see node_import.h.
#include "importers/onnx/node_import.h"

#include <onnx/onnx_pb.h>

#include "core/ops/infer_graph.h"

namespace weft::onnx {

using ir::ValueId;

static const std::string no_name;

static std::string name_of(const ::onnx::NodeProto& proto) {
  if (!proto.name().empty() || proto.output_size() == 0) return proto.name();
  return proto.output(0);
}

NodeImport::NodeImport(Importer& the_importer, ::onnx::NodeProto& proto, int64_t opset_version)
    : importer(the_importer),
      opset(opset_version),
      op_type(proto.op_type()),
      name(name_of(proto)),
      proto_(proto) {}

size_t NodeImport::input_count() const { return size_t(proto_.input_size()); }
bool NodeImport::has(size_t i) const { return !input_name(i).empty(); }
const std::string& NodeImport::input_name(size_t i) const {
  return i < input_count() ? proto_.input(int(i)) : no_name;
}
ValueId NodeImport::input(size_t i) { return importer.value(input_name(i)); }

std::vector<ValueId> NodeImport::inputs() {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < input_count(); i++) ids.push_back(input(i));
  while (!ids.empty() && ids.back() == ValueId::none) ids.pop_back();
  return ids;
}

const Tensor* NodeImport::tensor(size_t i) const { return importer.tensor(input_name(i)); }

Result<std::vector<int64_t>> NodeImport::constant_integers(size_t i, const char* what) const {
  const Tensor* constant = tensor(i);
  if (!constant)
    return Error(std::string(what) + " '" + input_name(i) + "' must be a constant of the file");
  return onnx::integers(*constant);
}

size_t NodeImport::output_count() const { return size_t(proto_.output_size()); }
bool NodeImport::wants(size_t i) const { return !output_name(i).empty(); }
const std::string& NodeImport::output_name(size_t i) const {
  return i < output_count() ? proto_.output(int(i)) : no_name;
}

static const ::onnx::AttributeProto* find(const ::onnx::NodeProto& proto, std::string_view name) {
  for (const auto& attribute : proto.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

bool NodeImport::has_attribute(std::string_view attribute) const {
  return find(proto_, attribute) != nullptr;
}
int64_t NodeImport::integer(std::string_view attribute, int64_t otherwise) const {
  const ::onnx::AttributeProto* found = find(proto_, attribute);
  return found ? found->i() : otherwise;
}
double NodeImport::real(std::string_view attribute, double otherwise) const {
  const ::onnx::AttributeProto* found = find(proto_, attribute);
  return found ? double(found->f()) : otherwise;
}
std::string NodeImport::text(std::string_view attribute, std::string_view otherwise) const {
  const ::onnx::AttributeProto* found = find(proto_, attribute);
  return found ? found->s() : std::string(otherwise);
}
std::vector<int64_t> NodeImport::integers(std::string_view attribute) const {
  const ::onnx::AttributeProto* found = find(proto_, attribute);
  if (!found) return {};
  return {found->ints().begin(), found->ints().end()};
}
std::vector<double> NodeImport::reals(std::string_view attribute) const {
  const ::onnx::AttributeProto* found = find(proto_, attribute);
  if (!found) return {};
  return {found->floats().begin(), found->floats().end()};
}

Result<Tensor> NodeImport::tensor_attribute(std::string_view attribute) {
  for (auto& candidate : *proto_.mutable_attribute())
    if (candidate.name() == attribute) return read_tensor(*candidate.mutable_t(), importer.files);
  return Error("attribute '" + std::string(attribute) + "' is missing");
}

ir::Attrs NodeImport::attributes() const {
  ir::Attrs attrs;
  for (const auto& attribute : proto_.attribute()) {
    const std::string& key = attribute.name();
    switch (attribute.type()) {
      case ::onnx::AttributeProto::INT:
        attrs.set(key, attribute.i());
        break;
      case ::onnx::AttributeProto::FLOAT:
        attrs.set(key, double(attribute.f()));
        break;
      case ::onnx::AttributeProto::STRING:
        attrs.set(key, attribute.s());
        break;
      case ::onnx::AttributeProto::INTS:
        attrs.set(key, integers(key));
        break;
      case ::onnx::AttributeProto::FLOATS:
        attrs.set(key, reals(key));
        break;
      default:
        break;
    }
  }
  return attrs;
}

Result<std::vector<ValueId>> NodeImport::add_all(ir::Op op, std::vector<ValueId> inputs,
                                                 size_t outputs, ir::Attrs attrs) {
  ir::Graph& graph = importer.graph;
  ir::NodeId id = graph.add_node(op, std::move(inputs), outputs, std::move(attrs), name);
  TRY(ops::infer_node(graph, id));
  std::vector<ValueId> ids = graph[id].outputs;
  std::string base = (output_count() > 0 ? output_name(0) : name) + "/" + std::string(ir::name(op));
  for (ValueId value : ids) graph[value].name = importer.fresh_name(base);
  return ids;
}

Result<ValueId> NodeImport::add(ir::Op op, std::vector<ValueId> inputs, ir::Attrs attrs) {
  return TRY(add_all(op, std::move(inputs), 1, std::move(attrs)))[0];
}

Status NodeImport::finish(ir::Op op, std::vector<ValueId> inputs, ir::Attrs attrs) {
  ir::Graph& graph = importer.graph;
  size_t count = output_count();
  // Split's outputs are counted, wanted or not; elsewhere the last ones are optional.
  while (op != ir::Op::Split && count > 1 && !wants(count - 1)) count--;
  ir::NodeId id = graph.add_node(op, std::move(inputs), count, std::move(attrs), name);
  for (size_t i = 0; i < count; i++) {
    if (wants(i)) {
      bind(i, graph[id].outputs[i]);
    } else {
      graph[id].outputs[i] = ValueId::none;
    }
  }
  return ops::infer_node(graph, id);
}

void NodeImport::bind(size_t output, ValueId value) {
  if (wants(output)) importer.bind(output_name(output), value);
}

ValueId NodeImport::integers_constant(const std::vector<int64_t>& elements) {
  return importer.constant(importer.fresh_name(name + "/integers"), make_integers(elements));
}

ValueId NodeImport::scalar_constant(int64_t value) {
  Tensor scalar = make_integers({value});
  scalar.dims.clear();
  return importer.constant(importer.fresh_name(name + "/scalar"), scalar);
}

ValueId NodeImport::float_constant(ir::DType dtype, double value) {
  return importer.constant(importer.fresh_name(name + "/scalar"), make_float(dtype, value));
}

}  // namespace weft::onnx
