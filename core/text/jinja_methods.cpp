// Methods of text, lists and dicts: the ones of Python that do not change their object.
#include <algorithm>

#include "core/text/jinja_format.h"
#include "core/text/jinja_functions.h"
#include "core/text/jinja_operators.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

using Method = Result<Value> (*)(Budget&, const Value& self, const std::string& name, const Args&);
struct MethodEntry {
  std::string_view name;
  Method run;
};

Result<std::string> text_argument(const Value& value, const char* name) {
  if (value.is(Kind::string)) return value.string();
  return Error(std::string("the argument '") + name + "' is a string, not a value of type " +
               value.type_name());
}

Result<Value> change_case(Budget& budget, const Value& self, const std::string& name,
                          const Args& args) {
  TRY(bind(args, {}));
  const auto change = name == "upper"        ? upper
                      : name == "capitalize" ? capitalize
                      : name == "title"      ? title
                                             : lower;
  return make_string(budget, change(self.string()));
}

Result<Value> strip_method(Budget& budget, const Value& self, const std::string& name,
                           const Args& args) {
  const Values bound = TRY(bind(args, {"chars"}));
  std::string chars;
  const bool given = !bound[0].is(Kind::undefined) && !bound[0].is(Kind::none);
  if (given) chars = TRY(text_argument(bound[0], "chars"));
  return make_string(budget, std::string(strip(self.string(), given ? &chars : nullptr,
                                               name != "rstrip", name != "lstrip")));
}

// Runs of white space separate; at most `limit` cuts from the left.
Values split_at_space(std::string_view text, int64_t limit) {
  Values parts;
  text = strip(text, nullptr, true, false);
  while (!text.empty()) {
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      parts.emplace_back(strip(text, nullptr, false, true));
      break;
    }
    size_t size = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view trimmed = strip(rest, nullptr, true, false);
      if (trimmed.size() != rest.size()) break;
      // One character further: continuation bytes belong to it.
      ++size;
      while (size < text.size() && (text[size] & 0xC0) == 0x80) ++size;
      rest = text.substr(size);
    }
    parts.emplace_back(text.substr(0, size));
    text = strip(text.substr(size), nullptr, true, false);
  }
  return parts;
}

Result<Value> split_method(Budget& budget, const Value& self, const std::string& name,
                           const Args& args) {
  const Values bound = TRY(bind(args, {"sep", "maxsplit"}));
  const int64_t limit = TRY(integer_or(bound[1], -1, "maxsplit"));
  const bool from_right = name == "rsplit";
  std::string_view rest = self.string();
  if (bound[0].is(Kind::undefined) || bound[0].is(Kind::none)) {
    if (from_right && limit >= 0) return Error("rsplit with a limit needs a separator");
    return make_list(budget, split_at_space(rest, limit));
  }
  const std::string separator = TRY(text_argument(bound[0], "sep"));
  if (separator.empty()) return Error("the separator is empty");
  Values parts;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    const size_t at = from_right ? rest.rfind(separator) : rest.find(separator);
    if (at == std::string_view::npos) break;
    const std::string_view left = rest.substr(0, at), right = rest.substr(at + separator.size());
    parts.emplace_back(from_right ? right : left);
    rest = from_right ? left : right;
  }
  parts.emplace_back(rest);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return make_list(budget, std::move(parts));
}

Result<Value> splitlines_method(Budget& budget, const Value& self, const std::string&,
                                const Args& args) {
  TRY(bind(args, {}));
  Values lines;
  for (std::string_view line : split_lines(self.string())) lines.emplace_back(line);
  return make_list(budget, std::move(lines));
}

Result<Value> partition_method(Budget& budget, const Value& self, const std::string& name,
                               const Args& args) {
  const Values bound = TRY(bind(args, {"sep"}));
  const std::string separator = TRY(text_argument(bound[0], "sep"));
  if (separator.empty()) return Error("the separator is empty");
  const std::string& text = self.string();
  const bool right = name == "rpartition";
  const size_t at = right ? text.rfind(separator) : text.find(separator);
  if (at == std::string::npos) {
    const Value none(""), all(text);
    return make_list(budget, right ? Values{none, none, all} : Values{all, none, none},
                     Sequence::tuple);
  }
  return make_list(budget, {text.substr(0, at), separator, text.substr(at + separator.size())},
                   Sequence::tuple);
}

