// Finds and checks the line of ops.def for a node; see op_table.h.
#include "importers/onnx/op_table.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <string_view>
#include <utility>

namespace weft::onnx {

namespace {

struct Row {
  ImportFn function;
  int least_inputs;
  int most_inputs;  // -1: any number
  std::string_view attributes;
};

using Table = std::map<std::pair<std::string_view, std::string_view>, Row>;

const Table& table() {
  static const Table rows = {
#define ONNX_OP(domain, name, function, least, most, attributes) \
  {{domain, #name}, {function, least, most, attributes}},
#include "importers/onnx/ops.def"
#undef ONNX_OP
  };
  return rows;
}

std::string_view domain_of(const ::onnx::NodeProto& node) {
  return node.domain() == "ai.onnx" ? std::string_view() : std::string_view(node.domain());
}

Error refusal(const ::onnx::NodeProto& node, int64_t opset) {
  const std::string& op = node.op_type();
  for (const char* control : {"If", "Loop", "Scan"})
    if (op == control && domain_of(node).empty())
      return Error(
          "control flow is not supported; export the model with fixed branches and loops "
          "(tracing, or torch.export without data-dependent branches)");
  if (op.starts_with("Sequence") || op.starts_with("Optional") || op == "ConcatFromSequence" ||
      op == "SplitToSequence")
    return Error("sequences and optionals are not supported; export the model with plain tensors");
  std::string domain = domain_of(node).empty() ? "ai.onnx" : node.domain();
  std::string advice = "see importers/onnx/ops.def for what is";
  for (const auto& [key, row] : table())
    if (key.second == op) {
      std::string other = key.first.empty() ? "ai.onnx" : std::string(key.first);
      advice = "there is an op of that name in domain " + other + ", which is supported";
    }
  if (domain == "com.microsoft")
    advice +=
        "; the model before ONNX Runtime's optimizer, or another export route, may do "
        "without it";
  return Error("op '" + op + "' of domain " + domain + " (opset " + std::to_string(opset) +
               ") is not supported; " + advice);
}

// The type letter of `name` in "axis:i epsilon:f", or 0.
char listed_type(std::string_view listed, std::string_view name) {
  while (!listed.empty()) {
    size_t space = listed.find(' ');
    std::string_view item = listed.substr(0, space);
    if (item.substr(0, item.size() - 2) == name) return item.back();
    if (space == std::string_view::npos) break;
    listed.remove_prefix(space + 1);
  }
  return 0;
}

char type_of(const ::onnx::AttributeProto& attribute) {
  switch (attribute.type()) {
    case ::onnx::AttributeProto::INT:
      return 'i';
    case ::onnx::AttributeProto::FLOAT:
      return 'f';
    case ::onnx::AttributeProto::STRING:
      return 's';
    case ::onnx::AttributeProto::TENSOR:
      return 't';
    case ::onnx::AttributeProto::INTS:
      return 'I';
    case ::onnx::AttributeProto::FLOATS:
      return 'F';
    case ::onnx::AttributeProto::STRINGS:
      return 'S';
    default:
      return '?';
  }
}

Status check_attributes(const ::onnx::NodeProto& node, const Row& row) {
  for (const auto& attribute : node.attribute()) {
    char wanted = listed_type(row.attributes, attribute.name());
    if (wanted == 0)
      return Error("attribute '" + attribute.name() +
                   "' is not supported; ignoring it could change the result");
    if (!attribute.ref_attr_name().empty())
      return Error("attribute '" + attribute.name() +
                   "' refers to a function's attribute, but the "
                   "node is not in a function");
    if (type_of(attribute) != wanted)
      return Error("attribute '" + attribute.name() + "' has another type than the op defines");
  }
  return {};
}

Status check_inputs(const NodeImport& node, const Row& row) {
  std::string has = "; it has " + std::to_string(node.input_count());
  if (row.most_inputs >= 0 && node.input_count() > size_t(row.most_inputs))
    return Error("at most " + std::to_string(row.most_inputs) + " inputs are supported" + has);
  if (node.input_count() < size_t(row.least_inputs))
    return Error("at least " + std::to_string(row.least_inputs) + " inputs are needed" + has);
  for (size_t i = 0; i < size_t(row.least_inputs); i++)
    if (!node.has(i)) return Error("input " + std::to_string(i) + " is required, but empty");
  return {};
}

}  // namespace

Status import_node(Importer& importer, ::onnx::NodeProto& proto, int64_t opset) {
  auto found = table().find({domain_of(proto), proto.op_type()});
  if (found == table().end()) return refusal(proto, opset);
  const Row& row = found->second;
  TRY(check_attributes(proto, row));
  NodeImport node(importer, proto, opset);
  TRY(check_inputs(node, row));
  TRY(row.function(node));
  for (size_t i = 0; i < node.output_count(); i++)
    if (node.wants(i) && !importer.is_bound(node.output_name(i)))
      return Error("output " + std::to_string(i) + " '" + node.output_name(i) +
                   "' is not supported");
  return {};
}

bool is_listed(std::string_view domain, std::string_view op) {
  return table().contains({domain == "ai.onnx" ? "" : domain, op});
}

Status same(NodeImport& node) {
  std::optional<ir::Op> op = ir::parse_op(node.op_type);
  if (!op) return Error("op '" + node.op_type + "' is not in the vocabulary");
  return node.finish(*op, node.inputs(), node.attributes());
}

}  // namespace weft::onnx
