// See rotation.h.
#include "core/passes/rotation.h"

#include <algorithm>

#include "core/passes/constants.h"

namespace weft::passes {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;
using sym::Dim;

namespace {

constexpr int64_t kWidest = 1024;  // elements of a head
constexpr int kDeepest = 24;       // ops between y and a factor

// A factor of a summand: every place it is moved from, the one next to the product first.
using Factor = std::vector<Place>;

struct Term {
  bool negative = false;
  std::array<Factor, 2> factors;
};

using Terms = std::vector<Term>;

class Reader {
 public:
  Reader(const Graph& graph, ValueId y) : graph_(graph), movement_(graph), y_(y) {
    index_ = movement_.indices(y);
  }

  std::optional<Rotation> read(std::string& why);

 private:
  Factor walk(Place place, bool& negative) const;
  std::optional<Terms> terms(const Place& place, int depth = 0) const;
  std::vector<Dim> at(int64_t d) const;
  bool choose_x(const Terms& first);
  bool is_copied(int64_t d) const;
  bool turns(int64_t d, int64_t partner, bool negative);
  bool read_elements(int64_t partner_of_first);
  bool same_angle(Place a, Place b) const;
  std::optional<AngleColumns> columns(const std::vector<Factor>& angles) const;

  const Graph& graph_;
  Movement movement_;
  ValueId y_;
  std::vector<Dim> index_;
  int64_t size_ = 0;
  Rotation found_;
  std::vector<Factor> cosines_, sines_;  // by element
};

// Up through moves and negations; what lies before a negation is not the factor itself.
Factor Reader::walk(Place place, bool& negative) const {
  Factor factor;
  for (int depth = 0; depth < kDeepest; ++depth) {
    const Node* node = graph_.producer(place.value);
    factor.push_back(place);
    if (node && node->op == Op::Neg) {
      negative = !negative;
      factor.clear();
      place = movement_.operand(*node, 0, place);
    } else if (auto next = movement_.step(place)) {
      place = std::move(*next);
    } else {
      break;
    }
  }
  return factor;
}

// The element as a sum of at most two products.
std::optional<Terms> Reader::terms(const Place& place, int depth) const {
  const Node* node = graph_.producer(place.value);
  if (!node || depth > kDeepest) return {};
  if (const auto next = movement_.step(place)) return terms(*next, depth + 1);
  if (node->op == Op::Mul) {
    Term term;
    for (const size_t slot : {size_t{0}, size_t{1}})
      term.factors[slot] = walk(movement_.operand(*node, slot, place), term.negative);
    return Terms{std::move(term)};
  }
  if (node->op == Op::Neg) {
    auto inner = terms(movement_.operand(*node, 0, place), depth + 1);
    if (inner)
      for (Term& term : *inner) term.negative = !term.negative;
    return inner;
  }
  if (node->op != Op::Add && node->op != Op::Sub) return {};
  auto left = terms(movement_.operand(*node, 0, place), depth + 1);
  auto right = terms(movement_.operand(*node, 1, place), depth + 1);
  if (!left || !right || left->size() + right->size() > 2) return {};
  for (Term& term : *right) {
    term.negative = term.negative != (node->op == Op::Sub);
    left->push_back(std::move(term));
  }
  return left;
}

// y's index, at element d of a head.
std::vector<Dim> Reader::at(int64_t d) const {
  auto index = index_;
  index.back() = Dim(d);
  return index;
}

const Place* find(const Factor& factor, ValueId value) {
  for (const Place& place : factor)
    if (place.value == value) return &place;
  return nullptr;
}

// x is in both products of the first element, at that element and at its partner.
bool Reader::choose_x(const Terms& first) {
  for (const Factor& a : first[0].factors) {
    for (const Place& place : a) {
      if (graph_[place.value].type != graph_[y_].type) continue;
      for (const Factor& b : first[1].factors) {
        const Place* other = find(b, place.value);
        if (!other || other->index == place.index) continue;
        if (place.index != at(0) && other->index != at(0)) continue;
        found_.x = place.value;
        return true;
      }
    }
  }
  return false;
}

bool Reader::is_copied(int64_t d) const {
  for (const Place& place : movement_.trail({y_, at(d)}))
    if (place.value == found_.x) return place.index == at(d);
  return false;
}

// Element d is x[d] * cosine + x[partner] * sine, the latter negative or not.
bool Reader::turns(int64_t d, int64_t partner, bool negative) {
  const auto sum = terms({y_, at(d)});
  if (!sum || sum->size() != 2) return false;
  bool has_cosine = false, has_sine = false;
  for (const Term& term : *sum) {
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const Place* x = find(term.factors[side], found_.x);
      if (!x || term.factors[1 - side].empty()) continue;
      if (x->index == at(d) && !term.negative && !has_cosine) {
        has_cosine = true;
        cosines_.push_back(term.factors[1 - side]);
      } else if (x->index == at(partner) && term.negative == negative && !has_sine) {
        has_sine = true;
        sines_.push_back(term.factors[1 - side]);
      }
      break;
    }
  }
  return has_cosine && has_sine;
}

bool Reader::read_elements(int64_t partner_of_first) {
  found_.interleaved = partner_of_first == 1;
  found_.turned = found_.interleaved ? 0 : 2 * partner_of_first;
  cosines_.clear();
  sines_.clear();
  for (int64_t d = 0; d < size_; ++d) {
    const bool copied = d > 1 && is_copied(d);
    if (found_.interleaved && copied && found_.turned == 0) found_.turned = d;
    const bool should_turn = found_.turned == 0 || d < found_.turned;
    if (copied == should_turn) return false;
    if (copied) continue;
    const bool first = found_.interleaved ? d % 2 == 0 : d < partner_of_first;
    const int64_t partner = first ? d + partner_of_first : d - partner_of_first;
    if (partner >= size_ || !turns(d, partner, first)) return false;
  }
  if (found_.turned == 0) found_.turned = size_;
  return found_.turned % 2 == 0;
}

// Both are the same function of the same element: what cos(concat(f, f)) is at d and at d + r / 2.
bool Reader::same_angle(Place a, Place b) const {
  for (int depth = 0; depth < kDeepest; ++depth) {
    if (a.value == b.value && a.index == b.index) return true;
    const auto up_a = movement_.step(a), up_b = movement_.step(b);
    if (up_a || up_b) {
      if (up_a) a = *up_a;
      if (up_b) b = *up_b;
      continue;
    }
    const Node* node = graph_.producer(a.value);
    if (!node || a.value != b.value) return false;
    const bool scales = (node->op == Op::Mul || node->op == Op::Div) &&
                        (scalar(graph_, node->inputs[1]) || scalar(graph_, node->inputs[0]));
    if (!scales && node->op != Op::Cos && node->op != Op::Sin && node->op != Op::Cast) return false;
    const size_t slot = scales && !scalar(graph_, node->inputs[1]) ? 1 : 0;
    a = movement_.operand(*node, slot, a);
    b = movement_.operand(*node, slot, b);
  }
  return false;
}

// Where the first angle of each pair lies, when that is every `step`-th column of one value and the
// second angle of the pair is the same.
std::optional<AngleColumns> Reader::columns(const std::vector<Factor>& angles) const {
  const int64_t pairs = found_.turned / 2, apart = found_.interleaved ? 1 : pairs;
  const auto first_of = [&](int64_t pair) { return found_.interleaved ? 2 * pair : pair; };
  const size_t row = found_.rows_first ? 1 : 2;
  for (const Place& start : angles[0]) {
    const auto& shape = graph_[start.value].type.shape;
    const auto rows = std::find(start.index.begin(), start.index.end(), index_[row]);
    if (rows == start.index.end() || !start.index.back().is_constant()) continue;
    AngleColumns out{start.value,
                     size_t(rows - start.index.begin()),
                     shape.size() - 1,
                     start.index.back().constant(),
                     1,
                     pairs};
    bool fits = out.row_axis < out.column_axis && shape[out.row_axis] == graph_[y_].type.shape[row];
    for (int64_t pair = 0; fits && pair < pairs; ++pair) {
      const Place* one = find(angles[size_t(first_of(pair))], start.value);
      const Factor& two = angles[size_t(first_of(pair) + apart)];
      if (one && pair == 1)
        out.step = one->index.back().is_constant() ? one->index.back().constant() - out.first : 0;
      auto wanted = start.index;
      wanted.back() = Dim(out.first + pair * out.step);
      fits = one && out.step > 0 && one->index == wanted && same_angle(*one, two.front());
    }
    for (size_t d = 0; fits && d < shape.size(); ++d) {
      const bool batch = d == 0 && shape[0] == graph_[y_].type.shape[0];
      fits = d == out.row_axis || d == out.column_axis || shape[d] == Dim(1) || batch;
    }
    if (fits) return out;
  }
  return {};
}

std::optional<Rotation> Reader::read(std::string& why) {
  const auto& shape = graph_[y_].type.shape;
  if (shape.size() != 4 || !shape[3].is_constant()) return {};
  size_ = shape[3].constant();
  if (size_ < 2 || size_ > kWidest) return {};
  const auto first = terms({y_, at(0)});
  if (!first || first->size() != 2 || !choose_x(*first)) return {};
  // The partner of the first element is where x is in the other product.
  int64_t partner = 0;
  for (const Term& term : *first) {
    for (const Factor& factor : term.factors) {
      const Place* x = find(factor, found_.x);
      if (x && x->index.back().is_constant() && x->index.back() != Dim(0))
        partner = x->index.back().constant();
    }
  }
  if (partner <= 0 || 2 * partner > size_) return {};
  if (!read_elements(partner)) {
    why = "element 0 of a head turns with element " + std::to_string(partner) + ", but element " +
          std::to_string(cosines_.size()) + " is no x cos -+ x sin of that pattern";
    return {};
  }
  for (const bool rows_first : {false, true}) {
    found_.rows_first = rows_first;
    if (rows_first && !shape[2].is_constant()) continue;
    const auto cosines = columns(cosines_), sines = columns(sines_);
    if (!cosines || !sines) continue;
    found_.cosines = *cosines;
    found_.sines = *sines;
    return found_;
  }
  why = "its angles are not one cosine and one sine for each row and pair";
  return {};
}

}  // namespace

std::optional<Rotation> read_rotation(const Graph& graph, ValueId y, std::string& why) {
  return Reader(graph, y).read(why);
}

}  // namespace weft::passes