Result<Value> affix_method(Budget&, const Value& self, const std::string& name, const Args& args) {
  const Values bound = TRY(bind(args, {"affix"}));
  const std::string_view text = self.string();
  Values candidates = {bound[0]};
  if (bound[0].is(Kind::list)) candidates = bound[0].list().items;
  for (const Value& candidate : candidates) {
    const std::string affix = TRY(text_argument(candidate, "affix"));
    if (name == "startswith" ? text.starts_with(affix) : text.ends_with(affix)) return Value(true);
  }
  return Value(false);
}

Result<Value> remove_affix_method(Budget& budget, const Value& self, const std::string& name,
                                  const Args& args) {
  const Values bound = TRY(bind(args, {"affix"}));
  const std::string affix = TRY(text_argument(bound[0], "affix"));
  std::string_view text = self.string();
  if (name == "removeprefix" && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (name == "removesuffix" && text.ends_with(affix)) text.remove_suffix(affix.size());
  return make_string(budget, std::string(text));
}

Result<Value> replace_method(Budget& budget, const Value& self, const std::string&,
                             const Args& args) {
  const Values bound = TRY(bind(args, {"old", "new", "count"}));
  const std::string from = TRY(text_argument(bound[0], "old")),
                    to = TRY(text_argument(bound[1], "new"));
  return replace_text(budget, self.string(), from, to, TRY(integer_or(bound[2], -1, "count")));
}

Result<Value> find_method(Budget&, const Value& self, const std::string& name, const Args& args) {
  const Values bound = TRY(bind(args, {"sub"}));
  const std::string part = TRY(text_argument(bound[0], "sub"));
  const std::string& text = self.string();
  if (name == "count") return Value(count_occurrences(text, part));
  const bool right = name == "rfind" || name == "rindex";
  const size_t at = right ? text.rfind(part) : text.find(part);
  if (at != std::string::npos) return Value(count_characters(std::string_view(text).substr(0, at)));
  if (name == "find" || name == "rfind") return Value(int64_t{-1});
  return Error("the text does not contain " + quote(part));
}

Result<Value> join_method(Budget& budget, const Value& self, const std::string&, const Args& args) {
  const Values bound = TRY(bind(args, {"iterable"}));
  const auto list = TRY(iterate(budget, bound[0]));
  for (const Value& item : list->items) TRY(text_argument(item, "iterable"));
  return call_filter(budget, "join", bound[0], {{self}, {}});
}

Result<Value> classify_method(Budget&, const Value& self, const std::string& name,
                              const Args& args) {
  TRY(bind(args, {}));
  const std::string& text = self.string();
  if (name == "isupper" || name == "islower") return Value(all_cased(text, name == "isupper"));
  bool all = !text.empty();
  for (std::string_view character : characters(text)) {
    const char32_t code = code_point(character);
    all = all && (name == "isspace"   ? is_space(code)
                  : name == "isalpha" ? is_letter(code)
                  : name == "isalnum" ? is_alphanumeric(code)
                                      : is_alphanumeric(code) && !is_letter(code));
  }
  return Value(all);
}

Result<Value> pad_method(Budget& budget, const Value& self, const std::string& name,
                         const Args& args) {
  const Values bound = TRY(bind(args, {"width", "fillchar"}));
  const int64_t width = TRY(integer_or(bound[0], 0, "width"));
  std::string fill = name == "zfill" ? "0" : " ", text = self.string();
  if (!bound[1].is(Kind::undefined)) fill = TRY(text_argument(bound[1], "fillchar"));
  if (count_characters(fill) != 1) return Error("the fill is one character");
  const int64_t missing = std::max<int64_t>(0, width - count_characters(text));
  if (missing > 100000) return Error("a text is padded by at most 100000 characters");
  // str.center puts the odd character left only if the width is odd.
  const int64_t left = name == "ljust"    ? 0
                       : name == "center" ? missing / 2 + (missing & width & 1)
                                          : missing;
  const bool has_sign = name == "zfill" && !text.empty() && (text[0] == '-' || text[0] == '+');
  std::string out = has_sign ? text.substr(0, 1) : "";
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += has_sign ? text.substr(1) : text;
  for (int64_t i = left; i < missing; ++i) out += fill;
  return make_string(budget, std::move(out));
}

Result<Value> format_method(Budget& budget, const Value& self, const std::string&,
                            const Args& args) {
  return format_braces(budget, self.string(), args);
}

Result<Value> list_search(Budget& budget, const Value& self, const std::string& name,
                          const Args& args) {
  const Values bound = TRY(bind(args, {"value"}));
  const Values& items = self.list().items;
  int64_t count = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!TRY(equal(budget, items[i], bound[0]))) continue;
    if (name == "index") return Value(static_cast<int64_t>(i));
    ++count;
  }
  if (name == "index") return Error("the list does not contain the value");
  return Value(count);
}

