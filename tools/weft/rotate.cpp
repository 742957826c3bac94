#include "tools/weft/rotate.h"

#include <algorithm>
#include <set>

#include "core/ir/verify.h"
#include "core/ops/infer_graph.h"
#include "core/passes/constants.h"
#include "quant/rotation.h"
#include "tools/weft/linear_groups.h"
#include "tools/weft/weight_lines.h"

namespace weft::cli {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::ValueId;
using quant::Rotation;

namespace {

constexpr uint64_t kSeed = 1;

bool is_linear(const Graph& graph, const Node* node) {
  return node && node->op == Op::MatMul && graph[node->inputs[1]].kind == ir::ValueKind::constant &&
         graph[node->inputs[1]].type.shape.size() == 2;
}

// A new weight for a product, of the same dims.
void set_weight(Graph& graph, NodeId product, std::span<const float> reals) {
  const ValueId old = graph[product].inputs[1];
  const std::string name = graph[old].name + "/rotated";
  graph[product].inputs[1] =
      add_reals(graph, name, reals, {rows_of(graph, old), columns_of(graph, old)});
}

// Every row w of W, in pieces of the rotation's size, becomes w R.
void rotate_columns(Graph& graph, NodeId product, const Rotation& rotation) {
  const ValueId weight = graph[product].inputs[1];
  auto reals = reals_of(graph, weight);
  std::vector<double> piece(size_t(rotation.size()));
  for (size_t first = 0; first < reals.size(); first += piece.size()) {
    std::copy_n(&reals[first], piece.size(), piece.begin());
    rotation.apply(piece);
    for (size_t i = 0; i < piece.size(); ++i) reals[first + i] = float(piece[i]);
  }
  set_weight(graph, product, reals);
}

// Every column w of W, times `gains` where there are any, becomes R' w, in pieces likewise.
void rotate_rows(Graph& graph, NodeId product, const Rotation& rotation,
                 std::span<const double> gains) {
  const ValueId weight = graph[product].inputs[1];
  auto reals = reals_of(graph, weight);
  const auto rows = size_t(rows_of(graph, weight)), columns = size_t(columns_of(graph, weight));
  std::vector<double> piece(size_t(rotation.size()));
  for (size_t column = 0; column < columns; ++column) {
    for (size_t first = 0; first < rows; first += piece.size()) {
      for (size_t i = 0; i < piece.size(); ++i) {
        const double gain = gains.empty() ? 1 : gains[first + i];
        piece[i] = double(reals[(first + i) * columns + column]) * gain;
      }
      rotation.apply(piece);
      for (size_t i = 0; i < piece.size(); ++i)
        reals[(first + i) * columns + column] = float(piece[i]);
    }
  }
  set_weight(graph, product, reals);
}

// The residual stream of a graph: who writes to it, which norms read it.
class Stream {
 public:
  explicit Stream(Graph& graph) : graph_(graph), users_(all_users(graph)) {}

  // An empty string, or why there is no stream that could be rotated.
  std::string find() {
    for (const WeightLines& weight : find_weights(graph_))
      for (const WeightReader& reader : weight.readers)
        if (!reader.product) source_ = graph_[reader.node].outputs[0];
    if (source_ == ValueId::none) return "no table is read by the token ids";
    std::string why = follow(source_);
    if (why.empty() && (norms_.empty() || writers_.empty()))
      why = "no norm and no product is on it";
    return why;
  }

  void rotate() {
    const int64_t n = graph_[source_].type.shape.back().constant();
    const Rotation rotation(n, kSeed);
    for (const NodeId writer : writers_) rotate_columns(graph_, writer, rotation);
    for (const NodeId norm : norms_) turn_norm(norm, rotation);
    const ValueId matrix = add_reals(graph_, "rotation", rotation.matrix(false), {n, n});
    const ValueId turned =
        graph_.add(Op::MatMul, {source_, matrix}, {}, graph_[source_].name + kRotationName);
    graph_[turned].name = "rotated";
    for (const NodeId user : users_[size_t(source_)])
      for (ValueId& input : graph_[user].inputs)
        if (input == source_) input = turned;
  }

 private:
  std::string follow(ValueId value) {
    if (!stream_.insert(value).second) return {};
    if (graph_.is_output(value)) return "'" + graph_[value].name + "' is an output";
    for (const NodeId id : users_[size_t(value)]) {
      const Node& user = graph_[id];
      if (user.op == Op::RMSNormalization && user.inputs[0] == value) {
        norms_.insert(id);
        continue;
      }
      if (user.op == Op::Mul) {
        const bool first = user.inputs[0] == value;
        if (passes::uniform(graph_[user.inputs[first ? 1 : 0]])) {
          if (auto why = follow(user.outputs[0]); !why.empty()) return why;
          continue;
        }
      }
      if (user.op != Op::Add) return "'" + user.name + "' reads it as it is";
      const bool first = user.inputs[0] == value;
      if (auto why = add_writer(user.inputs[first ? 1 : 0]); !why.empty()) return why;
      if (auto why = follow(user.outputs[0]); !why.empty()) return why;
    }
    return {};
  }

