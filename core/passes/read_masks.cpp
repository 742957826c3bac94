// read_masks: what the mask of an Attention means becomes attributes, and the mask goes.
//
//   attended where 0 <= i + offset - j                is_causal       (offset: positions before
//   ... and where i + offset - j <= n                 left_window_size = n      this run)
//   everywhere                                        no mask
//
// i counts queries, j keys (elements.h). Of a sum some parts may be read so, and the others stay as
// a bias (ALiBi). A mask that means anything else stays and is computed.
#include <optional>

#include "core/passes/attention.h"
#include "core/passes/constants.h"
#include "core/passes/elements.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

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
  // Hidden where one inequality holds: attended where the opposite does.
  if (choice && choice->no == 0 && choice->yes <= kHidden && !choice->when.always())
    return opposite(choice->when);
  const bool hides = choice && choice->yes == 0 && (choice->when.always() || choice->no <= kHidden);
  return hides ? std::optional(choice->when) : std::nullopt;
}

// The same for a condition of what is hidden.
std::optional<Condition> hidden_where(const Element& element) {
  const auto* condition = std::get_if<Condition>(&element);
  return condition ? opposite(*condition) : std::nullopt;
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
std::optional<Meaning> read(const Graph& graph, Elements& elements, const Node& node, ValueId mask,
                            bool hides = false) {
  if (graph[mask].type.shape.size() < 2) return {};
  const auto index = elements.movement().indices(mask);
  const ValueId past = input(node, ops::kPastKey);
  const Dim offset = past != ValueId::none ? graph[past].type.shape[2] : Dim(0);
  const Element element = elements.at({mask, index});
  const auto where = hides ? hidden_where(element) : attended(element);
  return where ? meaning_of(*where, index[index.size() - 2] + offset - index.back()) : std::nullopt;
}

// What the summands of a mask mean together, and those that remain to be added.
struct Reading {
  Meaning meaning;
  bool found = false;
  std::vector<ValueId> left;

  void add(const Meaning& more) {
    found = true;
    meaning.causal = meaning.causal || more.causal;
    const bool narrower = meaning.left_window < 0 || more.left_window < meaning.left_window;
    if (more.left_window >= 0 && narrower) meaning.left_window = more.left_window;
  }
};

class Reader {
 public:
  Reader(const Graph& graph, Elements& elements, const Node& node)
      : graph_(graph), elements_(elements), node_(node) {}

  Reading all() {
    summand(node_.inputs[ops::kMask]);
    return std::move(reading_);
  }

 private:
  void summand(ValueId mask, int depth = 0) {
    mask = elements_.movement().origin(mask);
    const Node* node = graph_.producer(mask);
    if (const auto whole = read(graph_, elements_, node_, mask)) return reading_.add(*whole);
    const bool deeper = node && depth < 8;
    if (deeper && node->op == Op::Where && choice(*node, depth)) return;
    if (deeper && node->op == Op::Add && has_rows(node->inputs[0]) && has_rows(node->inputs[1])) {
      summand(node->inputs[0], depth + 1);
      return summand(node->inputs[1], depth + 1);
    }
    reading_.left.push_back(mask);
  }

  bool has_rows(ValueId value) const { return graph_[value].type.shape.size() >= 2; }

  // Where(condition, a number that hides, bias), or the other way round.
  bool choice(const Node& node, int depth) {
    for (const size_t side : {size_t{1}, size_t{2}}) {
      const ValueId bias = node.inputs[3 - side];
      const auto number = scalar(graph_, node.inputs[side]);
      if (!number || *number > kHidden || !has_rows(bias)) continue;
      const auto meaning = read(graph_, elements_, node_, node.inputs[0], side == 1);
      if (!meaning) continue;
      reading_.add(*meaning);
      summand(bias, depth + 1);
      return true;
    }
    return false;
  }

  const Graph& graph_;
  Elements& elements_;
  const Node& node_;
  Reading reading_;
};

std::string text_of(const Condition& condition) {
  if (condition.never) return "nothing";
  if (condition.all.empty()) return "everything";
  std::string text;
  for (const Dim& dim : condition.all)
    text += (text.empty() ? "where " : " and ") + dim.str() + " >= 0";
  return text;
}

// Why the mask has no name: what it says (@0, @1, ... count along its axes), or what cannot be
// read.
std::string obstacle(const Graph& graph, Elements& elements, const Node& node) {
  const ValueId mask = node.inputs[ops::kMask];
  const Element element = elements.at({mask, elements.movement().indices(mask)});
  if (const auto where = attended(element))
    return "it attends " + text_of(*where) + ", which is neither causal nor a window";
  if (element.index() != 0) return "its numbers are no mask that hides or does not";
  if (graph[elements.unknown()].kind == ir::ValueKind::constant)
    return "the numbers of " + describe(graph, elements.unknown()) +
           " are no band along the diagonal";
  return "what it hides depends on " + describe(graph, elements.unknown()) +
         ", which is not known before it runs";
}

}  // namespace

Status read_masks(Graph& graph, Context& context) {
  Elements elements(graph, !context.options.keep_interface);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (!is_attention(node) || input(node, ops::kMask) == ValueId::none ||
        node.attrs.integer("is_causal", 0) != 0)
      continue;
    const Reading reading = Reader(graph, elements, node).all();
    if (!reading.found) {
      context.leave(node.name, "the mask is computed: " + obstacle(graph, elements, node));
      continue;
    }
    const Meaning& meaning = reading.meaning;
    const ValueId bias = sum_of(graph, reading.left);
    Node& changed = graph[id];
    set_input(changed, ops::kMask, bias);
    if (meaning.causal) changed.attrs.set("is_causal", int64_t{1});
    if (meaning.left_window >= 0) changed.attrs.set("left_window_size", meaning.left_window);
    context.note(
        changed.name,
        text_of(meaning) + (bias == ValueId::none ? "" : "; what else is added stays a bias"));
  }
  return {};
}

}  // namespace weft::passes
