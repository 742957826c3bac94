// What the engine knows of an op: its arity, its shape rule and its slow reference.
//
// One file per op (or family) in core/ops, one line in ops.def. Everything else that must know an
// op (the enum, this table, the printer, the parser, the verifier, conformance) follows from the
// line.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "core/ops/array.h"

namespace weft::ops {

using ir::Attrs;
using ir::Dim;
using ir::DType;
using ir::Shape;
using ir::Type;

// What a shape rule sees. Input i is absent when has(i) is false.
struct InferContext {
  struct Input {
    const Type* type = nullptr;                                 // nullptr: absent
    const std::optional<std::vector<Dim>>* contents = nullptr;  // of integer tensors, where known
  };
  std::span<const Input> inputs;
  size_t output_count = 1;
  const Attrs& attrs;
  const sym::Bounds& bounds;

  bool has(size_t i) const { return i < inputs.size() && inputs[i].type; }
  const Type& type(size_t i) const { return *inputs[i].type; }
  // Elements of integer input i as expressions, or nullptr when unknown.
  const std::vector<Dim>* contents(size_t i) const {
    return has(i) && inputs[i].contents && *inputs[i].contents ? &**inputs[i].contents : nullptr;
  }
};

// What a shape rule says of one output.
struct Inferred {
  Type type;
  std::optional<std::vector<Dim>> contents;
  Inferred(Type t) : type(std::move(t)) {}
  Inferred(Type t, std::optional<std::vector<Dim>> c)
      : type(std::move(t)), contents(std::move(c)) {}
};
using InferFn = Result<std::vector<Inferred>> (*)(const InferContext&);

// A call of the reference. Outputs are allocated by the caller in the inferred shapes; an output
// that is not wanted has present() == false.
struct OpCall {
  std::span<const Array> inputs;
  std::span<const Array> outputs;
  const Attrs& attrs;
  bool has(size_t i) const { return i < inputs.size() && inputs[i].present(); }
  bool wants(size_t i) const { return i < outputs.size() && outputs[i].present(); }
};
using ReferenceFn = Status (*)(const OpCall&);

// Ops that treat each row (the last axis) alone, so that rows nobody reads need not be computed.
enum class RowWise : uint8_t {
  no,
  yes,        // input 0 row by row (where an `axis` attribute is the last axis); others are weights
  broadcast,  // elementwise over all inputs
};

struct OpDef {
  const char* name;            // ONNX's op_type
  const char* domain;          // "" = ai.onnx, "weft"
  int since_version;           // opset whose semantics these are
  int min_inputs, max_inputs;  // max -1: any number
  int min_outputs, max_outputs;
  InferFn infer;
  ReferenceFn reference;
  RowWise row_wise = RowWise::no;
};

const OpDef& def(ir::Op op);

// The shape rule, behind checks of the number of inputs and outputs and that those an op cannot do
// without are there. The error begins with the op's name.
Result<std::vector<Inferred>> infer(const OpDef& op, const InferContext& context);
// The reference, behind the same checks.
Status run_reference(const OpDef& op, const OpCall& call);

}  // namespace weft::ops
