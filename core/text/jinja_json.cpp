// The filter tojson: Python's json.dumps with the settings chat templates expect.
//
// Text is written as it is (ensure_ascii is off unless asked for) and nothing is escaped for HTML.
// Without an indent, items are separated by ", ", else by "," and a line end.
#include <algorithm>
#include <cmath>

#include "core/text/jinja_functions.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

struct Writer {
  explicit Writer(Budget& b) : budget(b) {}

  Budget& budget;
  bool ascii_only = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent, item_separator = ", ", key_separator = ": ";
  std::string out;

  void line(int depth) {
    if (!indented) return;
    out += '\n';
    for (int i = 0; i < depth; ++i) out += indent;
  }

  static std::string real_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return format_float(value);
  }

  Status list(const Values& items, int depth) {
    out += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i) out += item_separator;
      line(depth + 1);
      TRY(value(items[i], depth + 1));
    }
    if (!items.empty()) line(depth);
    out += ']';
    return {};
  }

  Status key(const Value& k) {
    std::string text;
    if (k.is(Kind::string))
      text = k.string();
    else if (k.is(Kind::none))
      text = "null";
    else if (k.is(Kind::boolean))
      text = k.boolean() ? "true" : "false";
    else if (k.is(Kind::real))
      text = real_text(k.real());
    else
      text = std::to_string(k.integer());
    out += quote_json(text, ascii_only) + key_separator;
    return budget.charge(static_cast<int64_t>(text.size() / 16));
  }

  Status dict(const Dict& from, int depth) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : from.entries) entries.push_back(&entry);
    if (sort_keys) {
      for (const auto* entry : entries)
        if (!entry->first.is(Kind::string)) return Error("only text keys can be sorted");
      std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
        return a->first.string() < b->first.string();
      });
    }
    out += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i) out += item_separator;
      line(depth + 1);
      TRY(key(entries[i]->first));
      TRY(value(entries[i]->second, depth + 1));
    }
    if (!entries.empty()) line(depth);
    out += '}';
    return {};
  }

  Status value(const Value& v, int depth) {
    TRY(budget.charge(1));
    // Shared parts can make the text of a small value huge, so it is checked as it grows.
    if (out.size() > static_cast<size_t>(budget.text_bytes_max))
      return budget.charge_text(out.size());
    switch (v.kind()) {
      case Kind::none:
        out += "null";
        return {};
      case Kind::boolean:
        out += v.boolean() ? "true" : "false";
        return {};
      case Kind::integer:
        out += std::to_string(v.integer());
        return {};
      case Kind::real:
        out += real_text(v.real());
        return {};
      case Kind::string:
        TRY(budget.charge_text(v.string().size()));
        out += quote_json(v.string(), ascii_only);
        return {};
      case Kind::dict:
        return dict(v.dict(), depth);
      case Kind::list:
        if (v.list().sequence == Sequence::list || v.list().sequence == Sequence::tuple)
          return list(v.list().items, depth);
        break;
      case Kind::undefined:
        return Error(v.reason() + ", so it has no JSON form");
      default:
        break;
    }
    return Error(std::string("a value of type ") + v.type_name() + " has no JSON form");
  }
};

}  // namespace

Result<Value> to_json(Budget& budget, const Value& value, const Args& args) {
  const Values bound = TRY(bind(args, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  Writer writer(budget);
  writer.ascii_only = boolean_or(bound[0], false);
  writer.sort_keys = boolean_or(bound[3], false);
  if (bound[1].is(Kind::string)) {
    writer.indented = true;
    writer.indent = bound[1].string();
  } else if (!bound[1].is(Kind::none) && !bound[1].is(Kind::undefined)) {
    const int64_t width = TRY(integer_or(bound[1], 0, "indent"));
    if (width > 100) return Error("an indentation has at most 100 spaces");
    writer.indented = true;
    writer.indent.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  if (writer.indent.size() > 100) return Error("an indentation has at most 100 bytes");
  if (writer.indented) writer.item_separator = ",";
  if (bound[2].is(Kind::list)) {
    const Values& pair = bound[2].list().items;
    if (pair.size() != 2 || !pair[0].is(Kind::string) || !pair[1].is(Kind::string))
      return Error("separators are two strings, as in (',', ':')");
    writer.item_separator = pair[0].string();
    writer.key_separator = pair[1].string();
  }
  TRY(writer.value(value, 0));
  return make_string(budget, std::move(writer.out));
}

}  // namespace weft::text::jinja
