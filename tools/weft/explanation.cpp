#include "tools/weft/explanation.h"

#include <algorithm>

#include "tools/weft/linear_json.h"
#include "tools/weft/repeats.h"

namespace weft::cli {

namespace {

using ir::NodeId;
using ir::ValueId;

constexpr const char* kStages[] = {"imported", "canonical", "fused", "placed"};
constexpr const char* kCodes[] = {"other",     "op",    "dtype", "rank",   "shape",
                                  "attribute", "quant", "limit", "dynamic"};

std::string attribute_text(const ir::AttrValue& value) {
  return std::visit([](const auto& held) { return dumped(Document(held)); }, value);
}

Document port_document(const EnginePlan& plan, ValueId id,
                       const std::map<NodeId, size_t>& numbers) {
  if (id == ValueId::none) return nullptr;
  const ir::Value& value = plan.graph()[id];
  constexpr const char* kKinds[] = {"activation", "input", "constant", "cache", "expression"};
  Document out = {{"name", value.name},      {"kind", kKinds[size_t(value.kind)]},
                  {"type", str(value.type)}, {"node", nullptr},
                  {"format", nullptr},       {"contents", nullptr},
                  {"placed_in", nullptr}};
  if (value.producer != NodeId::none) out["node"] = numbers.at(value.producer);
  if (value.quantization) {
    out["format"] = std::string(ir::name(value.quantization->storage)) + ", blocks of " +
                    std::to_string(value.quantization->block);
  }
  if (value.contents) {
    Document contents = Document::array();
    for (const ir::Dim& dim : *value.contents) contents.push_back(dim.str());
    out["contents"] = contents;
  }
  if (value.placement) {
    out["placed_in"] =
        plan.graph()[value.placement->parent].name + " at element " + value.placement->offset.str();
  }
  return out;
}

// What the backends of a phase answered about each node.
class Answers {
 public:
  Answers(const EnginePlan& plan, const plan::Plan& phase, const Placement& placement)
      : plan_(plan), placement_(placement) {
    const auto& units = placement.assignment.units;
    for (uint32_t unit = 0; unit < units.size(); ++unit) {
      for (const NodeId id : units[unit].nodes) unit_of_[id] = unit;
    }
    for (size_t island = 0; island < phase.islands().size(); ++island) {
      for (const NodeId id : phase.islands()[island].nodes) island_of_[id] = island;
    }
    for (const auto* list : {&placement.assignment.declines, &placement.assignment.late_declines}) {
      for (const partition::Decline& decline : *list)
        declines_[{decline.node, decline.device}] = &decline;
    }
    for (const auto& claim : placement.assignment.late_claims)
      late_claims_.insert({claim.node, claim.device});
  }

  // Where `id` runs and why there: "first choice" is when nobody was asked before.
  Document of(NodeId id) const {
    const partition::Unit& unit = placement_.assignment.units[unit_of_.at(id)];
    Document answers = Document::array();
    for (const uint32_t device : placement_.preference) answers.push_back(answer(id, device));
    return {{"backend", name(unit.device)},
            {"first_choice", placement_.preference[0] == unit.device},
            {"unit", unit_of_.at(id)},
            {"nodes_in_unit", unit.nodes.size()},
            {"island", island_of_.at(id)},
            {"fixed_shapes", unit.fixed_shapes},
            {"answers", answers}};
  }

 private:
  const std::string& name(uint32_t device) const {
    return plan_.devices()[device]->plugin()->name();
  }

  Document answer(NodeId id, uint32_t device) const {
    const partition::Unit& unit = placement_.assignment.units[unit_of_.at(id)];
    Document out = {{"backend", name(device)}, {"answer", ""},     {"why", nullptr},
                    {"code", nullptr},         {"value", nullptr}, {"what", nullptr},
                    {"found", nullptr},        {"limit", nullptr}};
    if (unit.device == device) {
      out["answer"] = "runs it";
      // Many plugins name the op as their reason, which says nothing new.
      if (!unit.reason.empty() && unit.reason != ir::name(plan_.graph()[id].op))
        out["why"] = unit.reason;
    } else if (late_claims_.contains({id, device})) {
      out["answer"] = "would run it";
      out["why"] = name(unit.device) + " is asked before it";
    } else if (const auto found = declines_.find({id, device}); found != declines_.end()) {
      const partition::Decline& decline = *found->second;
      out["answer"] = "refuses";
      out["why"] = decline.why;
      out["code"] = decline.code < std::size(kCodes) ? kCodes[decline.code] : kCodes[0];
      if (decline.value != ValueId::none) out["value"] = plan_.graph()[decline.value].name;
      if (!decline.what.empty()) out["what"] = decline.what;
      if (decline.found != 0 || decline.limit != 0) {
        out["found"] = decline.found;
        out["limit"] = decline.limit;
      }
    } else {
      out["answer"] = "says nothing";
      out["why"] = "it neither claims the node nor says why not";
    }
    return out;
  }

