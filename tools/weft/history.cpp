#include "tools/weft/history.h"

#include <algorithm>

namespace weft::cli {

namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;
using Fate = History::Fate;
using Way = History::Way;

// A node whose result feeds many others may have gone many ways; so many are told.
constexpr size_t kMostFates = 4;

std::string expression_of(const ir::Value& value) {
  std::string text;
  for (const ir::Dim& dim : value.contents.value_or(std::vector<ir::Dim>{}))
    text += (text.empty() ? "" : ", ") + dim.str();
  return "{" + text + "}";
}

// One pass: nodes of `before` that are not in `now`, and where their results come from instead.
class Comparison {
 public:
  Comparison(const Graph& before, const Graph& now, size_t step)
      : before_(before), now_(now), step_(step), users_(ir::all_users(before)) {
    was_.insert(before.order().begin(), before.order().end());
    is_.insert(now.order().begin(), now.order().end());
  }

  // Readers come after what they read, so their fates are known first when the order is reversed.
  std::map<NodeId, std::vector<Fate>> fates() {
    const auto& order = before_.order();
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      if (!is_.contains(*id)) fates_[*id] = fate_of(*id);
    }
    std::map<NodeId, std::vector<Fate>> refined;
    for (const auto& [id, fates] : fates_) {
      for (Fate fate : fates) {
        if (fate.way == Way::part_of) fate.node = counterpart(id, fate.node);
        add(refined[id], fate);
      }
    }
    return refined;
  }

  std::set<std::string> touched() const {
    std::set<std::string> names;
    for (const NodeId id : before_.order()) {
      if (!is_.contains(id) || changed(id)) names.insert(before_[id].name);
    }
    for (const NodeId id : now_.order()) {
      if (!was_.contains(id)) names.insert(now_[id].name);
    }
    add_ports(names);
    return names;
  }

 private:
  bool changed(NodeId id) const {
    const Node &a = before_[id], &b = now_[id];
    if (a.op != b.op || a.inputs != b.inputs || a.attrs != b.attrs) return true;
    return std::any_of(b.outputs.begin(), b.outputs.end(), [&](ValueId out) {
      return out != ValueId::none && before_[out].placement != now_[out].placement;
    });
  }

  void add_ports(std::set<std::string>& names) const {
    const auto port_names = [](const Graph& graph) {
      std::map<std::string, std::pair<ValueId, ir::Type>> ports;
      for (const ValueId input : graph.inputs)
        ports[graph[input].name] = {input, graph[input].type};
      for (const ir::Output& output : graph.outputs)
        ports[output.name] = {output.value, graph[output.value].type};
      return ports;
    };
    const auto old_ports = port_names(before_), new_ports = port_names(now_);
    const auto add_missing = [&](const auto& from, const auto& other) {
      for (const auto& [name, port] : from) {
        const auto same = other.find(name);
        if (same == other.end() || same->second != port) names.insert(name);
      }
    };
    add_missing(old_ports, new_ports);
    add_missing(new_ports, old_ports);
  }

