#include "tools/weft/check_graph.h"

#include <algorithm>

namespace weft::cli {

namespace {

using ir::ValueId;
using ir::ValueKind;

std::string str(const std::vector<int64_t>& dims) {
  std::string text;
  for (const int64_t dim : dims) text += (text.empty() ? "" : ", ") + std::to_string(dim);
  return "[" + text + "]";
}

// Values of the symbols that are whole dims of `shape`.
void learn(const ir::Shape& shape, const std::vector<int64_t>& dims, sym::Bindings& bindings) {
  if (shape.size() != dims.size()) return;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (const auto symbol = shape[d].as_symbol()) bindings.emplace(*symbol, dims[d]);
  }
}

bool fits(const ir::Shape& shape, const std::vector<int64_t>& dims, const sym::Bindings& bindings) {
  if (shape.size() != dims.size()) return false;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (shape[d].eval(bindings) != dims[d]) return false;
  }
  return true;
}

// Room for every size the sets have, in each symbol of the inputs.
void set_bounds(ir::Graph& graph, const TestData& data) {
  for (const DataSet& set : data.sets) {
    sym::Bindings bindings;
    for (const ValueId id : graph.inputs) {
      if (const onnx::Tensor* tensor = find_tensor(set.inputs, graph[id].name))
        learn(graph[id].type.shape, tensor->dims, bindings);
    }
    for (const auto& [symbol, value] : bindings) {
      sym::Interval known = graph.bounds.of(symbol);
      if (known.hi == sym::kUnbounded) known.hi = 1;
      graph.bounds.set(symbol, {std::min(known.lo, value), std::max(known.hi, value)});
    }
  }
}

// Positions of the tokens of a run, for an input that the importer adds where an op of the file
// counts them itself: they go on where the mask, or else the past, says.
onnx::NamedTensor count_positions(const DataSet& set, const std::vector<int64_t>& dims) {
  const int64_t length = dims.empty() ? 0 : dims.back();
  int64_t past = 0;
  bool masked = false;
  for (const onnx::NamedTensor& input : set.inputs) {
    const auto& shape = input.tensor.dims;
    if (input.name == "attention_mask" && shape.size() == 2) {
      past = shape[1] - length;
      masked = true;
    }
    if (shape.size() == 4 && !masked) past = shape[2];
  }
  ops::Tensor positions = ops::Tensor::zeros(ir::DType::i64, dims);
  for (int64_t i = 0, count = positions.view().count(); i < count; ++i)
    ops::store_int(positions.view(), i, past + i % length);
  return {"position_ids", onnx::make_tensor(ir::DType::i64, dims, std::move(positions.bytes))};
}

// Old data sets hold bf16 as the u16 of its bits; the graph says what is meant.
ir::DType meant(ir::DType stored, ir::DType declared) {
  return stored == ir::DType::u16 && declared == ir::DType::bf16 ? declared : stored;
}

}  // namespace

Result<std::unique_ptr<GraphChecker>> GraphChecker::make(
    ir::Graph graph, const TestData& data, const std::vector<host::PluginPtr>& plugins,
    const CheckOptions& options) {
  std::unique_ptr<GraphChecker> checker(new GraphChecker(data, options));
  for (const ValueId id : graph.inputs) checker->inputs_.push_back({id, graph[id].name});
  set_bounds(graph, data);
  EngineOptions engine = options.engine;
  engine.keep_interface = true;
  checker->engine_ = TRY(Engine::build(std::move(graph), plugins, std::move(engine)));
  checker->run_ = TRY(checker->engine_->open_graph_run());
  return checker;
}

Status GraphChecker::write_inputs(const DataSet& set, sym::Bindings& bindings) {
  const ir::Graph& graph = engine_->graph();
  for (const FileInput& input : inputs_) {
    if (const onnx::Tensor* tensor = find_tensor(set.inputs, input.name))
      learn(graph[input.value].type.shape, tensor->dims, bindings);
  }
  for (const auto& [symbol, value] : bindings) run_->bind(symbol, value);
  for (const FileInput& input : inputs_) {
    const bool read =
        std::find(graph.inputs.begin(), graph.inputs.end(), input.value) != graph.inputs.end();
    if (!read) continue;  // no node does
    const onnx::Tensor* tensor = find_tensor(set.inputs, input.name);
    if (!tensor && input.name == "position_ids") {
      std::vector<int64_t> dims;
      for (const ir::Dim& dim : graph[input.value].type.shape)
        dims.push_back(dim.eval(bindings).value_or(0));
      const auto positions = count_positions(set, dims);
      TRY(run_->write(input.value, positions.tensor.data->bytes));
      continue;
    }
    if (!tensor) return Error("no file has a value for the input '" + input.name + "'");
    const ir::Type& type = graph[input.value].type;
    if (meant(tensor->dtype, type.dtype) != type.dtype ||
        !fits(type.shape, tensor->dims, bindings)) {
      return Error("'" + input.name + "' is " + std::string(ir::name(tensor->dtype)) +
                   str(tensor->dims) + " in the data and " + ir::str(type) + " in the model");
    }
    TRY(run_->write(input.value, tensor->data->bytes), "input '" + input.name + "'");
  }
  return {};
}

Result<OutputCheck> GraphChecker::compare(const DataSet& set, const onnx::NamedTensor& expected,
                                          const sym::Bindings& bindings) {
  const ir::Graph& graph = engine_->graph();
  const auto output = std::find_if(graph.outputs.begin(), graph.outputs.end(),
                                   [&](const auto& one) { return one.name == expected.name; });
  if (output == graph.outputs.end())
    return Error("the model has no output '" + expected.name + "', of which there is a value");
  const ir::Value& value = graph[output->value];
  ops::Array got;
  got.dtype = value.type.dtype;
  for (const ir::Dim& dim : value.type.shape) {
    const auto size = dim.eval(bindings);
    if (!size) return Error("the size " + dim.str() + " of '" + output->name + "' is not known");
    got.shape.push_back(*size);
  }
  got.strides = ops::row_major(got.shape);
  ops::Tensor known;  // contents of a value that has no memory
  if (value.kind == ValueKind::constant && !value.quantization) {
    got.data = const_cast<std::byte*>(value.constant->bytes.data());
    if (value.column_major) got.strides = {1, got.shape[0]};
  } else if (value.kind == ValueKind::symbolic) {
    known = ops::Tensor::zeros(got.dtype, got.shape);
    std::vector<int64_t> elements;
    for (const ir::Dim& dim : *value.contents) elements.push_back(dim.eval(bindings).value_or(0));
    ops::store_ints(known.view(), elements);
    got.data = known.bytes.data();
  } else {
    got.data = const_cast<std::byte*>(TRY(run_->read(output->value), output->name).data());
  }
  ops::Array wanted = view_of(expected.tensor);
  wanted.dtype = meant(wanted.dtype, got.dtype);
  const int64_t limit = data_.positions.limit(set.name, expected.name);
  return OutputCheck{expected.name,
                     ops::difference(got, wanted, options_.tolerance, data_.positions.axis, limit)};
}

Result<std::vector<OutputCheck>> GraphChecker::check(const DataSet& set) {
  sym::Bindings bindings;
  TRY(write_inputs(set, bindings));
  TRY(run_->run());
  std::vector<OutputCheck> checks;
  for (const onnx::NamedTensor& expected : set.outputs)
    checks.push_back(TRY(compare(set, expected, bindings)));
  return checks;
}

}  // namespace weft::cli