Result<Value> get_method(Budget&, const Value& self, const std::string&, const Args& args) {
  const Values bound = TRY(bind(args, {"key", "default"}));
  if (const Value* found = self.dict().find(bound[0])) return *found;
  return args.positional.size() + args.named.size() > 1 ? bound[1] : Value(None{});
}

Result<Value> view_method(Budget& budget, const Value& self, const std::string& name,
                          const Args& args) {
  TRY(bind(args, {}));
  Values out;
  for (const auto& [key, value] : self.dict().entries) {
    if (name == "keys")
      out.push_back(key);
    else if (name == "values")
      out.push_back(value);
    else
      out.push_back(TRY(make_list(budget, {key, value}, Sequence::tuple)));
  }
  return make_list(budget, std::move(out), Sequence::view);
}

Result<Value> copy_method(Budget&, const Value& self, const std::string&, const Args& args) {
  TRY(bind(args, {}));
  return self;  // values do not change, so a copy cannot be told from the original
}

Result<Value> cycle_method(Budget&, const Value& self, const std::string&, const Args& args) {
  if (args.positional.empty()) return Error("there is nothing to cycle through");
  return args.positional[static_cast<size_t>(self.loop().index0) % args.positional.size()];
}

constexpr MethodEntry string_methods[] = {
    {"upper", change_case},
    {"lower", change_case},
    {"capitalize", change_case},
    {"title", change_case},
    {"casefold", change_case},
    {"strip", strip_method},
    {"lstrip", strip_method},
    {"rstrip", strip_method},
    {"split", split_method},
    {"rsplit", split_method},
    {"splitlines", splitlines_method},
    {"partition", partition_method},
    {"rpartition", partition_method},
    {"startswith", affix_method},
    {"endswith", affix_method},
    {"removeprefix", remove_affix_method},
    {"removesuffix", remove_affix_method},
    {"replace", replace_method},
    {"find", find_method},
    {"rfind", find_method},
    {"index", find_method},
    {"rindex", find_method},
    {"count", find_method},
    {"join", join_method},
    {"isupper", classify_method},
    {"islower", classify_method},
    {"isspace", classify_method},
    {"isalpha", classify_method},
    {"isalnum", classify_method},
    {"isdigit", classify_method},
    {"isnumeric", classify_method},
    {"isdecimal", classify_method},
    {"zfill", pad_method},
    {"ljust", pad_method},
    {"rjust", pad_method},
    {"center", pad_method},
    {"format", format_method},
};
constexpr MethodEntry list_methods[] = {
    {"index", list_search}, {"count", list_search}, {"copy", copy_method}};
constexpr MethodEntry dict_methods[] = {{"get", get_method},
                                        {"keys", view_method},
                                        {"values", view_method},
                                        {"items", view_method},
                                        {"copy", copy_method}};
constexpr MethodEntry loop_methods[] = {{"cycle", cycle_method}};

Method find_method_of(const Value& object, std::string_view name) {
  const auto search = [&](const auto& table) -> Method {
    for (const MethodEntry& entry : table)
      if (entry.name == name) return entry.run;
    return nullptr;
  };
  if (object.is(Kind::string)) return search(string_methods);
  if (object.is(Kind::dict)) return search(dict_methods);
  if (object.is(Kind::loop)) return search(loop_methods);
  if (object.is(Kind::list) && object.list().sequence == Sequence::list)
    return search(list_methods);
  if (object.is(Kind::list) && object.list().sequence == Sequence::tuple && name != "copy")
    return search(list_methods);
  return nullptr;
}

}  // namespace

bool has_method(const Value& object, std::string_view name) {
  return find_method_of(object, name) != nullptr;
}

bool is_mutator(const Value& object, std::string_view name) {
  static constexpr std::string_view of_list[] = {"append", "clear",  "extend",  "insert",
                                                 "pop",    "remove", "reverse", "sort"};
  static constexpr std::string_view of_dict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  const auto has = [&](const auto& table) {
    return std::find(std::begin(table), std::end(table), name) != std::end(table);
  };
  if (object.is(Kind::list)) return object.list().sequence == Sequence::list && has(of_list);
  return object.is(Kind::dict) && has(of_dict);
}

Result<Value> call_method(Budget& budget, const Value& object, const std::string& name,
                          const Args& args) {
  const Method run = find_method_of(object, name);
  if (!run) return Error("there is no method '" + name + "'");
  TRY(budget.charge(object.is(Kind::string) ? static_cast<int64_t>(object.string().size() / 32)
                                            : 1));
  return TRY(run(budget, object, name, args), "the method '" + name + "'");
}

}  // namespace weft::text::jinja