  // The product behind what is added to the stream.
  std::string add_writer(ValueId value) {
    const ValueId added = value;
    while (!stream_.contains(value)) {
      const Node* node = graph_.producer(value);
      if (!node || users_[size_t(value)].size() != 1) break;
      if (is_linear(graph_, node)) {
        writers_.insert(graph_[value].producer);
        return {};
      }
      const bool scales = node->op == Op::Mul && passes::uniform(graph_[node->inputs[1]]);
      if (!scales) break;
      value = node->inputs[0];
    }
    if (stream_.contains(value)) return {};
    return "'" + graph_[added].name + "' is added to it, which is no product with a weight alone";
  }

  void turn_norm(NodeId id, const Rotation& rotation) {
    const ValueId weight = graph_[id].inputs[1], output = graph_[id].outputs[0];
    const auto gains = passes::constant_array(graph_[weight]);
    const auto& readers = users_[size_t(output)];
    const bool folds = gains && !graph_.is_output(output) && gains->count() == rotation.size() &&
                       std::all_of(readers.begin(), readers.end(), [&](NodeId reader) {
                         return is_linear(graph_, &graph_[reader]) &&
                                graph_[reader].inputs[0] == output && !is_head(reader);
                       });
    const int64_t n = rotation.size();
    if (!folds) {
      const ValueId back = add_reals(graph_, "rotation_back", rotation.matrix(true), {n, n});
      const ValueId turned =
          graph_.add(Op::MatMul, {graph_[id].inputs[0], back}, {}, graph_[id].name + kRotationName);
      graph_[turned].name = graph_[id].name + "/rotated_back";
      graph_[id].inputs[0] = turned;
      return;
    }
    const std::vector<double> factors = ops::load_all(*gains);
    for (const NodeId reader : readers) rotate_rows(graph_, reader, rotation, factors);
    const std::vector<float> ones(size_t(n), 1.0f);
    graph_[id].inputs[1] = add_reals(graph_, graph_[weight].name + "/ones", ones, {n});
  }

  // The logits' weights are often those of the table, which stays as it is.
  bool is_head(NodeId product) const {
    for (const WeightLines& weight : find_weights(graph_))
      for (const WeightReader& reader : weight.readers)
        if (reader.node == product) return weight.head;
    return false;
  }

  Graph& graph_;
  std::vector<std::vector<NodeId>> users_;
  ValueId source_ = ValueId::none;
  std::set<ValueId> stream_;
  std::set<NodeId> norms_, writers_;
};

// Values of heads and what reads them; a sentence where they cannot be rotated.
std::string rotate_values(Graph& graph, NodeId attention) {
  const Node& node = graph[attention];
  const std::string where = "the values of '" + node.name + "' are not rotated: ";
  const ValueId value = node.inputs[2], output = node.outputs[0];
  const int64_t heads = node.attrs.integer("kv_num_heads", 0);
  const Node* source = graph.producer(value);
  if (!is_linear(graph, source) || graph.users(value).size() != 1)
    return where + "they are no product of their own";
  const auto users = graph.users(output);
  if (users.size() != 1 || !is_linear(graph, &graph[users[0]]) || graph.is_output(output))
    return where + "what reads them is no product";
  const int64_t width = columns_of(graph, source->inputs[1]);
  if (heads < 1 || width % heads != 0) return where + "their heads are not counted";
  const Rotation rotation(width / heads, 0);
  if (rows_of(graph, graph[users[0]].inputs[1]) % rotation.size() != 0)
    return where + "heads differ in size";
  rotate_columns(graph, graph[value].producer, rotation);
  rotate_rows(graph, users[0], rotation, {});
  return {};
}

}  // namespace

Result<std::vector<std::string>> rotate(Graph& graph) {
  std::vector<std::string> left;
  Stream stream(graph);
  const std::string why = stream.find();
  if (why.empty()) {
    stream.rotate();
  } else {
    left.push_back("the residual stream is not rotated: " + why);
  }
  const std::vector<NodeId> order = graph.order();
  for (const NodeId id : order) {
    if (graph[id].op != Op::Attention) continue;
    const std::string sentence = rotate_values(graph, id);
    if (!sentence.empty()) left.push_back(sentence);
  }
  TRY(graph.collect_and_sort());
  TRY(ops::infer_types(graph));
  TRY(ir::verify(graph));
  return left;
}

}  // namespace weft::cli
