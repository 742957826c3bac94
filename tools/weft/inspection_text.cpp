// An inspection for people: a label at the left, one fact a line, nothing that says nothing.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/weft/inspection.h"

namespace weft::cli {

namespace {

constexpr size_t kLabel = 14, kWidth = 96;

std::string size_text(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", double(bytes) / 1024);
  return fmt::format("{:.1f} MiB", double(bytes) / (1 << 20));
}

// Lines with a label before the first.
class Sheet {
 public:
  void line(const std::string& label, const std::string& text) {
    text_ += fmt::format("{:<{}}{}\n", label == last_ ? "" : label, kLabel, text);
    last_ = label;
  }
  // Items one behind the other, over as many lines as they need.
  void list(const std::string& label, const std::string& head,
            const std::vector<std::string>& items) {
    std::string text = head;
    for (size_t i = 0; i < items.size(); ++i) {
      const std::string item = items[i] + (i + 1 < items.size() ? "," : "");
      if (kLabel + text.size() + 1 + item.size() > kWidth && text.size() > head.size()) {
        line(label, text);
        text = std::string(head.size(), ' ');
      }
      text += (text.empty() || text.back() == ' ' ? "" : " ") + item;
    }
    line(label, text);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_, last_;
};

// "past.12.key" as "past.*.key"
std::string without_numbers(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit)
      out += c;
    else if (!out.ends_with('*'))
      out += '*';
  }
  return out;
}

// Ports of one type whose names differ in numbers only are one line.
void add_ports(Sheet& sheet, const std::string& label,
               const std::vector<onnx::FileSummary::Port>& ports) {
  struct Group {
    std::string pattern, name, type;
    size_t count = 1;
  };
  std::vector<Group> groups;
  for (const auto& port : ports) {
    const std::string pattern = without_numbers(port.name);
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return group.pattern == pattern && group.type == port.type;
    });
    if (same == groups.end()) {
      groups.push_back({pattern, port.name, port.type});
    } else {
      ++same->count;
      same->name = pattern;
    }
  }
  size_t width = 0;
  for (const Group& group : groups) width = std::max(width, group.name.size());
  for (const Group& group : groups) {
    const std::string times = group.count > 1 ? fmt::format("  x {}", group.count) : "";
    sheet.line(label, fmt::format("{:<{}}  {}{}", group.name, width, group.type, times));
  }
}

void add_file(Sheet& sheet, const Inspection& inspection) {
  const onnx::FileSummary& file = inspection.file;
  sheet.line("file", fmt::format("{}, {}", file.path.string(), size_text(file.size_bytes)));
  for (const auto& external : file.external) {
    sheet.line("file", external.size_bytes < 0 ? external.name + ", missing"
                                               : fmt::format("{}, {}, {} of it used", external.name,
                                                             size_text(external.size_bytes),
                                                             size_text(external.used_bytes)));
  }
  if (!inspection.beside.empty()) sheet.list("beside it", "", inspection.beside);
  if (file.ops.empty()) return;
  std::vector<std::string> opsets;
  for (const auto& opset : file.opsets)
    opsets.push_back(fmt::format("{} {}", opset.domain, opset.version));
  sheet.line("format", fmt::format("ONNX IR {}{}", file.ir_version,
                                   file.producer.empty() ? "" : ", by " + file.producer));
  sheet.list("opsets", "", opsets);
  add_ports(sheet, "inputs", file.inputs);
  add_ports(sheet, "outputs", file.outputs);
  std::map<std::string, std::vector<std::string>> domains;
  for (const auto& op : file.ops)
    domains[op.domain].push_back(fmt::format("{} {}", op.op, op.count));
  size_t width = 0;
  for (const auto& [domain, ops] : domains) width = std::max(width, domain.size());
  for (const auto& [domain, ops] : domains)
    sheet.list("ops in file", fmt::format("{:<{}}  ", domain, width), ops);
  if (file.functions > 0)
    sheet.line("ops in file", fmt::format("{} local functions", file.functions));
}

