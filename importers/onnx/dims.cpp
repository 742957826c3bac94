// Reads declared types; see dims.h.
#include "importers/onnx/dims.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cctype>

#include "importers/onnx/element_types.h"
#include "importers/onnx/tensors.h"

namespace weft::onnx {

using ir::Dim;

// A bare name, or nothing. Words with a meaning in expressions are not names.
static bool is_name(const std::string& text) {
  if (text.empty() || !(std::isalpha(uint8_t(text[0])) || text[0] == '_')) return false;
  for (const char* word : {"floordiv", "mod", "max", "min"})
    if (text == word) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return std::isalnum(uint8_t(c)) || c == '_' || c == '.'; });
}

// `text` with what a name may not hold replaced.
static std::string legal_name(const std::string& text) {
  std::string name;
  for (char c : text) name += std::isalnum(uint8_t(c)) || c == '_' ? c : '_';
  if (!is_name(name)) name = "dim_" + name;
  return name;
}

void DimNames::learn(const ::onnx::ValueInfoProto& input) {
  for (const auto& dim : input.type().tensor_type().shape().dim())
    if (dim.has_dim_param() && is_name(dim.dim_param())) bare_.insert(dim.dim_param());
}

Dim DimNames::named(const std::string& text) {
  if (is_name(text)) return Dim::symbol(text);
  if (auto it = made_.find(text); it != made_.end()) return Dim::symbol(it->second);
  Result<Dim> parsed = Dim::parse(text);
  if (parsed.ok()) {
    std::set<std::string> symbols = parsed->symbols();
    bool known = std::all_of(symbols.begin(), symbols.end(),
                             [&](const std::string& symbol) { return bare_.contains(symbol); });
    if (known && (!parsed->is_constant() || parsed->constant() >= 0)) return *parsed;
  }
  std::string name = legal_name(text);
  while (bare_.contains(name)) name += "_";
  bare_.insert(name);
  made_[text] = name;
  return Dim::symbol(name);
}

static Status check_tensor(const ::onnx::ValueInfoProto& info) {
  if (info.type().has_tensor_type()) return {};
  if (info.type().value_case() == ::onnx::TypeProto::VALUE_NOT_SET)
    return Error("'" + info.name() + "' has no type");
  return Error("'" + info.name() +
               "' is not a tensor (a sequence, map, optional or sparse tensor)");
}

Result<ir::Type> DimNames::input_type(const ::onnx::ValueInfoProto& input) {
  std::string who = "graph input '" + input.name() + "'";
  TRY(check_tensor(input), "graph input");
  const auto& tensor = input.type().tensor_type();
  ir::Type type;
  type.dtype = TRY(element_type(tensor.elem_type()), who);
  if (!tensor.has_shape())
    return Error(who + " has no shape; export it with one (dims may be symbolic)");
  std::vector<int64_t> constants;
  for (const auto& dim : tensor.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() != -1) {
      constants.push_back(dim.dim_value());
      type.shape.emplace_back(dim.dim_value());
    } else if (dim.has_dim_param() && !dim.dim_param().empty() && dim.dim_param() != "?") {
      type.shape.push_back(named(dim.dim_param()));
    } else {
      type.shape.push_back(named(input.name() + "_dim" + std::to_string(type.shape.size())));
    }
  }
  TRY(element_count(constants), who);
  return type;
}

Result<Declared> DimNames::output_type(const ::onnx::ValueInfoProto& output) {
  Declared declared;
  if (output.type().value_case() == ::onnx::TypeProto::VALUE_NOT_SET) return declared;
  TRY(check_tensor(output), "graph output");
  const auto& tensor = output.type().tensor_type();
  std::string who = "graph output '" + output.name() + "'";
  if (tensor.elem_type() != 0) declared.dtype = TRY(element_type(tensor.elem_type()), who);
  if (!tensor.has_shape()) return declared;
  declared.shape.emplace();
  for (const auto& dim : tensor.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() != -1) {
      declared.shape->push_back(Dim(dim.dim_value()));
    } else if (dim.has_dim_param() && !dim.dim_param().empty() && dim.dim_param() != "?") {
      declared.shape->push_back(named(dim.dim_param()));
    } else {
      declared.shape->push_back(std::nullopt);
    }
  }
  return declared;
}

static bool never_zero(const std::string& symbol) {
  for (const char* name : {"seq", "sequence", "seq_len", "seq_length", "sequence_length", "batch"})
    if (symbol == name) return true;
  return symbol.find("batch") != std::string::npos;
}

void set_input_bounds(ir::Graph& graph) {
  for (ir::ValueId id : graph.inputs) {
    bool tokens = graph[id].name == "input_ids";
    for (const Dim& dim : graph[id].type.shape)
      for (const std::string& symbol : dim.symbols())
        if (never_zero(symbol) || (tokens && dim.as_symbol()))
          graph.bounds.set(symbol, {1, sym::kUnbounded});
        else if (graph.bounds.all().find(symbol) == graph.bounds.all().end())
          graph.bounds.set(symbol, {0, sym::kUnbounded});
  }
}

}  // namespace weft::onnx
