#include "tools/weft/verify_inputs.h"

#include <algorithm>
#include <random>

namespace weft::cli {

namespace {

using ir::ValueId;
using ir::ValueKind;

bool holds(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

ops::Tensor integers(const ir::Type& type, const sym::Bindings& bindings,
                     std::span<const int64_t> elements) {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : type.shape) shape.push_back(dim.eval(bindings).value_or(0));
  ops::Tensor tensor = ops::Tensor::zeros(type.dtype, std::move(shape));
  ops::store_ints(tensor.view(), elements);
  return tensor;
}

// Rows of the smallest table that `input` indexes, through ops that keep its elements; `most` if
// none.
int64_t table_rows(const ir::Graph& graph, ValueId input, int64_t most) {
  for (const ir::NodeId id : graph.users(input)) {
    const ir::Node& node = graph[id];
    const bool index = node.op == ir::Op::Gather && node.inputs[1] == input;
    if (index && graph[node.inputs[0]].kind == ValueKind::constant) {
      const auto& shape = graph[node.inputs[0]].type.shape;
      const int64_t axis = node.attrs.integer("axis", 0);
      const ir::Dim& rows = shape[size_t(axis < 0 ? axis + int64_t(shape.size()) : axis)];
      most = std::min(most, rows.constant());
    }
    const bool passes_on = node.op == ir::Op::Cast || node.op == ir::Op::Reshape ||
                           node.op == ir::Op::Unsqueeze || node.op == ir::Op::Squeeze ||
                           node.op == ir::Op::Identity;
    if (passes_on && node.inputs[0] == input) most = table_rows(graph, node.outputs[0], most);
  }
  return most;
}

// Numbers for an input that nothing gives.
ops::Tensor made_up(const ir::Graph& graph, const FileInput& input, std::vector<int64_t> shape,
                    std::mt19937_64& random) {
  const ir::Type& type = graph[input.value].type;
  ops::Tensor tensor = ops::Tensor::zeros(type.dtype, std::move(shape));
  const ops::Array view = tensor.view();
  const int64_t row = view.shape.empty() ? 1 : std::max<int64_t>(view.shape.back(), 1);
  const int64_t rows = table_rows(graph, input.value, holds(input.name, "position") ? row : 2);
  std::uniform_real_distribution<double> real(-1, 1);
  std::uniform_int_distribution<int64_t> integer(0, std::max<int64_t>(rows, 1) - 1);
  for (int64_t i = 0, count = view.count(); i < count; ++i) {
    if (ir::is_float(type.dtype)) {
      ops::store(view, i, holds(input.name, "mask") ? 0 : real(random));
    } else if (type.dtype == ir::DType::boolean || holds(input.name, "mask")) {
      ops::store_int(view, i, 1);
    } else {
      ops::store_int(view, i, holds(input.name, "position") ? i % row : integer(random));
    }
  }
  return tensor;
}

}  // namespace

std::optional<DecoderInputs> decoder_inputs(const ir::Graph& graph) {
  DecoderInputs out;
  for (const ValueId input : graph.inputs) {
    const ir::Value& value = graph[input];
    const bool wide = value.type.dtype == ir::DType::i64;
    if (value.kind == ValueKind::state) continue;
    if (value.name == "input_ids") {
      out.ids = input;
    } else if (value.name == "position_ids" && wide) {
      out.positions = input;
    } else if (value.name == "attention_mask" && wide) {
      out.mask = input;
    } else {
      return {};
    }
  }
  if (out.ids == ValueId::none) return {};
  if (sym::product(graph[out.ids].type.shape) != sym::Dim::symbol("seq")) return {};
  for (const ir::Output& output : graph.outputs) {
    const ir::Type& type = graph[output.value].type;
    const bool rows = type.shape.size() == 3 && type.shape[2].is_constant();
    if (output.name != "logits" || !rows || !graph.producer(output.value)) continue;
    out.logits = output.value;
    out.vocabulary = type.shape[2].constant();
  }
  if (out.logits == ValueId::none) return {};
  return out;
}

runtime::VerifyStep decoder_step(const ir::Graph& graph, const DecoderInputs& inputs,
                                 std::string name, std::span<const int64_t> ids, int64_t past) {
  const int64_t count = int64_t(ids.size());
  runtime::VerifyStep step;
  step.name = std::move(name);
  step.decode = count == 1;
  step.bindings = {{"seq", count}, {"past", past}, {"rows", count}};
  std::vector<int64_t> positions, ones(size_t(past + count), 1);
  for (int64_t i = 0; i < count; ++i) positions.push_back(past + i);
  const auto put = [&](ValueId input, std::span<const int64_t> elements) {
    if (input != ValueId::none)
      step.inputs[input] = integers(graph[input].type, step.bindings, elements);
  };
  put(inputs.ids, ids);
  put(inputs.positions, positions);
  put(inputs.mask, ones);
  return step;
}

std::vector<int64_t> random_ids(const InputChoice& choice, int64_t vocabulary) {
  std::mt19937_64 random(choice.seed);
  std::uniform_int_distribution<int64_t> id(0, std::max<int64_t>(vocabulary, 1) - 1);
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < choice.length; ++i) ids.push_back(id(random));
  return ids;
}