void add_weights(Sheet& sheet, const WeightFacts& weights) {
  sheet.line("parameters", fmt::format("{}", weights.parameters));
  size_t width = 0;
  for (const auto& row : weights.rows) width = std::max(width, row.format.size());
  for (const auto& row : weights.rows) {
    sheet.line("weights", fmt::format("{:<{}}  {} in {} tensor{}, {} elements", row.format, width,
                                      size_text(row.bytes), row.tensors,
                                      row.tensors == 1 ? "" : "s", row.elements));
  }
}

void add_architecture(Sheet& sheet, const Architecture& a, int64_t longest_context) {
  std::vector<std::string> facts;
  if (a.layers) facts.push_back(fmt::format("{} layer{}", *a.layers, *a.layers == 1 ? "" : "s"));
  if (a.hidden) facts.push_back(fmt::format("hidden {}", *a.hidden));
  if (a.heads && a.kv_heads) {
    facts.push_back(fmt::format("{} heads, {} of keys and values", *a.heads, *a.kv_heads));
  } else if (a.heads) {
    facts.push_back(fmt::format("{} heads", *a.heads));
  }
  if (a.head_size) facts.push_back(fmt::format("head size {}", *a.head_size));
  if (a.feed_forward) facts.push_back(fmt::format("feed-forward {}", *a.feed_forward));
  if (a.vocabulary) facts.push_back(fmt::format("vocabulary {}", *a.vocabulary));
  if (longest_context > 0) facts.push_back(fmt::format("context {}", longest_context));
  if (!facts.empty()) sheet.list("architecture", "", facts);
}

// One line per pass: how often it did the same thing.
void add_rewrites(Sheet& sheet, const std::vector<passes::Note>& notes) {
  std::vector<std::pair<const passes::Note*, size_t>> groups;
  for (const passes::Note& note : notes) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return group.first->pass == note.pass && group.first->what == note.what;
    });
    if (same == groups.end())
      groups.emplace_back(&note, 1);
    else
      ++same->second;
  }
  size_t width = 0;
  for (const auto& [note, count] : groups) width = std::max(width, note->pass.size());
  for (const auto& [note, count] : groups) {
    const std::string node = count == 1 && !note->node.empty() ? note->node + ": " : "";
    const std::string times = count > 1 ? fmt::format("{} x ", count) : "";
    sheet.line("rewrites",
               fmt::format("{:<{}}  {}{}{}", note->pass, width, times, node, note->what));
  }
}

void add_plan(Sheet& sheet, const EnginePlan& plan) {
  add_rewrites(sheet, plan.rewrites());
  std::vector<std::string> ops;
  for (const auto& [op, count] : op_counts(plan.graph()))
    ops.push_back(fmt::format("{} {}", op, count));
  sheet.list("ops to run", "", ops);
  sheet.line("placement", plan.placement().line());
  for (const std::string& reason : plan.placement().reasons) sheet.line("placement", reason);
  const PlannedMemory memory = plan.memory();
  const int64_t capacity = plan.options().capacity;
  sheet.line("memory", fmt::format("weights {}", size_text(memory.weights)));
  if (memory.cache > 0) {
    sheet.line("memory",
               fmt::format("KV cache {} for {} positions, {} per 1024", size_text(memory.cache),
                           capacity, size_text(memory.cache / capacity * 1024)));
  }
  const bool decoder = memory.cache > 0;
  sheet.line(
      "memory",
      fmt::format("activations {}{}", size_text(memory.arena),
                  decoder ? fmt::format(", runs of at most {} tokens", plan.options().chunk) : ""));
  sheet.line("memory",
             fmt::format("about {} in all, {} while a first start packs the weights",
                         size_text(memory.total()), size_text(memory.total() + memory.weights)));
}

}  // namespace

std::string to_text(const Inspection& inspection) {
  Sheet sheet;
  add_file(sheet, inspection);
  if (inspection.weights) add_weights(sheet, *inspection.weights);
  if (inspection.architecture)
    add_architecture(sheet, *inspection.architecture, inspection.folder.longest_context);
  for (const std::string& note : inspection.notes) sheet.line("import", note);
  if (inspection.plan) add_plan(sheet, *inspection.plan);
  for (const std::string& warning : warnings(inspection)) sheet.line("warnings", warning);
  return sheet.take();
}

}  // namespace weft::cli
