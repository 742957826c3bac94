#include "tools/weft/verify_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/ops/infer_graph.h"
#include "tools/weft/printable.h"

namespace weft::cli {

namespace {

using nlohmann::ordered_json;
using runtime::Culprit;
using runtime::Extent;
using runtime::IslandReport;
using runtime::ValueError;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

// "cpu,reference", or both phases where they differ.
std::string backends_text(const EngineOptions& engine) {
  if (engine.prefill.empty() && engine.decode.empty()) return joined(engine.backends);
  const auto& prefill = engine.prefill.empty() ? engine.backends : engine.prefill;
  const auto& decode = engine.decode.empty() ? engine.backends : engine.decode;
  return joined(prefill) + " (prompt) and " + joined(decode) + " (token)";
}

const char* verdict(const IslandReport& island) {
  if (!island.own.passes()) return "wrong";
  return island.inherited.passes() ? "right" : "inherits";
}

const char* verdict(const Verification& verification) {
  if (verification.wrong() > 0) return "wrong";
  return verification.inherits() > 0 ? "drifts" : "right";
}

const char* name_of(Extent extent) {
  switch (extent) {
    case Extent::node:
      return "node";
    case Extent::unit:
      return "unit";
    case Extent::range:
      return "range";
    default:
      return "in_place";
  }
}

std::string short_error(const ValueError& error) {
  const ops::Difference& d = error.difference;
  if (error.value.empty()) return "-";
  if (!d.unlike.empty()) return "unlike";
  return d.absolute == 0 ? "0" : fmt::format("{:.1e}", d.relative());
}

// "'y' is off by 0.5 (relative 0.1) at [0, 3]; 1e-05 is allowed"
std::string long_error(const ValueError& error) {
  const ops::Difference& d = error.difference;
  if (!d.unlike.empty()) return "'" + error.value + "' " + d.unlike;
  if (d.absolute == 0) return "'" + error.value + "' has no error";
  return fmt::format("'{}' is off by {:.2g} (relative {:.2g}) at {}; {:.2g} is allowed",
                     error.value, d.absolute, d.relative(), d.where, d.allowed);
}

// "node 'a' (Add)", or the first and the last.
std::string span_of(const ir::Graph& graph, const std::vector<ir::NodeId>& nodes) {
  if (nodes.empty()) return "";
  const std::string first = ops::describe(graph, nodes.front());
  return nodes.size() == 1 ? first : first + " to " + ops::describe(graph, nodes.back());
}

// Which rows a table shows: all of a few; of many, those that are not right and the worst of the
// others.
std::vector<const IslandReport*> shown_rows(const runtime::StepReport& step) {
  constexpr size_t kAll = 32, kWorst = 8;
  std::vector<const IslandReport*> rows;
  for (const IslandReport& island : step.islands) rows.push_back(&island);
  if (rows.size() <= kAll) return rows;
  const auto first_right = std::stable_partition(
      rows.begin(), rows.end(), [](const IslandReport* row) { return !row->passes(); });
  std::stable_sort(first_right, rows.end(), [](const IslandReport* a, const IslandReport* b) {
    return a->own.difference.relative() > b->own.difference.relative();
  });
  const size_t wrong = size_t(first_right - rows.begin());
  rows.resize(std::min(rows.size(), wrong + kWorst));
  std::sort(rows.begin(), rows.end());  // they lie in one list, in the order they run
  return rows;
}

std::string island_table(const Verification& v, const runtime::StepReport& step) {
  const auto rows = shown_rows(step);
  size_t width = 7;
  for (const IslandReport* island : rows) width = std::max(width, v.backend_of(*island).size());
  std::string text =
      fmt::format("{:>6}  {:<{}}  {:>5}  {:>9}  {:>9}  {:<8}  {}\n", "island", "backend", width,
                  "nodes", "own error", "inherited", "verdict", "what");
  for (const IslandReport* island : rows) {
    text += fmt::format("{:>6}  {:<{}}  {:>5}  {:>9}  {:>9}  {:<8}  {}\n", island->island,
                        v.backend_of(*island), width, island->nodes.size(),
                        short_error(island->own), short_error(island->inherited), verdict(*island),
                        printable(span_of(v.engine->graph(), island->nodes)));
  }
  if (rows.size() < step.islands.size()) {
    text += fmt::format("{:>6}  {} more, right and with smaller errors; --json has them all\n", "",
                        step.islands.size() - rows.size());
  }
  return text;
}

// What the part reads and makes: "f32[1, 8, 64]".
std::string types_of(const ir::Graph& graph, const std::vector<ir::ValueId>& values) {
  std::string text;
  for (const ir::ValueId value : values) {
    const ir::Value& one = graph[value];
    text += (text.empty() ? "" : ", ") + ("'" + one.name + "' " + str(one.type));
  }
  return text.empty() ? "nothing" : text;
}

std::string what_is_wrong(const Verification& v, const Finding& finding) {
  const Culprit& c = finding.culprit;
  const std::string who = span_of(v.engine->graph(), c.nodes);
  const std::string where =
      fmt::format("in island {} on {}, {}", finding.island, finding.backend, finding.step);
  switch (c.extent) {
    case Extent::node:
      return fmt::format("first wrong node: {}, {}", who, where);
    case Extent::unit:
      return fmt::format("first wrong unit, {} nodes that run as one: {}, {}", c.nodes.size(), who,
                         where);
    case Extent::range:
      return fmt::format("no node is wrong alone; the error is seen from {} nodes on: {}, {}",
                         c.nodes.size(), who, where);
    default:
      return fmt::format(
          "all nodes are right when they run alone; the island is wrong only in its place in the "
          "plan's memory: {}, {}",
          who, where);
  }
}

std::string check_command(const VerifyOptions& options, const Finding& finding) {
  std::string text = "weft check " + options.out.string() + " --backend " + finding.backend;
  for (const auto& plugin : options.plugin_files) text += " --plugin " + plugin.string();
  const ops::Tolerance usual;
  if (options.tolerance.relative != usual.relative)
    text += fmt::format(" --rtol {}", options.tolerance.relative);
  if (options.tolerance.absolute != usual.absolute)
    text += fmt::format(" --atol {}", options.tolerance.absolute);
  return text;
}

std::string finding_text(const VerifyOptions& options, const Verification& v) {
  const Finding& finding = *v.finding;
  const Culprit& c = finding.culprit;
  std::string text = what_is_wrong(v, finding) + "\n";
  if (c.extent != Extent::in_place) {
    const ir::Graph& part = c.part.graph;
    std::vector<ir::ValueId> outputs;
    for (const ir::Output& output : part.outputs) outputs.push_back(output.value);
    text += "  reads   " + types_of(part, part.inputs) + "\n";
    text += "  makes   " + types_of(part, outputs) + "\n";
    text += "  error   " + long_error(c.error) + "\n";
  }
  if (!finding.reproducer) {
    if (options.out.empty()) text += "  --out DIR writes it as a model with test data\n";
    return text;
  }
  const Reproducer& r = *finding.reproducer;
  if (r.folder.empty()) return text + "  no reproducer: " + r.why_not + "\n";
  text +=
      fmt::format("  written to {}: `{}` {}\n", r.folder.string(), check_command(options, finding),
                  r.fails ? "fails there" : "does not show it: " + r.why_not);
  return text;
}

ordered_json error_json(const ValueError& error) {
  const ops::Difference& d = error.difference;
  ordered_json out = {{"value", error.value}, {"pass", error.passes()}};
  if (!d.unlike.empty()) {
    out["reason"] = d.unlike;
    return out;
  }
  out.update({{"max_absolute_error", d.absolute},
              {"max_relative_error", d.relative()},
              {"largest_expected", d.largest},
              {"allowed", d.allowed}});
  if (!d.where.empty()) out["at"] = d.where;
  return out;
}

ordered_json node_json(const ir::Graph& graph, ir::NodeId id) {
  return {{"name", graph[id].name}, {"op", std::string(ir::name(graph[id].op))}};
}

ordered_json finding_json(const VerifyOptions& options, const Verification& v) {
  const Finding& finding = *v.finding;
  const Culprit& c = finding.culprit;
  ordered_json out = {{"step", finding.step},
                      {"island", finding.island},
                      {"backend", finding.backend},
                      {"extent", name_of(c.extent)}};
  out["nodes"] = ordered_json::array();
  for (const ir::NodeId id : c.nodes) out["nodes"].push_back(node_json(v.engine->graph(), id));
  if (c.extent != Extent::in_place) out["error"] = error_json(c.error);
  if (!finding.reproducer) return out;
  ordered_json written = {{"fails", finding.reproducer->fails}};
  if (finding.reproducer->fails) written["command"] = check_command(options, finding);
  if (!finding.reproducer->folder.empty()) written["folder"] = finding.reproducer->folder.string();
  if (!finding.reproducer->why_not.empty()) written["reason"] = finding.reproducer->why_not;
  out["reproducer"] = std::move(written);
  return out;
}

}  // namespace

std::string verification_text(const VerifyOptions& options, const Verification& v) {
  std::string text = fmt::format("{} on {}: {}\n", options.model.string(),
                                 backends_text(options.engine), v.engine->placement().line());
  for (const runtime::StepReport& step : v.steps)
    text += "\n" + step.name + "\n" + island_table(v, step);
  text += "\n";
  if (v.finding) text += finding_text(options, v);
  if (v.passes())
    text += fmt::format("all {} islands compute what the reference computes\n", v.islands());
  if (v.wrong() > 0) text += fmt::format("{} of {} islands are wrong\n", v.wrong(), v.islands());
  if (v.wrong() == 0 && v.inherits() > 0) {
    text += fmt::format(
        "every island is right by itself; over the chain, errors add up to more than is allowed "
        "in {} of {}\n",
        v.inherits(), v.islands());
  }
  return text;
}

std::string verification_json(const VerifyOptions& options, const Verification& v) {
  ordered_json out = {{"version", kVerifyVersion},
                      {"model", options.model.string()},
                      {"backends", options.engine.backends},
                      {"way", v.as_decoder ? "session" : "graph"}};
  if (!options.engine.prefill.empty()) out["prefill"] = options.engine.prefill;
  if (!options.engine.decode.empty()) out["decode"] = options.engine.decode;
  if (!v.why_graph.empty()) out["why_no_session"] = v.why_graph;
  out["tolerance"] = {{"relative", options.tolerance.relative},
                      {"absolute", options.tolerance.absolute}};
  out["placement"] = v.engine->placement().line();
  out["verdict"] = verdict(v);
  out["steps"] = ordered_json::array();
  const ir::Graph& graph = v.engine->graph();
  for (const runtime::StepReport& step : v.steps) {
    ordered_json islands = ordered_json::array();
    for (const IslandReport& island : step.islands) {
      islands.push_back({{"island", island.island},
                         {"backend", v.backend_of(island)},
                         {"nodes", island.nodes.size()},
                         {"first", node_json(graph, island.nodes.front())},
                         {"last", node_json(graph, island.nodes.back())},
                         {"verdict", verdict(island)},
                         {"own", error_json(island.own)},
                         {"inherited", error_json(island.inherited)}});
    }
    out["steps"].push_back({{"name", step.name},
                            {"phase", step.decode ? "decode" : "prefill"},
                            {"islands", std::move(islands)}});
  }
  if (v.finding) out["finding"] = finding_json(options, v);
  return out.dump(1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace weft::cli