Result<sym::Bindings> bind_sizes(ir::Graph& graph, std::span<const FileInput> inputs,
                                 const DataSet* set, const InputChoice& choice) {
  sym::Bindings bindings;
  const auto bind = [&](const std::string& symbol, int64_t value) -> Status {
    const auto [entry, fresh] = bindings.emplace(symbol, value);
    if (fresh || entry->second == value) return {};
    return Error{"the inputs of the data do not agree: '" + symbol + "' would be " +
                     std::to_string(entry->second) + " and " + std::to_string(value),
                 ErrorKind::usage};
  };
  for (const FileInput& input : inputs) {
    const ir::Shape& shape = graph[input.value].type.shape;
    const onnx::Tensor* tensor = set ? find_tensor(set->inputs, input.name) : nullptr;
    if (!tensor || tensor->dims.size() != shape.size()) continue;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (const auto symbol = shape[d].as_symbol()) TRY(bind(*symbol, tensor->dims[d]));
    }
  }
  for (const auto& [symbol, value] : choice.sizes) bindings.emplace(symbol, value);
  for (const FileInput& input : inputs) {
    for (const ir::Dim& dim : graph[input.value].type.shape) {
      for (const std::string& symbol : dim.symbols()) {
        const sym::Interval known = graph.bounds.of(symbol);
        const int64_t wish = holds(symbol, "batch") ? 1 : choice.length;
        bindings.emplace(symbol, std::clamp(wish, known.lo, std::max(known.lo, known.hi)));
      }
    }
  }
  for (const auto& [symbol, value] : bindings) {
    sym::Interval known = graph.bounds.of(symbol);
    if (known.hi == sym::kUnbounded) known.hi = 1;
    graph.bounds.set(symbol, {std::min(known.lo, value), std::max(known.hi, value)});
  }
  return bindings;
}

Result<runtime::VerifyStep> graph_step(const ir::Graph& graph, std::span<const FileInput> inputs,
                                       const sym::Bindings& bindings, const DataSet* set,
                                       const InputChoice& choice) {
  runtime::VerifyStep step;
  step.name = set ? set->name : "inputs of chance";
  step.bindings = bindings;
  std::mt19937_64 random(choice.seed);
  for (const FileInput& input : inputs) {
    const bool read =
        std::find(graph.inputs.begin(), graph.inputs.end(), input.value) != graph.inputs.end();
    if (!read) continue;  // no node does
    if (const onnx::Tensor* given = set ? find_tensor(set->inputs, input.name) : nullptr) {
      ops::Tensor tensor;
      // Old data sets hold bf16 as the u16 of its bits; the graph says what is meant.
      const bool bits =
          given->dtype == ir::DType::u16 && graph[input.value].type.dtype == ir::DType::bf16;
      tensor.dtype = bits ? ir::DType::bf16 : given->dtype;
      tensor.shape = given->dims;
      tensor.bytes.assign(given->data->bytes.begin(), given->data->bytes.end());
      step.inputs[input.value] = std::move(tensor);
      continue;
    }
    std::vector<int64_t> shape;
    for (const ir::Dim& dim : graph[input.value].type.shape) {
      const auto size = dim.eval(bindings);
      if (!size || *size < 0 || *size > int64_t{1} << 32)
        return Error{"the size " + dim.str() + " of input '" + input.name + "' cannot be chosen; " +
                         "--size NAME=N gives it",
                     ErrorKind::usage};
      shape.push_back(*size);
    }
    step.inputs[input.value] = made_up(graph, input, std::move(shape), random);
  }
  return step;
}

}  // namespace weft::cli
