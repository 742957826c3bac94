// read_masks: what the mask of an Attention means becomes attributes, and the mask goes.
//
//   attended where 0 <= i + offset - j                is_causal       (offset: positions before
//   ... and where i + offset - j <= n                 left_window_size = n      this run)
//   everywhere                                        no mask
//
// i counts queries, j keys (elements.h). Of a sum of two masks one part may be read so, and the
// other stays as a bias (ALiBi). A mask that means anything else stays and is computed.
#include <optional>

#include "core/passes/elements.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

constexpr size_t kMask = 3, kPastKey = 4;

struct Meaning {
  bool causal = false;
  int64_t left_window = -1;
};

// Where a query attends, for a mask of truth values or one that is added to the scores.
std::optional<Condition> attended(const Element& element) {
  if (const auto* condition = std::get_if<Condition>(&element)) return *condition;
  const auto* number = std::get_if<Dim>(&element);
  if (number && *number == Dim(1)) return Condition{};
  const auto* choice = std::get_if<Choice>(&element);
  const bool hides = choice && choice->yes == 0 && (choice->when.always() || choice->no <= -1e4);
  return hides ? std::optional(choice->when) : std::nullopt;
}

// `distance` is how far key j lies behind query i.
std::optional<Meaning> meaning_of(const Condition& condition, const Dim& distance) {
  if (condition.never) return {};
  Meaning meaning;
  for (const Dim& dim : condition.all) {
    const Dim rest = dim + distance;
    if (dim == distance) {
      meaning.causal = true;
    } else if (rest.is_constant() && rest.constant() >= 0 && meaning.left_window < 0) {
      meaning.left_window = rest.constant();
    } else {
      return {};
    }
  }
  return meaning;
}

std::string text_of(const Meaning& meaning) {
  std::string text = meaning.causal ? "the mask is causal" : "the mask hides nothing";
  if (meaning.left_window >= 0)
    text = "the mask is " + std::string(meaning.causal ? "causal with " : "") + "a window of " +
           std::to_string(meaning.left_window + 1);
  return text;
}

// What `mask` means to an Attention, when it is one of the masks that have a name.
std::optional<Meaning> read(const Graph& graph, Elements& elements, const Node& node,
                            ValueId mask) {
  if (graph[mask].type.shape.size() < 2) return {};
  const auto index = elements.movement().indices(mask);
  const bool has_past = node.inputs.size() > kPastKey && node.inputs[kPastKey] != ValueId::none;
  const Dim offset = has_past ? graph[node.inputs[kPastKey]].type.shape[2] : Dim(0);
  const auto where = attended(elements.at({mask, index}));
  return where ? meaning_of(*where, index[index.size() - 2] + offset - index.back()) : std::nullopt;
}

// The mask, or one of two summands, has a meaning; `left` is what remains to be added.
struct Reading {
  Meaning meaning;
  ValueId left = ValueId::none;
};

std::optional<Reading> read_part(const Graph& graph, Elements& elements, const Node& node) {
  const ValueId mask = node.inputs[kMask];
  if (const auto whole = read(graph, elements, node, mask)) return Reading{*whole};
  const Node* sum = graph.producer(mask);
  if (!sum || sum->op != Op::Add) return {};
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const ValueId other = sum->inputs[1 - side];
    const auto part = read(graph, elements, node, sum->inputs[side]);
    if (part && graph[other].type.shape.size() >= 2) return Reading{*part, other};
  }
  return {};
}

}  // namespace

Status read_masks(Graph& graph, Context& context) {
  Elements elements(graph, !context.options.keep_interface);
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (node.op != Op::Attention || node.inputs.size() <= kMask ||
        node.inputs[kMask] == ValueId::none || node.attrs.integer("is_causal", 0) != 0)
      continue;
    const auto reading = read_part(graph, elements, node);
    if (!reading) {
      context.note(node.name, "the mask is neither causal nor a window and stays as it is");
      continue;
    }
    const Meaning& meaning = reading->meaning;
    Node& changed = graph[id];
    changed.inputs[kMask] = reading->left;
    while (changed.inputs.back() == ValueId::none) changed.inputs.pop_back();
    if (meaning.causal) changed.attrs.set("is_causal", int64_t{1});
    if (meaning.left_window >= 0) changed.attrs.set("left_window_size", meaning.left_window);
    context.note(changed.name,
                 text_of(meaning) +
                     (reading->left == ValueId::none ? "" : "; what else is added stays a bias"));
  }
  return {};
}

}  // namespace weft::passes