  const EnginePlan& plan_;
  const Placement& placement_;
  std::map<NodeId, uint32_t> unit_of_;
  std::map<NodeId, size_t> island_of_;
  std::map<std::pair<NodeId, uint32_t>, const partition::Decline*> declines_;
  std::set<std::pair<NodeId, uint32_t>> late_claims_;
};

Document node_row(const EnginePlan& plan, NodeId id, const std::map<NodeId, size_t>& numbers) {
  const ir::Node& node = plan.graph()[id];
  Document inputs = Document::array(), outputs = Document::array(), attrs = Document::object();
  for (const ValueId input : node.inputs) inputs.push_back(port_document(plan, input, numbers));
  for (const ValueId output : node.outputs) outputs.push_back(port_document(plan, output, numbers));
  for (const auto& [name, value] : node.attrs) attrs[name] = attribute_text(value);
  const std::string fallback = node.outputs.empty() || node.outputs[0] == ValueId::none
                                   ? std::string(ir::name(node.op))
                                   : plan.graph()[node.outputs[0]].name;
  return {{"id", numbers.at(id)},
          {"op", ir::name(node.op)},
          {"name", node.name.empty() ? fallback : node.name},
          {"inputs", inputs},
          {"outputs", outputs},
          {"attributes", attrs},
          {"made_of", Document::array()},
          {"notes", Document::array()}};
}

Document nodes_document(const EnginePlan& plan, const History& history) {
  const auto numbers = node_numbers(plan.graph());
  std::map<NodeId, std::string> names;
  for (const History::Origin& origin : history.origins()) names[origin.id] = origin.name;
  const auto made_of = history.made_of();
  std::vector<Answers> phases{{plan, plan.prefill(), plan.prefill_placement()}};
  if (&plan.prefill() != &plan.decode())
    phases.emplace_back(plan, plan.decode(), plan.decode_placement());
  std::map<std::string, std::vector<size_t>> notes;
  for (size_t i = 0; i < plan.rewrites().size(); ++i) notes[plan.rewrites()[i].node].push_back(i);

  Document nodes = Document::array();
  for (const NodeId id : plan.graph().order()) {
    Document row = node_row(plan, id, numbers);
    std::set<std::string> known{plan.graph()[id].name};
    if (const auto parts = made_of.find(id); parts != made_of.end()) {
      for (const NodeId part : parts->second) {
        row["made_of"].push_back(names.at(part));
        known.insert(names.at(part));
      }
    }
    std::set<size_t> told;
    for (const std::string& name : known) {
      if (!name.empty() && notes.contains(name))
        told.insert(notes[name].begin(), notes[name].end());
    }
    row["notes"] = told;
    row["phases"] = Document::array();
    for (const Answers& phase : phases) row["phases"].push_back(phase.of(id));
    nodes.push_back(row);
  }
  return nodes;
}

Document fate_document(const EnginePlan& plan, const History& history, const History::Fate& fate,
                       const std::map<NodeId, size_t>& numbers) {
  constexpr const char* kWays[] = {"part of",    "replaced by", "constant",
                                   "expression", "input",       "unread"};
  Document out = {{"pass", history.steps()[fate.step].pass},
                  {"way", kWays[size_t(fate.way)]},
                  {"name", nullptr},
                  {"op", nullptr},
                  {"node", nullptr},
                  {"then", Document::array()}};
  if (!fate.name.empty()) out["name"] = fate.name;
  if (fate.node == NodeId::none) return out;
  const ir::Node& node = plan.graph()[fate.node];
  out["op"] = ir::name(node.op);
  if (!node.name.empty()) out["name"] = node.name;
  if (const auto last = numbers.find(fate.node); last != numbers.end()) {
    out["node"] = last->second;
  } else {
    for (const History::Fate& next : history.fates(fate.node))
      out["then"].push_back(fate_document(plan, history, next, numbers));
  }
  return out;
}

// Nodes of the file that are not in the graph any more.
Document gone_document(const EnginePlan& plan, const History& history) {
  const auto numbers = node_numbers(plan.graph());
  Document out = Document::array();
  for (const History::Origin& origin : history.origins()) {
    const auto fates = history.fates(origin.id);
    if (fates.empty()) continue;
    Document row = {
        {"name", origin.name}, {"op", ir::name(origin.op)}, {"became", Document::array()}};
    for (const History::Fate& fate : fates)
      row["became"].push_back(fate_document(plan, history, fate, numbers));
    out.push_back(row);
  }
  return out;
}

Document passes_document(const History& history) {
  Document out = Document::array();
  for (const History::Step& step : history.steps()) {
    out.push_back({{"pass", step.pass},
                   {"stage", kStages[size_t(step.stage)]},
                   {"nodes_before", step.nodes_before},
                   {"nodes_after", step.nodes_after},
                   {"changed_something", step.changed()}});
  }
  return out;
}

Document notes_document(const EnginePlan& plan, const History& history) {
  Document out = Document::array();
  const std::vector<size_t> steps = history.steps_of(plan.rewrites());
  for (size_t i = 0; i < steps.size(); ++i) {
    const passes::Note& note = plan.rewrites()[i];
    out.push_back({{"pass", note.pass},
                   {"step", steps[i]},
                   {"node", note.node},
                   {"what", note.what},
                   {"left_as_it_was", note.left}});
  }
  return out;
}

Document backends_document(const EnginePlan& plan) {
  constexpr const char* kTypes[] = {"other", "CPU", "GPU", "NPU"};
  Document out = Document::array();
  for (size_t i = 0; i < plan.devices().size(); ++i) {
    const host::Device& device = *plan.devices()[i];
    const uint32_t domain = plan.domains()[i];
    out.push_back({{"name", device.plugin()->name()},
                   {"device", device.info().name},
                   {"driver", device.info().driver},
                   {"type", kTypes[device.info().type < 4 ? device.info().type : 0]},
                   {"memory", domain_name(plan, domain)},
                   {"shares_host_memory", bool(plan.shared_domains()[domain])}});
  }
  return out;
}

Document placement_document(const PlacementSummary& placement) {
  Document rows = Document::array();
  for (const auto& row : placement.rows)
    rows.push_back({{"backend", row.backend}, {"nodes", row.nodes}, {"ops", row.ops}});
  return {{"line", placement.line()},
          {"backends", rows},
          {"reasons", placement.reasons},
          {"missing", placement.missing}};
}

Document symbols_document(const ir::Graph& graph) {
  Document out = Document::array();
  for (const auto& [symbol, range] : graph.bounds.all()) {
    Document row = {{"name", symbol}, {"least", range.lo}, {"most", nullptr}};
    if (range.hi != sym::kUnbounded) row["most"] = range.hi;
    out.push_back(row);
  }
  return out;
}

// Nodes that do the same in the same place look alike: op, result, kinds of inputs, answers.
Document repeats_document(const Document& nodes) {
  std::vector<std::string> kinds;
  for (const Document& node : nodes) {
    std::string kind = node["op"].get<std::string>() + dumped(node["attributes"]);
    for (const char* ports : {"inputs", "outputs"}) {
      for (const Document& port : node[ports]) {
        if (port.is_null()) continue;
        kind += port["kind"].get<std::string>() + port["type"].get<std::string>();
        if (port["format"].is_string()) kind += port["format"].get<std::string>();
      }
    }
    for (const Document& phase : node["phases"]) kind += phase["backend"].get<std::string>();
    kinds.push_back(std::move(kind));
  }
  Document out = Document::array();
  for (const Repeat& repeat : find_repeats(kinds))
    out.push_back({{"first", repeat.first}, {"period", repeat.period}, {"count", repeat.count}});
  return out;
}

}  // namespace

std::string dumped(const Document& document, int indent) {
  return document.dump(indent, ' ', false, Document::error_handler_t::replace);
}

std::map<NodeId, size_t> node_numbers(const ir::Graph& graph) {
  std::map<NodeId, size_t> numbers;
  for (const NodeId id : graph.order()) numbers.emplace(id, numbers.size());
  return numbers;
}

Document explanation(const Inspection& inspection, const History& history) {
  const EnginePlan& plan = *inspection.plan;
  Document out;
  out["version"] = kExplanationVersion;
  out["model"] = inspection.file.path.string();
  out["options"] = {{"backends", plan.options().backends},
                    {"prefill", plan.options().prefill},
                    {"decode", plan.options().decode},
                    {"capacity", plan.options().capacity},
                    {"chunk", plan.options().chunk}};
  out["nodes_in_file"] = history.origins().size();
  out["import_notes"] = inspection.notes;
  out["passes"] = passes_document(history);
  out["notes"] = notes_document(plan, history);
  out["backends"] = backends_document(plan);
  out["placement"] = placement_document(plan.placement());
  out["nodes"] = nodes_document(plan, history);
  out["gone"] = gone_document(plan, history);
  out["repeats"] = repeats_document(out["nodes"]);
  out["symbols"] = symbols_document(plan.graph());
  out["phases"] = phases_document(plan);
  out["linears"] = linears_json(plan);
  out["memory"] = memory_document(plan, inspection.weights);
  out["memory"]["weight_copies"] = weight_copies_json(plan);
  return out;
}

}  // namespace weft::cli
