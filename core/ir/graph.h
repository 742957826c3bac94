// The graph: values in SSA form, nodes in topological order, symbols with their bounds.
//
//   Value    an activation, a graph input, a constant or a state (a KV cache that outlives a run)
//   Node     op, inputs (none = absent optional), outputs, attributes
//   Graph    owns both; nodes are listed in an order in which they can run
//
// Edges are never edited by hand: a rewrite adds nodes, calls replace_uses(), and the pass runner
// collects what is dead and verifies the result (ir/verify.h).
//
// Threads: a Graph belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ir/attrs.h"
#include "core/ir/dtype.h"
#include "core/ir/op.h"
#include "core/sym/bounds.h"
#include "core/sym/dim.h"

namespace weft::ir {

using sym::Dim;
using sym::Shape;

enum class ValueId : uint32_t { none = UINT32_MAX };
enum class NodeId : uint32_t { none = UINT32_MAX };

struct Type {
  DType dtype = DType::undefined;
  Shape shape;
  bool operator==(const Type&) const = default;
};
// "f32[1, seq, 576]"
std::string str(const Type& type);

// Bytes of a constant: mapped from a file, or owned. Immutable and shared between values.
struct Constant {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;     // keeps `bytes` alive
  std::array<uint64_t, 2> content_id{};  // equal ids have equal bytes
  bool opaque = false;                   // read back from text: type known, bytes not
};
// Owns a copy of `bytes`; its id is their hash.
std::shared_ptr<const Constant> make_constant(std::vector<std::byte> bytes);

// How a constant's codes become the reals of its type: real = (code - zero) * scale, with one scale
// per block of `block` elements along `axis`. The value's own dtype stays the real one (f32), so an
// op that takes the value needs no rule of its own for quantized weights.
//
// Codes are stored row by row of the *storage* order (see Value::column_major), each row padded to
// a whole number of blocks. scale and zero point are constants [rows, blocks of a row] in that
// order.
struct Quantization {
  DType storage = DType::u4;
  int64_t block = 0;  // elements per scale along the contiguous axis of the storage
  ValueId scale = ValueId::none;
  ValueId zero_point = ValueId::none;  // f32 or u8, same shape as scale; none: `zero` everywhere
  double zero = 0;
  bool operator==(const Quantization&) const = default;
};

// A symbolic value has contents and nothing else: no producer, no memory ({past + seq} of a
// length).
enum class ValueKind : uint8_t { activation, input, constant, state, symbolic };

// A value that lives inside a state: bytes of `parent` from element `offset` on, rows contiguous.
// Transformer-Lite (Li et al., 2024), KV cache as sub-tensors.
struct Placement {
  ValueId parent = ValueId::none;
  Dim offset;  // elements
  bool operator==(const Placement&) const = default;
};

struct Value {
  std::string name;
  ValueKind kind = ValueKind::activation;
  Type type;
  NodeId producer = NodeId::none;            // activations only
  std::shared_ptr<const Constant> constant;  // constants only
  std::optional<Quantization> quantization;  // constants only
  bool column_major = false;                 // constants of rank 2: [K, N] stored as [N][K]
  // Elements of a small integer tensor where they are known as expressions, row-major.
  std::optional<std::vector<Dim>> contents;
  std::optional<Placement> placement;
};

struct Node {
  Op op = Op::count;
  std::string name;              // the exporter's, for messages
  std::vector<ValueId> inputs;   // none = absent
  std::vector<ValueId> outputs;  // none = not wanted
  Attrs attrs;
  bool dead = false;
};

// A graph output: `name` is what the model calls it.
struct Output {
  std::string name;
  ValueId value = ValueId::none;
};

class Graph {
 public:
  std::string name;
  sym::Bounds bounds;           // of the symbols used in shapes
  std::vector<ValueId> inputs;  // states included
  std::vector<Output> outputs;

  ValueId add_value(Value value);
  ValueId add_input(std::string name, Type type);
  ValueId add_state(std::string name, Type type);
  ValueId add_constant(std::string name, Type type, std::shared_ptr<const Constant> data);
  // An i64 constant [elements] (or scalar when `scalar`), with contents set.
  ValueId add_integers(std::string name, const std::vector<int64_t>& elements, bool scalar = false);
  // A symbolic i64 value [elements].
  ValueId add_symbolic(std::string name, std::vector<Dim> elements);
  // Adds a node at the end of the order, with fresh outputs whose types are still unknown.
  NodeId add_node(Op op, std::vector<ValueId> node_inputs, size_t output_count, Attrs attrs = {},
                  std::string node_name = {});
  // The first output of a new one-output node.
  ValueId add(Op op, std::vector<ValueId> node_inputs, Attrs attrs = {},
              std::string node_name = {});

  Value& operator[](ValueId id) { return values_[size_t(id)]; }
  const Value& operator[](ValueId id) const { return values_[size_t(id)]; }
  Node& operator[](NodeId id) { return nodes_[size_t(id)]; }
  const Node& operator[](NodeId id) const { return nodes_[size_t(id)]; }
  size_t value_count() const { return values_.size(); }
  // Live nodes in topological order.
  const std::vector<NodeId>& order() const { return order_; }

  // The node that computes `value`, or nullptr.
  const Node* producer(ValueId value) const;
  // Nodes that read `value` (each once), in order. Linear in the graph unless `uses()` is kept.
  std::vector<NodeId> users(ValueId value) const;
  bool is_output(ValueId value) const;
  // Every use of `from`, as a node input or a graph output, becomes `to`.
  void replace_uses(ValueId from, ValueId to);
  void remove_node(NodeId id);
  // Drops nodes no output or state depends on, and puts the rest into topological order.
  // Fails (naming a node) when the graph has a cycle.
  Status collect_and_sort();
  // Every shape, content and placement with symbols replaced.
  void substitute(const sym::Substitution& by);

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<NodeId> order_;
};

// users() of every value at once, indexed by ValueId: for passes that look at many.
std::vector<std::vector<NodeId>> all_users(const Graph& graph);

}  // namespace weft::ir
