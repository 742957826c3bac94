// An explanation for people: what a reader asks first comes first, and what repeats stands once.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "tools/weft/explanation.h"
#include "tools/weft/printable.h"
#include "tools/weft/repeats.h"

namespace weft::cli {

namespace {

constexpr size_t kMostRows = 24;

std::string size_text(const Document& bytes) {
  if (!bytes.is_number()) return "no bound";
  const double n = bytes.get<double>();
  if (n < 1024) return fmt::format("{} bytes", bytes.get<int64_t>());
  return n < 1024 * 1024 ? fmt::format("{:.1f} KiB", n / 1024)
                         : fmt::format("{:.1f} MiB", n / (1 << 20));
}

std::string text_of(const Document& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : dumped(value);
}

std::string joined(const Document& items, const char* between = ", ") {
  std::string out;
  for (const Document& item : items) out += (out.empty() ? "" : between) + text_of(item);
  return out;
}

const char* plural(size_t count) { return count == 1 ? "" : "s"; }

// Lines under headings; everything that comes from the model is made safe for a terminal.
class Page {
 public:
  void heading(const std::string& text) { out_ += "\n" + text + "\n"; }
  void line(const std::string& text) { out_ += "  " + printable(text) + "\n"; }
  void labelled(const std::string& label, const std::string& text) {
    out_ += fmt::format("{:<12}{}\n", label, printable(text));
  }
  // Equal lines of rows once, with how many; then those of which one is told.
  void counted(const std::vector<std::string>& rows) {
    std::vector<std::pair<std::string, size_t>> counts;
    for (const std::string& row : rows) {
      const auto same = std::find_if(counts.begin(), counts.end(),
                                     [&](const auto& other) { return other.first == row; });
      if (same == counts.end())
        counts.emplace_back(row, 1);
      else
        ++same->second;
    }
    for (const auto& [row, count] : counts)
      line(fmt::format("{:>6}{}", count > 1 ? fmt::format("{} x ", count) : "", row));
  }
  // Rows in their order; runs that repeat stand once.
  void folded(const std::vector<std::string>& kinds, const std::vector<std::string>& rows) {
    size_t at = 0;
    const auto plain_until = [&](size_t end, const char* indent) {
      for (; at < end; ++at) line(indent + rows[at]);
    };
    for (const Repeat& repeat : find_repeats(kinds)) {
      plain_until(repeat.first, "");
      line(fmt::format("{} times the like of:", repeat.count));
      plain_until(repeat.first + repeat.period, "  | ");
      at = repeat.first + repeat.period * repeat.count;
    }
    plain_until(rows.size(), "");
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void add_summary(Page& page, const Document& doc) {
  page.labelled("model", text_of(doc["model"]));
  page.labelled("runs", text_of(doc["placement"]["line"]));
  for (const Document& missing : doc["placement"]["missing"]) page.labelled("", text_of(missing));
  page.labelled("rewritten", fmt::format("{} nodes of the file became {}",
                                         doc["nodes_in_file"].get<size_t>(), doc["nodes"].size()));
  for (const Document& phase : doc["phases"]) {
    int64_t most = 0;
    for (const Document& copy : phase["copies"])
      most += copy["bytes"]["most"].is_number() ? copy["bytes"]["most"].get<int64_t>() : 0;
    const size_t islands = phase["islands"].size(), copies = phase["copies"].size();
    page.labelled(
        text_of(phase["name"]) == "prompt and tokens" ? "a run" : text_of(phase["name"]),
        fmt::format("{} program{}, {} cop{} between memories{}", islands, plural(islands), copies,
                    copies == 1 ? "y" : "ies", copies > 0 ? ", at most " + size_text(most) : ""));
  }
  const Document& memory = doc["memory"];
  page.labelled(
      "memory",
      fmt::format("{}: weights {}, KV cache {} ({} per 1024 positions), activations {}",
                  size_text(memory["total_bytes"]), size_text(memory["weights_bytes"]),
                  size_text(memory["cache_bytes"]), size_text(memory["cache_bytes_per_1024"]),
                  size_text(memory["arena_bytes"])));
}

void add_rewrites(Page& page, const Document& doc) {
  page.heading("REWRITES, pass by pass");
  for (size_t step = 0; step < doc["passes"].size(); ++step) {
    const Document& pass = doc["passes"][step];
    std::vector<std::string> rows, left;
    std::map<std::string, size_t> times;
    for (const Document& note : doc["notes"]) {
      if (note["step"] == step) ++times[text_of(note["what"])];
    }
    for (const Document& note : doc["notes"]) {
      if (note["step"] != step) continue;
      const std::string what = text_of(note["what"]), node = text_of(note["node"]);
      const bool is_left = note["left_as_it_was"].get<bool>();
      const bool named = !node.empty() && (is_left || times[what] == 1);
      (is_left ? left : rows)
          .push_back((is_left ? "left: " : "") + (named ? node + ": " : "") + what);
    }
    const bool changed = pass["changed_something"].get<bool>();
    if (!changed && rows.empty() && left.empty()) continue;
    if (changed && rows.empty()) rows.push_back("changes without a note");
    page.line(fmt::format("{:<24}{} -> {} nodes", text_of(pass["pass"]),
                          pass["nodes_before"].get<size_t>(), pass["nodes_after"].get<size_t>()));
    page.counted(rows);
    if (left.size() > kMostRows) {
      const size_t more = left.size() - kMostRows;
      left.resize(kMostRows);
      left.push_back(fmt::format("left: {} more", more));
    }
    page.counted(left);
  }
  for (const Document& note : doc["import_notes"]) page.line("import: " + text_of(note));
}

// "MatMul: opencl refuses (quant: weight): the weight is quantized to u4"
std::string answer_text(const Document& answer) {
  std::string text = text_of(answer["backend"]) + " " + text_of(answer["answer"]);
  std::string details = text_of(answer["code"]);
  if (answer["what"].is_string()) details += ", " + text_of(answer["what"]);
  if (answer["found"].is_number())
    details +=
        fmt::format(", found {}, limit {}", text_of(answer["found"]), text_of(answer["limit"]));
  if (!details.empty()) text += " (" + details + ")";
  return text + (answer["why"].is_string() ? ": " + text_of(answer["why"]) : "");
}

void add_placement(Page& page, const Document& doc) {
  page.heading("BACKENDS");
  for (const Document& backend : doc["backends"]) {
    page.line(fmt::format("{:<12}{} ({}), {}, computes in {}", text_of(backend["name"]),
                          text_of(backend["device"]), text_of(backend["driver"]),
                          text_of(backend["type"]), text_of(backend["memory"])));
  }
  for (size_t phase = 0; phase < doc["phases"].size(); ++phase) {
    page.heading("PLACEMENT of " + text_of(doc["phases"][phase]["name"]) + ", asked in the order " +
                 joined(doc["phases"][phase]["backends"]));
    std::vector<std::string> rows;
    for (const Document& node : doc["nodes"]) {
      const Document& where = node["phases"][phase];
      std::string row = text_of(node["op"]) + " on " + text_of(where["backend"]);
      if (where["fixed_shapes"].get<bool>()) row += ", at fixed shapes";
      for (const Document& answer : where["answers"]) {
        if (answer["answer"] != "runs it" && answer["answer"] != "would run it")
          row += "; " + answer_text(answer);
      }
      rows.push_back(std::move(row));
    }
    page.counted(rows);
  }
}

void add_nodes(Page& page, const Document& doc) {
  page.heading("NODES, in order");
  std::vector<std::string> kinds(doc["nodes"].size()), rows;
  for (size_t i = 0; i < kinds.size(); ++i) kinds[i] = std::to_string(i);
  for (const Document& repeat : doc["repeats"]) {
    const size_t first = repeat["first"], period = repeat["period"];
    for (size_t i = 0; i < period * repeat["count"].get<size_t>(); ++i)
      kinds[first + i] = std::to_string(first + i % period);
  }
  for (const Document& node : doc["nodes"]) {
    std::string where;
    for (const Document& phase : node["phases"])
      where += (where.empty() ? "" : "/") + text_of(phase["backend"]);
    const Document& out = node["outputs"].empty() ? Document() : node["outputs"][0];
    rows.push_back(fmt::format("{:<22}{:<12}{:<24}{}", text_of(node["op"]), where,
                               out.is_null() ? "" : text_of(out["type"]), text_of(node["name"])));
  }
  page.folded(kinds, rows);
}

void add_dims(Page& page, const Document& doc) {
  page.heading("DIMS");
  for (const Document& symbol : doc["symbols"]) {
    page.line(fmt::format("{:<12}{} to {}", text_of(symbol["name"]), text_of(symbol["least"]),
                          symbol["most"].is_null() ? "any" : text_of(symbol["most"])));
  }
  const Document& slots = doc["phases"][0]["slots"];
  page.line(
      fmt::format("{} expression{} computed before a run:", slots.size(), plural(slots.size())));
  for (const Document& slot : slots) {
    page.line(fmt::format("  {:<28}{} to {}", text_of(slot["expression"]), text_of(slot["least"]),
                          slot["most"].is_null() ? "any" : text_of(slot["most"])));
  }
}

std::string island_text(const Document& island) {
  std::string text = fmt::format(
      "{:<12}{:>4} node{} in {} unit{}, {} in, {} out, {} of constants, {}",
      text_of(island["backend"]), island["nodes"].size(), plural(island["nodes"].size()),
      island["units"].get<size_t>(), plural(island["units"].get<size_t>()),
      island["inputs"].get<size_t>(), island["outputs"].get<size_t>(),
      size_text(island["constant_bytes"]), text_of(island["shapes"]));
  for (const auto& [dim, value] : island["fixed_dims"].items())
    text += ", " + dim + " = " + text_of(value);
  return text;
}

void add_phase(Page& page, const Document& phase) {
  const std::string of = " of " + text_of(phase["name"]);
  std::vector<std::string> islands;
  for (const Document& island : phase["islands"]) islands.push_back(island_text(island));
  page.heading("PROGRAMS TO COMPILE" + of);
  page.folded(islands, islands);

  if (!phase["copies"].empty()) {
    page.heading("COPIES between memories" + of);
    std::vector<std::string> kinds, rows;
    for (const Document& copy : phase["copies"]) {
      const Document& bytes = copy["bytes"];
      std::string size = size_text(bytes["most"]);
      if (bytes.contains("one_token"))
        size = size_text(bytes["one_token"]) + " a token, " + size_text(bytes["longest_run"]) +
               " the longest run";
      kinds.push_back(text_of(copy["from"]) + text_of(copy["to"]) + text_of(copy["type"]));
      rows.push_back(text_of(copy["value"]) + " " + text_of(copy["type"]) + ", " + size + ": " +
                     text_of(copy["why"]));
    }
    page.folded(kinds, rows);
  }
  page.heading("TASKS" + of + ", in order");
  std::vector<std::string> kinds, rows;
  for (size_t i = 0; i < phase["tasks"].size(); ++i) {
    const Document& task = phase["tasks"][i];
    if (task["kind"] == "copy") {
      kinds.push_back("copy");
      rows.push_back(fmt::format("{:>4}  copy  {}", i, text_of(task["value"])));
    } else {
      const Document& island = phase["islands"][task["island"].get<size_t>()];
      const size_t count = island["nodes"].size();
      kinds.push_back(fmt::format("{} {}", text_of(task["backend"]), count));
      rows.push_back(fmt::format("{:>4}  run   {} node{} on {}", i, count, plural(count),
                                 text_of(task["backend"])));
    }
    if (!task["needs"].empty()) rows.back() += ", after " + joined(task["needs"]);
  }
  page.folded(kinds, rows);
}

void add_memory(Page& page, const Document& doc) {
  const Document& memory = doc["memory"];
  page.heading("MEMORY, before programs want any");
  for (const Document& row : memory["formats"]) {
    page.line(fmt::format("{:<14}{} in {} tensor{}", "weights ", size_text(row["bytes"]),
                          row["tensors"].get<size_t>(), plural(row["tensors"].get<size_t>())) +
              ", " + text_of(row["format"]));
  }
  for (const Document& row : memory["weights_read_by"])
    page.line(fmt::format("{:<14}{} of constants read by {}", "", size_text(row["bytes"]),
                          text_of(row["backend"])));
  if (memory["cache_bytes"].get<int64_t>() > 0) {
    page.line(fmt::format("{:<14}{} for {} positions, {} per 1024", "KV cache",
                          size_text(memory["cache_bytes"]), memory["capacity"].get<int64_t>(),
                          size_text(memory["cache_bytes_per_1024"])));
  }
  for (const Document& phase : doc["phases"]) {
    for (const Document& arena : phase["arenas"]) {
      page.line(fmt::format("{:<14}{} in {} for {}, {} without reuse over {} values", "activations",
                            size_text(arena["bytes"]), text_of(arena["domain"]),
                            text_of(phase["name"]), size_text(arena["sum_of_values"]),
                            arena["lifetimes"].size()));
      if (arena["plan"] == "max") {
        page.line(fmt::format("{:<14}max plan: one place for the longest run", ""));
        continue;
      }
      page.line(
          fmt::format("{:<14}elastic plan: {} for one token, {} for the longest run, in bytes", "",
                      size_text(arena["one_token"]), size_text(arena["longest_run"])));
      page.line(fmt::format("{:<14}{}", "", text_of(arena["expression"])));
    }
  }
  page.line(fmt::format("{:<14}{}, {} while a first start packs the weights", "in all",
                        size_text(memory["total_bytes"]), size_text(memory["first_start_bytes"])));
}

}  // namespace

std::string explanation_text(const Document& document) {
  Page page;
  add_summary(page, document);
  add_rewrites(page, document);
  add_placement(page, document);
  add_nodes(page, document);
  add_dims(page, document);
  for (const Document& phase : document["phases"]) add_phase(page, phase);
  add_memory(page, document);
  return page.take();
}

}  // namespace weft::cli
