// Reads ONNX's own test cases with libonnx's message classes; see onnx_case.h.
#include "tests/core/ops/onnx_case.h"

#include <onnx/onnx_pb.h>

#include <cstring>
#include <fstream>
#include <sstream>

namespace weft::test {
namespace {

using ir::DType;
using ops::Tensor;

template <typename Message>
Result<Message> read_message(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  Message message;
  if (!file || !message.ParseFromString(bytes.str())) return Error{"cannot read " + path};
  return message;
}

bool supported(int type) {
  const DType dtype{uint8_t(type)};
  return type < 20 && (ir::is_float(dtype) || ir::is_integer(dtype) || dtype == DType::boolean);
}

template <typename Field>
void store_field(const Field& field, const Tensor& tensor) {
  for (int i = 0; i < field.size(); ++i) ops::store_int(tensor.view(), i, int64_t(field.Get(i)));
}

Result<Tensor> to_tensor(const onnx::TensorProto& proto) {
  const std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  Tensor tensor = Tensor::zeros(DType(proto.data_type()), shape);
  const auto count = tensor.view().count();
  const size_t size = tensor.bytes.size();
  if (proto.raw_data().size() == size && size > 0) {
    std::memcpy(tensor.bytes.data(), proto.raw_data().data(), size);
  } else if (proto.float_data_size() == count && count > 0) {
    for (int i = 0; i < proto.float_data_size(); ++i) {
      ops::store(tensor.view(), i, double(proto.float_data(i)));
    }
  } else if (proto.double_data_size() == count && count > 0) {
    for (int i = 0; i < count; ++i) ops::store(tensor.view(), i, proto.double_data(i));
  } else if (proto.int64_data_size() == count && count > 0) {
    store_field(proto.int64_data(), tensor);
  } else if (proto.uint64_data_size() == count && count > 0) {
    store_field(proto.uint64_data(), tensor);
  } else if (proto.int32_data_size() == count && count > 0) {
    // 16-bit floats are stored as their bits.
    Tensor bits = tensor;
    if (ir::is_float(tensor.dtype)) bits.dtype = DType::u16;
    store_field(proto.int32_data(), bits);
    tensor.bytes = bits.bytes;
  } else if (count > 0) {
    return Error{"a tensor of " + std::to_string(count) + " elements without data"};
  }
  return tensor;
}

// The attributes of a node; `axes` and tensors are told apart by the caller.
ir::Attrs to_attrs(const onnx::NodeProto& node) {
  ir::Attrs attrs;
  for (const auto& attribute : node.attribute()) {
    switch (attribute.type()) {
      case onnx::AttributeProto::INT:
        attrs.set(attribute.name(), attribute.i());
        break;
      case onnx::AttributeProto::FLOAT:
        attrs.set(attribute.name(), double(attribute.f()));
        break;
      case onnx::AttributeProto::STRING:
        attrs.set(attribute.name(), attribute.s());
        break;
      case onnx::AttributeProto::INTS:
        attrs.set(attribute.name(),
                  std::vector<int64_t>(attribute.ints().begin(), attribute.ints().end()));
        break;
      default:
        break;
    }
  }
  return attrs;
}

// ConstantOfShape's one-element tensor as the attributes it has here.
Status set_value(const onnx::NodeProto& node, ir::Attrs& attrs) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.type() != onnx::AttributeProto::TENSOR) continue;
    const Tensor value = TRY(to_tensor(attribute.t()));
    attrs.set("dtype", int64_t(value.dtype));
    if (ir::is_float(value.dtype)) {
      attrs.set("value", ops::load(value.view(), 0));
    } else {
      attrs.set("value", ops::load_int(value.view(), 0));
    }
  }
  return {};
}

// Reads the tensors of a data set; a name "" is an absent one and has no file.
Result<std::vector<Tensor>> read_tensors(
    const std::string& prefix, const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::vector<Tensor> tensors;
  int file = 0;
  for (const std::string& name : names) {
    tensors.emplace_back();
    if (name.empty()) continue;
    const auto proto =
        TRY(read_message<onnx::TensorProto>(prefix + std::to_string(file++) + ".pb"));
    tensors.back() = TRY(to_tensor(proto), prefix);
  }
  return tensors;
}

// Old data sets hold bf16 as the u16 of its bits; the model says what is meant.
template <typename Names, typename Values>
void relabel_bf16(const Names& names, const Values& values, std::vector<Tensor>& tensors) {
  for (const auto& value : values) {
    if (DType(value.type().tensor_type().elem_type()) != DType::bf16) continue;
    for (int i = 0; i < names.size(); ++i) {
      Tensor& tensor = tensors[size_t(i)];
      if (names.Get(i) == value.name() && tensor.dtype == DType::u16) tensor.dtype = DType::bf16;
    }
  }
}

// Why the vocabulary cannot hold this model, or nothing.
std::string reason_to_skip(const onnx::ModelProto& model) {
  if (model.graph().node_size() != 1) return "not a single node";
  const onnx::NodeProto& node = model.graph().node(0);
  if (!node.domain().empty() || !ir::parse_op(node.op_type())) return "op not in the vocabulary";
  for (const auto* values : {&model.graph().input(), &model.graph().output()}) {
    for (const auto& value : *values) {
      if (!value.type().has_tensor_type()) return "sequences and optionals do not occur";
      if (!supported(value.type().tensor_type().elem_type())) return "strings do not occur";
    }
  }
  return {};
}

}  // namespace

Result<LoadedCase> load_onnx_case(const std::string& folder) {
  const auto model = TRY(read_message<onnx::ModelProto>(folder + "/model.onnx"));
  if (auto reason = reason_to_skip(model); !reason.empty()) return LoadedCase{{}, reason};
  const onnx::NodeProto& node = model.graph().node(0);
  OnnxCase result;
  result.name = folder.substr(folder.rfind('/') + 1);
  result.op = *ir::parse_op(node.op_type());
  result.attrs = to_attrs(node);
  TRY(set_value(node, result.attrs), result.name);
  result.inputs = TRY(read_tensors(folder + "/test_data_set_0/input_", node.input()));
  result.outputs = TRY(read_tensors(folder + "/test_data_set_0/output_", node.output()));
  relabel_bf16(node.input(), model.graph().input(), result.inputs);
  relabel_bf16(node.output(), model.graph().output(), result.outputs);
  const bool reduces = node.op_type().starts_with("Reduce") || node.op_type().ends_with("queeze");
  if (reduces && result.attrs.has("axes")) {
    const auto axes = result.attrs.integers("axes");
    result.inputs.push_back(Tensor::zeros(DType::i64, {int64_t(axes.size())}));
    ops::store_ints(result.inputs.back().view(), axes);
    result.attrs.erase("axes");
  }
  return LoadedCase{std::move(result), {}};
}

Result<Tensor> load_onnx_tensor(const std::string& path) {
  return to_tensor(TRY(read_message<onnx::TensorProto>(path)));
}

}  // namespace weft::test
