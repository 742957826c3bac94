// Reading one unit; see unit.h.
#include "plugins/vulkan_npu/unit.h"

#include <algorithm>
#include <cmath>

namespace weft::vulkan_npu {

using common::Refusal;
using plugin::GraphView;
using plugin::NodeView;
using plugin::text;

namespace {

bool is(const NodeView& node, const char* op) {
  return std::string(node->op_type) == op && (!node->domain || !*node->domain);
}

bool is_product(const NodeView& node) {
  return is(node, "MatMulInteger") || is(node, "QLinearMatMul");
}

constexpr const char* kFunctions[] = {"Relu", "Sigmoid", "Tanh", "Erf",
                                      "Gelu", "Swish",   "Neg",  "Abs"};

bool is_function(const NodeView& node) {
  return std::any_of(std::begin(kFunctions), std::end(kFunctions),
                     [&](const char* op) { return is(node, op); });
}

Codes codes_of(const NodeView& node) {
  if (node.integer("block_size", 0) != 0)
    throw Refusal{WEFT_REFUSE_QUANT, "scales of blocks; the NPU has one for the whole tensor",
                  node.input(1)};
  if (node.integer("precision", 0) > 1)
    throw Refusal{WEFT_REFUSE_ATTRIBUTE, "the division is not in f32", WEFT_NONE, "precision"};
  return need_codes(node, 1, "the scale");
}

void read_quantize(const NodeView& node, Unit& unit) {
  unit.y = node.output(0);
  unit.of_y = codes_of(node);
  need_tensor(node, unit.y, WEFT_I8);
}

// The codes of the real that input `i` of an op is, by the DequantizeLinear among the nodes.
uint32_t source_of(const GraphView& graph, const std::vector<uint32_t>& nodes, uint32_t real,
                   Codes& codes) {
  for (const uint32_t n : nodes) {
    const NodeView node = graph.node(n);
    if (!is(node, "DequantizeLinear") || node.output(0) != real) continue;
    codes = codes_of(node);
    need_tensor(node, node.input(0), WEFT_I8);
    need_rows(node, node.input(0));
    return node.input(0);
  }
  throw Refusal{WEFT_REFUSE_OP, "a float that is no dequantized tensor", real};
}

bool same_shape(const GraphView& graph, uint32_t a, uint32_t b) {
  const weft_value &x = graph.value(a), &y = graph.value(b);
  if (x.rank != y.rank) return false;
  for (uint32_t d = 0; d < x.rank; d++)
    if (x.dims[d].slot != y.dims[d].slot || x.dims[d].value != y.dims[d].value) return false;
  return true;
}

// DequantizeLinear op QuantizeLinear: the op is the last but one.
Unit read_group(const GraphView& graph, const std::vector<uint32_t>& nodes) {
  const NodeView op = graph.node(nodes[nodes.size() - 2]);
  Unit unit;
  read_quantize(graph.node(nodes.back()), unit);
  unit.x = source_of(graph, nodes, op.input(0), unit.of_x);
  if (is_function(op)) {
    unit.kind = Unit::Kind::lookup;
    unit.function = {op->op_type, op.real("alpha", 1), op.string("approximate", "none") == "tanh"};
  } else {
    unit.kind = is(op, "Mul") ? Unit::Kind::multiply : Unit::Kind::add;
    unit.x2 = source_of(graph, nodes, op.input(1), unit.of_x2);
    if (!same_shape(graph, unit.x, unit.x2))
      throw Refusal{WEFT_REFUSE_SHAPE, "the factors differ in shape; the NPU does not broadcast",
                    unit.x2};
  }
  return unit;
}

void need_rounding(const Unit& unit, const Limits& limits) {
  const bool rounds = unit.kind != Unit::Kind::product && unit.kind != Unit::Kind::lookup;
  if (rounds && !limits.rounds_to_nearest)
    throw Refusal{WEFT_REFUSE_OTHER, "the driver does not promise to round to nearest"};
}

void refuse_op(const NodeView& node) {
  const bool real = node->input_count > 0 && node.has(0) &&
                    (node.in(0).dtype == WEFT_F32 || node.in(0).dtype == WEFT_F16 ||
                     node.in(0).dtype == WEFT_BF16 || node.in(0).dtype == WEFT_F64);
  throw Refusal{WEFT_REFUSE_OP,
                real ? text("%s is in floats, and float ops do not run on an NPU", node->op_type)
                     : text("the NPU runs integer products, not %s", node->op_type)};
}

Unit read_one(const NodeView& node, const Limits& limits, uint64_t memory) {
  Unit unit;
  if (is_product(node)) {
    unit.product = read_product(node, limits, memory);
    unit.x = unit.product.a;
    unit.y = unit.product.y;
  } else if (is(node, "QuantizeLinear")) {
    unit.kind = Unit::Kind::quantize;
    unit.x = node.input(0);
    need_tensor(node, unit.x, WEFT_F32);
    need_rows(node, unit.x);
    read_quantize(node, unit);
  } else if (is(node, "DequantizeLinear")) {
    unit.kind = Unit::Kind::dequantize;
    unit.x = node.input(0);
    unit.y = node.output(0);
    need_tensor(node, unit.x, WEFT_I8);
    need_rows(node, unit.x);
    need_tensor(node, unit.y, WEFT_F32);
    unit.of_x = codes_of(node);
  } else {
    refuse_op(node);
  }
  return unit;
}

}  // namespace

// Not x itself where x is negative: sigmoid by the sign, as its reference has it.
double Function::operator()(double x) const {
  const auto sigmoid = [](double v) {
    if (v >= 0) return 1 / (1 + std::exp(-v));
    const double e = std::exp(v);
    return e / (1 + e);
  };
  if (op == "Relu") return x < 0 ? 0 : x;
  if (op == "Sigmoid") return sigmoid(x);
  if (op == "Tanh") return std::tanh(x);
  if (op == "Erf") return std::erf(x);
  if (op == "Neg") return -x;
  if (op == "Abs") return std::fabs(x);
  if (op == "Swish") return x * sigmoid(double(alpha) * x);
  if (!fit) return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
  return 0.5 * x * (1 + std::tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
}

Unit read_unit(const GraphView& graph, const std::vector<uint32_t>& nodes, const Limits& limits,
               uint64_t memory) {
  Unit unit;
  const NodeView first = graph.node(nodes[0]);
  if (nodes.size() == 1) {
    unit = read_one(first, limits, memory);
  } else if (is(first, "MatMulInteger")) {
    const Product sums = read_product(first, limits, memory);
    unit.product = with_reals(sums, graph.node(nodes[1]), limits);
    unit.x = unit.product.a;
    unit.y = unit.product.y;
  } else {
    unit = read_group(graph, nodes);
  }
  need_rounding(unit, limits);
  return unit;
}

}  // namespace weft::vulkan_npu
