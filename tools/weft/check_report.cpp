#include "tools/weft/check_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace weft::cli {

namespace {

using nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

const char* verdict(const FolderCheck& check) {
  if (check.passes()) return "pass";
  const Error* error = check.first_error();
  if (!error) return "mismatch";
  return error->kind == ErrorKind::model ? "not importable" : "error";
}

// "as a session", "as a graph", or both.
std::string ways(const FolderCheck& check) {
  const auto is_session = [](const SetCheck& set) { return set.as_session; };
  if (std::all_of(check.sets.begin(), check.sets.end(), is_session)) return "as a session";
  if (std::none_of(check.sets.begin(), check.sets.end(), is_session)) return "as a graph";
  return "as a session and as a graph";
}

std::string describe(const SetCheck& set, const OutputCheck& output) {
  const ops::Difference& d = output.difference;
  const std::string who = output.name + " of " + set.name;
  if (!d.unlike.empty()) return who + " " + d.unlike;
  if (d.absolute == 0) return "no error";
  return fmt::format("{:.2g} (relative {:.2g}) in {}", d.absolute, d.relative(), who);
}

// The first set that does not pass, else the one with the largest relative error.
const SetCheck* telling_set(const FolderCheck& check) {
  const SetCheck* best = nullptr;
  for (const SetCheck& set : check.sets) {
    if (!set.passes()) return &set;
    const auto error = [](const SetCheck& s) {
      return s.worst() ? s.worst()->difference.relative() : 0;
    };
    if (!best || error(set) > error(*best)) best = &set;
  }
  return best;
}

// Why it does not pass.
std::string reason(const FolderCheck& check) {
  if (check.error) return check.error->message;
  const SetCheck* set = telling_set(check);
  if (!set) return "there is no set";
  if (set->error) return set->name + ": " + set->error->message;
  const OutputCheck* worst = set->worst();
  if (!worst) return set->name + " has no outputs";
  const ops::Difference& d = worst->difference;
  std::string text = describe(*set, *worst);
  if (d.unlike.empty()) text += fmt::format(" at {}; {:.2g} is allowed", d.where, d.allowed);
  if (!set->why_graph.empty()) text += " (run as a graph: " + set->why_graph + ")";
  return text;
}

ordered_json output_json(const OutputCheck& output) {
  const ops::Difference& d = output.difference;
  ordered_json row = {{"name", output.name}, {"pass", d.passes()}};
  if (!d.unlike.empty()) {
    row["reason"] = d.unlike;
    return row;
  }
  row.update({{"max_absolute_error", d.absolute},
              {"max_relative_error", d.relative()},
              {"largest_expected", d.largest},
              {"allowed", d.allowed}});
  if (!d.where.empty()) row["at"] = d.where;
  return row;
}

ordered_json set_json(const SetCheck& set) {
  ordered_json row = {{"name", set.name},
                      {"pass", set.passes()},
                      {"exact", set.exact},
                      {"way", set.as_session ? "session" : "graph"}};
  if (!set.why_graph.empty()) row["why_no_session"] = set.why_graph;
  if (set.error) row["error"] = set.error->message;
  row["outputs"] = ordered_json::array();
  for (const OutputCheck& output : set.outputs) row["outputs"].push_back(output_json(output));
  return row;
}

// "7e-08 / 1e-07", or what kept a set from running.
std::string cell(const FolderCheck& check) {
  if (check.error) return "not run";
  std::string text;
  for (const SetCheck& set : check.sets) {
    if (!text.empty()) text += " / ";
    const OutputCheck* worst = set.worst();
    if (set.error || !worst) {
      text += "not run";
    } else if (!worst->difference.unlike.empty()) {
      text += "**differs**";
    } else {
      const std::string number = fmt::format("{:.1e}", worst->difference.relative());
      text += set.passes() ? number : "**" + number + "**";
    }
  }
  return text;
}

std::string column_of(const FolderCheck& check) {
  return check.folder.parent_path().filename().string();
}

std::string table(const std::vector<const FolderCheck*>& checks) {
  std::vector<std::string> columns;
  std::map<std::string, std::map<std::string, std::string>> rows;
  size_t passed = 0;
  for (const FolderCheck* check : checks) {
    const std::string column = column_of(*check);
    if (std::find(columns.begin(), columns.end(), column) == columns.end())
      columns.push_back(column);
    rows[check->folder.filename().string()][column] = cell(*check);
    passed += check->passes();
  }
  std::string text = "| model |", line = "|---|";
  for (const std::string& column : columns) {
    text += " " + column + " |";
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const auto& [model, cells] : rows) {
    text += "| " + model + " |";
    for (const std::string& column : columns) {
      const auto found = cells.find(column);
      text += " " + (found == cells.end() ? std::string("-") : found->second) + " |";
    }
    text += "\n";
  }
  return text + fmt::format("\n{} of {} pass.\n", passed, checks.size());
}

}  // namespace

std::string check_line(const FolderCheck& check) {
  const std::string head =
      fmt::format("{}: {} on {}", check.folder.string(), verdict(check), joined(check.backends));
  if (!check.passes()) {
    const std::string way = check.first_error() ? "" : ", " + ways(check);
    return head + way + ": " + reason(check);
  }
  const SetCheck& set = *telling_set(check);
  const bool exact = std::any_of(check.sets.begin(), check.sets.end(),
                                 [](const SetCheck& one) { return one.exact; });
  return fmt::format("{}, {} {}set{} {}; largest error {}", head, check.sets.size(),
                     exact ? "exact " : "", check.sets.size() == 1 ? "" : "s", ways(check),
                     describe(set, *set.worst()));
}

std::string checks_json(const std::vector<FolderCheck>& checks) {
  ordered_json rows = ordered_json::array();
  size_t passed = 0;
  for (const FolderCheck& check : checks) {
    passed += check.passes();
    ordered_json row = {{"folder", check.folder.string()},
                        {"backends", check.backends},
                        {"verdict", verdict(check)},
                        {"placement", check.placement}};
    if (!check.passes()) row["reason"] = reason(check);
    row["sets"] = ordered_json::array();
    for (const SetCheck& set : check.sets) row["sets"].push_back(set_json(set));
    rows.push_back(std::move(row));
  }
  return ordered_json{{"checks", rows}, {"passed", passed}, {"of", checks.size()}}.dump(1);
}

std::string checks_markdown(const std::vector<FolderCheck>& checks) {
  std::vector<std::string> lists;
  for (const FolderCheck& check : checks) {
    const std::string list = joined(check.backends);
    if (std::find(lists.begin(), lists.end(), list) == lists.end()) lists.push_back(list);
  }
  std::string text;
  for (const std::string& list : lists) {
    std::vector<const FolderCheck*> mine;
    std::string failures;
    for (const FolderCheck& check : checks) {
      if (joined(check.backends) != list) continue;
      mine.push_back(&check);
      if (check.passes()) continue;
      failures += fmt::format("* {}/{}: {}: {}\n", column_of(check),
                              check.folder.filename().string(), verdict(check), reason(check));
    }
    text += (text.empty() ? "## " : "\n## ") + list + "\n\n" + table(mine);
    if (!failures.empty()) text += "\n" + failures;
  }
  return text;
}

}  // namespace weft::cli
