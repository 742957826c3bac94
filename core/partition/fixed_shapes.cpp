#include "core/partition/fixed_shapes.h"

#include "core/base/check.h"

namespace weft::partition {

using ir::Dim;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;

namespace {

// The symbol that counts positions already in the cache: it goes up to the capacity, with every
// token, so a shape that holds it is worthless at its upper bound.
constexpr const char* kPast = "past";

// The symbol that counts rows whose logits are asked for: one of a prompt, as a rule.
constexpr const char* kRows = "rows";
// From so many elements on, a row is a vocabulary's.
constexpr int64_t kWideRow = 16384;

std::string why_not_fixed(const Value& value, const sym::Bounds& bounds) {
  const std::string name = "'" + value.name + "' " + str(value.type);
  if (value.kind == ValueKind::state || value.placement) {
    return name + " lies in the cache, which a program of fixed shapes would overwrite";
  }
  const ir::Shape& shape = value.type.shape;
  for (const Dim& dim : shape) {
    if (dim.symbols().contains(kPast)) {
      return name + " grows with every token, and the device needs fixed shapes";
    }
    if (!fixed_value(dim, bounds)) {
      return "'" + dim.str() + "' of " + name +
             " has no useful upper bound, and the device needs fixed shapes";
    }
  }
  const bool is_wide =
      !shape.empty() && shape.back().is_constant() && shape.back().constant() >= kWideRow;
  for (const Dim& dim : shape) {
    if (is_wide && dim.symbols().contains(kRows)) {
      return name + " would have " + std::to_string(*fixed_value(dim, bounds)) +
             " rows at a fixed shape, where a prompt asks for one";
    }
  }
  if (!shape.empty() && !shape.back().is_constant()) {
    return "rows of " + name + " change their length, and the device needs fixed shapes";
  }
  for (const Dim& element : value.contents ? *value.contents : std::vector<Dim>{}) {
    if (!fixed_value(element, bounds)) {
      return "'" + element.str() + "' in " + name + " cannot be fixed";
    }
  }
  return {};
}

}  // namespace

std::optional<int64_t> fixed_value(const Dim& dim, const sym::Bounds& bounds) {
  sym::Bindings longest;
  for (const std::string& symbol : dim.symbols()) {
    const int64_t most = bounds.of(symbol).hi;
    if (most == sym::kUnbounded) return {};
    longest[symbol] = most;
  }
  const auto value = dim.eval(longest);
  if (!value || *value < 0 || *value != bounds.of(dim).hi) return {};
  return value;
}

std::string why_not_fixed(const ir::Graph& graph, const std::vector<ir::NodeId>& nodes) {
  for (const ir::NodeId node : nodes) {
    for (const auto* values : {&graph[node].inputs, &graph[node].outputs}) {
      for (const ValueId id : *values) {
        if (id == ValueId::none || graph[id].kind == ValueKind::constant) continue;
        if (std::string why = why_not_fixed(graph[id], graph.bounds); !why.empty()) return why;
      }
    }
  }
  return {};
}

std::vector<int64_t> fixed_slots(const weft_graph& island, const sym::SlotTable& slots,
                                 const sym::Bounds& bounds) {
  std::vector<int64_t> fixed(slots.dims().size(), -1);
  const auto fix = [&](const weft_dim& dim) {
    if (dim.slot == WEFT_NONE) return;
    const auto value = fixed_value(slots.dims()[dim.slot], bounds);
    WEFT_CHECK(value);
    fixed[dim.slot] = *value;
  };
  for (uint32_t i = 0; i < island.value_count; ++i) {
    const weft_value& value = *WEFT_AT(weft_value, island.values, island.value_stride, i);
    for (uint32_t d = 0; d < value.rank; ++d) fix(value.dims[d]);
    for (uint32_t d = 0; d < value.contents_count; ++d) fix(value.contents[d]);
    fix(value.offset);
  }
  return fixed;
}

}  // namespace weft::partition
