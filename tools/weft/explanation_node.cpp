// One node of an explanation: where it came from, what it became, where it runs and why.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tools/weft/explanation.h"
#include "tools/weft/printable.h"

namespace weft::cli {

namespace {

constexpr size_t kMostNodes = 8, kMostNames = 5;

std::string text_of(const Document& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : dumped(value);
}

bool has_output(const Document& node, const std::string& name) {
  return std::any_of(node["outputs"].begin(), node["outputs"].end(), [&](const Document& out) {
    return out.is_object() && text_of(out["name"]) == name;
  });
}

// Numbers of the nodes that a fate ends in.
void add_ends(const Document& fates, std::set<size_t>& ends) {
  for (const Document& fate : fates) {
    if (fate["node"].is_number()) ends.insert(fate["node"].get<size_t>());
    add_ends(fate["then"], ends);
  }
}

struct Found {
  std::vector<const Document*> gone;
  std::set<size_t> nodes;
};

Error not_found(const Document& document, const std::string& name) {
  std::string close;
  size_t count = 0;
  for (const char* list : {"nodes", "gone"}) {
    for (const Document& row : document[list]) {
      const std::string other = text_of(row["name"]);
      if (count == kMostNames || other.find(name) == std::string::npos) continue;
      close += (close.empty() ? "" : ", ") + other;
      ++count;
    }
  }
  return Error{"no node and no result is called '" + name + "'" +
                   (close.empty() ? "; `weft explain` lists the nodes" : "; there are " + close),
               ErrorKind::usage};
}

Result<Found> find(const Document& document, const std::string& name) {
  Found found;
  for (const Document& row : document["gone"]) {
    if (text_of(row["name"]) != name) continue;
    found.gone.push_back(&row);
    add_ends(row["became"], found.nodes);
  }
  for (const Document& node : document["nodes"]) {
    if (text_of(node["name"]) == name || has_output(node, name))
      found.nodes.insert(node["id"].get<size_t>());
  }
  if (found.gone.empty() && found.nodes.empty()) return not_found(document, name);
  return found;
}

std::string way_text(const Document& fate) {
  const std::string way = text_of(fate["way"]), name = text_of(fate["name"]);
  const std::string node = text_of(fate["op"]) + (name.empty() ? "" : " '" + name + "'");
  if (way == "part of") return "became part of " + node;
  if (way == "replaced by") return "went; the result of " + node + " is used instead";
  if (way == "constant") return "was computed: its result is the constant '" + name + "'";
  if (way == "expression") return "became the expression " + name;
  if (way == "input") return "went; the input '" + name + "' is used instead";
  return "went: no output depends on it";
}

void add_fates(std::string& out, const Document& fates, const std::string& indent) {
  for (const Document& fate : fates) {
    out += indent + printable(text_of(fate["pass"]) + ": " + way_text(fate)) + "\n";
    add_fates(out, fate["then"], indent + "  ");
  }
}

void add_ports(std::string& out, const char* label, const Document& ports, const Document& nodes) {
  for (const Document& port : ports) {
    if (port.is_null()) continue;
    std::string line = text_of(port["name"]) + "  " + text_of(port["type"]);
    if (port["format"].is_string()) line += " as " + text_of(port["format"]);
    if (port["contents"].is_array()) {
      std::string elements;
      for (const Document& one : port["contents"])
        elements += (elements.empty() ? "" : ", ") + text_of(one);
      line += " = {" + elements + "}";
    }
    if (port["placed_in"].is_string()) line += ", written in " + text_of(port["placed_in"]);
    const bool from_node = port["node"].is_number() && std::string(label) == "reads";
    line += from_node ? ", from " + text_of(nodes[port["node"].get<size_t>()]["op"])
                      : ", " + text_of(port["kind"]);
    out += fmt::format("    {:<12}{}\n", label, printable(line));
  }
}

void add_answers(std::string& out, const Document& where, const std::string& phase) {
  out += fmt::format(
      "    {:<12}{} runs it{}, in program {} with unit {}{}\n", "where", text_of(where["backend"]),
      where["fixed_shapes"].get<bool>() ? " at fixed shapes" : "", text_of(where["island"]),
      text_of(where["unit"]), phase.empty() ? "" : " (" + phase + ")");
  for (const Document& answer : where["answers"]) {
    std::string line = text_of(answer["backend"]) + " " + text_of(answer["answer"]);
    if (answer["why"].is_string()) line += ": " + text_of(answer["why"]);
    if (answer["code"].is_string()) {
      line += " (code " + text_of(answer["code"]);
      if (answer["value"].is_string()) line += ", value " + text_of(answer["value"]);
      if (answer["what"].is_string()) line += ", " + text_of(answer["what"]);
      if (answer["found"].is_number())
        line += ", found " + text_of(answer["found"]) + ", limit " + text_of(answer["limit"]);
      line += ")";
    }
    out += fmt::format("    {:<12}{}\n", "", printable(line));
  }
}

void add_node(std::string& out, const Document& document, size_t number) {
  const Document& node = document["nodes"][number];
  out += printable(text_of(node["op"]) + " '" + text_of(node["name"]) + "'") +
         fmt::format(", node {} of {}\n", number, document["nodes"].size());
  if (!node["made_of"].empty()) {
    std::string parts;
    for (const Document& part : node["made_of"])
      parts += (parts.empty() ? "" : ", ") + text_of(part);
    out += fmt::format("    {:<12}{}\n", "from", printable(parts));
  }
  for (const Document& index : node["notes"]) {
    const Document& note = document["notes"][index.get<size_t>()];
    out += fmt::format("    {:<12}{}\n", "rewritten",
                       printable(text_of(note["pass"]) + ": " + text_of(note["what"])));
  }
  add_ports(out, "reads", node["inputs"], document["nodes"]);
  add_ports(out, "gives", node["outputs"], document["nodes"]);
  for (const auto& [name, value] : node["attributes"].items())
    out += fmt::format("    {:<12}{}\n", "attribute", printable(name + " = " + text_of(value)));
  for (size_t i = 0; i < node["phases"].size(); ++i) {
    const bool one = node["phases"].size() == 1;
    add_answers(out, node["phases"][i], one ? "" : text_of(document["phases"][i]["name"]));
  }
  for (const Document& phase : document["phases"]) {
    for (const Document& copy : phase["copies"]) {
      const bool made = copy["maker"].is_number() && copy["maker"].get<size_t>() == number;
      const bool read = std::find(copy["readers"].begin(), copy["readers"].end(), number) !=
                        copy["readers"].end();
      if (made || read)
        out += fmt::format("    {:<12}{}\n", "copied",
                           printable(text_of(copy["value"]) + ": " + text_of(copy["why"])));
    }
  }
}

}  // namespace

Result<std::string> node_text(const Document& document, const std::string& name) {
  const Found found = TRY(find(document, name));
  std::string out;
  for (const Document* gone : found.gone) {
    out += printable(text_of((*gone)["op"]) + " '" + name + "' of the file") + "\n";
    add_fates(out, (*gone)["became"], "    ");
  }
  size_t told = 0;
  for (const size_t number : found.nodes) {
    if (told++ == kMostNodes) {
      out += fmt::format("and {} more nodes\n", found.nodes.size() - kMostNodes);
      break;
    }
    add_node(out, document, number);
  }
  return out;
}

Result<Document> node_document(const Document& document, const std::string& name) {
  const Found found = TRY(find(document, name));
  Document out;
  for (const char* key : {"version", "model", "options", "notes"}) out[key] = document[key];
  out["gone"] = Document::array();
  out["nodes"] = Document::array();
  for (const Document* gone : found.gone) out["gone"].push_back(*gone);
  for (const size_t number : found.nodes) out["nodes"].push_back(document["nodes"][number]);
  return out;
}

}  // namespace weft::cli
