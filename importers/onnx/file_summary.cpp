// Counts what the messages hold; see file_summary.h.
#include "importers/onnx/file_summary.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "importers/onnx/element_types.h"
#include "importers/onnx/op_table.h"

namespace weft::onnx {

namespace {

using OpKey = std::pair<std::string, std::string>;  // domain, op

std::string full_domain(const std::string& domain) { return domain.empty() ? "ai.onnx" : domain; }

std::string type_name(int32_t number) {
  const auto known = element_type(number);
  return known.ok() ? std::string(ir::name(*known)) : element_type_name(number);
}

std::string type_of(const ::onnx::ValueInfoProto& value) {
  if (!value.type().has_tensor_type()) return "no tensor";
  const auto& tensor = value.type().tensor_type();
  std::string text = type_name(tensor.elem_type());
  if (!tensor.has_shape()) return text + "[?]";
  std::string dims;
  for (const auto& dim : tensor.shape().dim()) {
    std::string one = dim.has_dim_value() ? std::to_string(dim.dim_value()) : dim.dim_param();
    dims += (dims.empty() ? "" : ", ") + (one.empty() ? "?" : one);
  }
  return text + "[" + dims + "]";
}

int64_t tensor_bytes(const ::onnx::TensorProto& tensor) {
  if (tensor.has_raw_data()) return int64_t(tensor.raw_data().size());
  return int64_t{4} * (tensor.float_data_size() + tensor.int32_data_size()) +
         int64_t{8} *
             (tensor.int64_data_size() + tensor.double_data_size() + tensor.uint64_data_size());
}

// Where external data says it is; a length that is no number counts as none.
std::pair<std::string, int64_t> external_place(const ::onnx::TensorProto& tensor) {
  std::string location;
  int64_t length = 0;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "length") continue;
    const std::string& text = entry.value();
    std::from_chars(text.data(), text.data() + text.size(), length);
  }
  return {location, std::max<int64_t>(length, 0)};
}

int64_t file_bytes(const std::filesystem::path& folder, const std::string& name) {
  std::error_code error;
  const auto size = std::filesystem::file_size(folder / name, error);
  return error ? -1 : int64_t(size);
}

void count_tensors(const ::onnx::GraphProto& graph, const std::filesystem::path& folder,
                   FileSummary& summary) {
  std::map<std::string, FileSummary::Tensors> by_type;
  std::map<std::string, int64_t> by_file;
  for (const auto& tensor : graph.initializer()) {
    FileSummary::Tensors& row = by_type[type_name(tensor.data_type())];
    ++row.count;
    if (tensor.data_location() == ::onnx::TensorProto::EXTERNAL) {
      const auto [name, length] = external_place(tensor);
      by_file[name] += length;
      row.bytes += length;
    } else {
      row.bytes += tensor_bytes(tensor);
    }
  }
  for (auto& [type, row] : by_type) {
    row.type = type;
    summary.initializers.push_back(row);
  }
  std::stable_sort(summary.initializers.begin(), summary.initializers.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  for (const auto& [name, used] : by_file)
    summary.external.push_back({name, file_bytes(folder, name), used});
}

// Adds the nodes, those of branches and loops included, and the names they read.
template <typename Nodes>
void count_nodes(const Nodes& nodes, std::map<OpKey, size_t>& ops, std::set<std::string>& read) {
  for (const auto& node : nodes) {
    ++ops[{full_domain(node.domain()), node.op_type()}];
    read.insert(node.input().begin(), node.input().end());
    for (const auto& attribute : node.attribute()) {
      count_nodes(attribute.g().node(), ops, read);
      for (const auto& graph : attribute.graphs()) count_nodes(graph.node(), ops, read);
    }
  }
}

void list_ops(const ::onnx::ModelProto& model, const std::map<OpKey, size_t>& ops,
              FileSummary& summary) {
  std::set<OpKey> local;
  for (const auto& function : model.functions())
    local.insert({full_domain(function.domain()), function.name()});
  for (const auto& [key, count] : ops) {
    const bool supported = local.contains(key) || is_listed(key.first, key.second);
    summary.ops.push_back({key.first, key.second, count, supported});
  }
  std::stable_sort(summary.ops.begin(), summary.ops.end(), [](const auto& a, const auto& b) {
    return a.domain != b.domain ? a.domain < b.domain : a.count > b.count;
  });
}

}  // namespace

void summarize(const ::onnx::ModelProto& model, const std::filesystem::path& folder,
               FileSummary& summary) {
  const ::onnx::GraphProto& graph = model.graph();
  summary.ir_version = model.ir_version();
  summary.producer = model.producer_name();
  if (!model.producer_version().empty()) summary.producer += " " + model.producer_version();
  for (const auto& opset : model.opset_import())
    summary.opsets.push_back({full_domain(opset.domain()), opset.version()});
  summary.functions = size_t(model.functions_size());
  count_tensors(graph, folder, summary);

  std::map<OpKey, size_t> ops;
  std::set<std::string> read;
  count_nodes(graph.node(), ops, read);
  for (const auto& function : model.functions()) {
    std::set<std::string> inside;
    count_nodes(function.node(), ops, inside);
  }
  list_ops(model, ops, summary);

  std::set<std::string> initialized;
  for (const auto& tensor : graph.initializer()) initialized.insert(tensor.name());
  for (const auto& output : graph.output()) {
    read.insert(output.name());
    summary.outputs.push_back({output.name(), type_of(output), true});
  }
  for (const auto& input : graph.input()) {
    if (initialized.contains(input.name())) continue;
    summary.inputs.push_back({input.name(), type_of(input), read.contains(input.name())});
  }
}

}  // namespace weft::onnx