  // A pass may put several nodes where `gone` was, of which `last` gives the result: the one of
  // them that does what `gone` did, by op or at least by name, else `last`.
  NodeId counterpart(NodeId gone, NodeId last) const {
    const Node& old = before_[gone];
    NodeId same_name = NodeId::none, same_op = NodeId::none;
    std::vector<NodeId> work{last};
    std::set<NodeId> seen;
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (was_.contains(id) || !seen.insert(id).second) continue;
      const Node& made = now_[id];
      const bool named = !old.name.empty() && made.name == old.name;
      if (named && made.op == old.op) return id;
      if (named) same_name = id;
      if (made.op == old.op) same_op = id;
      for (const ValueId input : made.inputs) {
        if (input != ValueId::none && now_[input].producer != NodeId::none)
          work.push_back(now_[input].producer);
      }
    }
    return same_name != NodeId::none ? same_name : same_op != NodeId::none ? same_op : last;
  }

  Fate source_of(ValueId value) const {
    const ir::Value& v = now_[value];
    switch (v.kind) {
      case ir::ValueKind::constant:
        return {step_, Way::constant, NodeId::none, v.name};
      case ir::ValueKind::symbolic:
        return {step_, Way::expression, NodeId::none, expression_of(v)};
      case ir::ValueKind::activation:
        return {step_, was_.contains(v.producer) ? Way::replaced_by : Way::part_of, v.producer};
      default:
        return {step_, Way::input, NodeId::none, v.name};
    }
  }

  static void add(std::vector<Fate>& list, const Fate& fate) {
    const bool known = std::any_of(list.begin(), list.end(), [&](const Fate& other) {
      return other.way == fate.way && other.node == fate.node && other.name == fate.name;
    });
    if (!known && list.size() < kMostFates) list.push_back(fate);
  }

  // What the readers of `value`, a result of a node that is gone, read now.
  void follow(ValueId value, std::vector<Fate>& out) const {
    for (const ir::Output& output : before_.outputs) {
      if (output.value != value) continue;
      for (const ir::Output& same : now_.outputs) {
        if (same.name == output.name) add(out, source_of(same.value));
      }
    }
    for (const NodeId user : users_[size_t(value)]) {
      if (!is_.contains(user)) {
        for (const Fate& fate : fates_.at(user)) {
          if (fate.way != Way::unread) add(out, fate);
        }
        continue;
      }
      const auto &old_inputs = before_[user].inputs, &new_inputs = now_[user].inputs;
      for (size_t i = 0; i < old_inputs.size(); ++i) {
        if (old_inputs[i] != value) continue;
        const bool has_other = i < new_inputs.size() && new_inputs[i] != ValueId::none;
        add(out, has_other ? source_of(new_inputs[i]) : Fate{step_, Way::part_of, user});
      }
    }
  }

  std::vector<Fate> fate_of(NodeId id) const {
    std::vector<Fate> out;
    for (const ValueId value : before_[id].outputs) {
      if (value != ValueId::none) follow(value, out);
    }
    if (out.empty()) out.push_back({step_, Way::unread});
    return out;
  }

  const Graph &before_, &now_;
  size_t step_;
  std::vector<std::vector<NodeId>> users_;
  std::set<NodeId> was_, is_;
  std::map<NodeId, std::vector<Fate>> fates_;
};

bool bounds_differ(const Graph& a, const Graph& b) {
  return !std::equal(a.bounds.all().begin(), a.bounds.all().end(), b.bounds.all().begin(),
                     b.bounds.all().end(), [](const auto& one, const auto& other) {
                       return one.first == other.first && one.second.lo == other.second.lo &&
                              one.second.hi == other.second.hi;
                     });
}

}  // namespace

void History::begin(const Graph& imported) {
  last_ = imported;
  for (const NodeId id : imported.order())
    origins_.push_back({id, imported[id].name, imported[id].op});
}

void History::after(const passes::Step& step, const Graph& graph) {
  Comparison comparison(last_, graph, steps_.size());
  steps_.push_back({step.name, step.stage, last_.order().size(), graph.order().size(),
                    comparison.touched(), bounds_differ(last_, graph)});
  for (auto& [node, fates] : comparison.fates()) fates_[node] = std::move(fates);
  last_ = graph;
}

std::vector<Fate> History::fates(NodeId node) const {
  const auto found = fates_.find(node);
  return found == fates_.end() ? std::vector<Fate>{} : found->second;
}

std::map<NodeId, std::vector<NodeId>> History::made_of() const {
  std::map<NodeId, std::vector<NodeId>> parts;
  for (const Origin& origin : origins_) {
    std::vector<NodeId> work{origin.id};
    std::set<NodeId> seen;
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (!seen.insert(id).second) continue;
      const std::vector<Fate> ways = fates(id);
      if (ways.empty()) parts[id].push_back(origin.id);
      for (const Fate& fate : ways) {
        if (fate.way == Way::part_of) work.push_back(fate.node);
      }
    }
  }
  return parts;
}

namespace {

// Whether `step` did what the note says: it touched the node, or the graph as a whole.
bool wrote(const auto& step, const passes::Note& note) {
  if (step.bounds_changed || note.left) return true;
  return note.node.empty() ? !step.touched.empty() : step.touched.contains(note.node);
}

}  // namespace

std::vector<size_t> History::steps_of(const std::vector<passes::Note>& log) const {
  std::vector<size_t> out;
  size_t at = 0;
  for (const passes::Note& note : log) {
    // The log is in the order of the steps. Of several steps of one pass, the one that touched the
    // node wrote the note; where none did, the first.
    size_t first = steps_.size(), found = steps_.size();
    for (size_t i = at; i < steps_.size() && found == steps_.size(); ++i) {
      if (steps_[i].pass != note.pass) continue;
      first = std::min(first, i);
      if (wrote(steps_[i], note)) found = i;
    }
    at = found < steps_.size() ? found : first < steps_.size() ? first : at;
    out.push_back(at);
  }
  return out;
}

}  // namespace weft::cli
