// Filters whose input is one text, one number or anything: value|upper, value|default("x").
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/text/jinja_format.h"
#include "core/text/jinja_functions.h"
#include "core/text/jinja_operators.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

Result<Value> text_filter(Budget& budget, const Value& input, const Args& args,
                          std::string (*change)(std::string_view)) {
  TRY(bind(args, {}));
  return make_string(budget, change(TRY(to_string(budget, input))));
}

Result<Value> upper_filter(Budget& budget, const Value& input, const Args& args) {
  return text_filter(budget, input, args, upper);
}
Result<Value> lower_filter(Budget& budget, const Value& input, const Args& args) {
  return text_filter(budget, input, args, lower);
}
Result<Value> capitalize_filter(Budget& budget, const Value& input, const Args& args) {
  return text_filter(budget, input, args, capitalize);
}

// Unlike str.title(), the filter starts a word after white space and -({[< only.
Result<Value> title_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  const std::string text = TRY(to_string(budget, input));
  std::string out;
  bool starts_word = true;
  for (std::string_view character : characters(text)) {
    out += starts_word ? upper(character) : lower(character);
    starts_word = is_space(code_point(character)) ||
                  std::string_view("-({[<").find(character) != std::string_view::npos;
  }
  return make_string(budget, std::move(out));
}

Result<Value> trim_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"chars"}));
  const std::string text = TRY(to_string(budget, input));
  const std::string* chars = bound[0].is(Kind::string) ? &bound[0].string() : nullptr;
  return make_string(budget, std::string(strip(text, chars, true, true)));
}

Result<Value> string_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  return make_string(budget, TRY(to_string(budget, input)));
}

Result<Value> escape_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  std::string out;
  for (const char c : TRY(to_string(budget, input))) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '\'')
      out += "&#39;";
    else if (c == '"')
      out += "&#34;";
    else
      out += c;
  }
  return make_string(budget, std::move(out));
}

Result<Value> replace_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"old", "new", "count"}));
  const std::string text = TRY(to_string(budget, input)), from = TRY(to_string(budget, bound[0])),
                    to = TRY(to_string(budget, bound[1]));
  return replace_text(budget, text, from, to, TRY(integer_or(bound[2], -1, "count")));
}

Result<Value> indent_filter(Budget& budget, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"width", "first", "blank"}));
  if (!input.is(Kind::string))
    return Error(std::string("only text can be indented, not a value of type ") +
                 input.type_name());
  std::string prefix;
  if (bound[0].is(Kind::string)) {
    prefix = bound[0].string();
  } else {
    const int64_t width = TRY(integer_or(bound[0], 4, "width"));
    if (width > 1000) return Error("an indentation has at most 1000 spaces");
    prefix.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool first = boolean_or(bound[1], false), blank = boolean_or(bound[2], false);
  const std::string text = input.string() + "\n";
  std::string out;
  bool at_first = true;
  for (std::string_view line : split_lines(text)) {
    TRY(budget.charge_text(prefix.size() + line.size()));
    if (!at_first) out += '\n';
    if (at_first ? first : blank || !line.empty()) out += prefix;
    out += line;
    at_first = false;
    if (out.size() > static_cast<size_t>(budget.text_bytes_max)) break;
  }
  return make_string(budget, std::move(out));
}

Result<Value> wordcount_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  int64_t words = 0;
  bool inside = false;
  const std::string text = TRY(to_string(budget, input));
  for (std::string_view character : characters(text)) {
    const bool part = character == "_" || is_alphanumeric(code_point(character));
    if (part && !inside) ++words;
    inside = part;
  }
  return Value(words);
}

Result<Value> format_filter(Budget& budget, const Value& input, const Args& args) {
  const std::string format = TRY(to_string(budget, input));
  if (args.named.empty())
    return format_percent(budget, format, TRY(make_list(budget, args.positional, Sequence::tuple)));
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : args.named) TRY(dict->set(Value(name), value));
  return format_percent(budget, format, Value(std::shared_ptr<const Dict>(std::move(dict))));
}

// A text as Python's float() reads it; false if it is none.
bool read_real(std::string_view text, double& out) {
  std::string digits(strip(text, nullptr, true, true));
  std::erase(digits, '_');
  const char *begin = digits.data(), *end = begin + digits.size();
  if (begin != end && *begin == '+') ++begin;
  const auto parsed = std::from_chars(begin, end, out);
  if (parsed.ec == std::errc::result_out_of_range) out = std::strtod(begin, nullptr);
  return begin != end && parsed.ptr == end;
}

bool read_integer(std::string_view text, int base, int64_t& out) {
  std::string digits = lower(strip(text, nullptr, true, true));
  std::erase(digits, '_');
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.erase(0, 1);
  const std::string prefix = digits.substr(0, 2);
  if ((base == 16 && prefix == "0x") || (base == 8 && prefix == "0o") ||
      (base == 2 && prefix == "0b"))
    digits.erase(0, 2);
  if (digits.empty() || digits[0] == '-') return false;
  if (negative) digits.insert(0, "-");
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, out, base);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

Result<Value> real_to_integer(double real, const Value& fallback) {
  if (!std::isfinite(real)) return fallback;
  if (std::fabs(real) >= 9.2e18) return Error("the number does not fit a 64-bit integer");
  return Value(static_cast<int64_t>(real));
}

Result<Value> int_filter(Budget&, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"default", "base"}));
  const Value fallback = bound[0].is(Kind::undefined) ? Value(int64_t{0}) : bound[0];
  const int64_t base = TRY(integer_or(bound[1], 10, "base"));
  if (base < 2 || base > 36) return Error("the base lies between 2 and 36");
  if (input.is(Kind::undefined)) return Error(input.reason());
  if (input.is_integral()) return Value(input.integer());
  if (input.is(Kind::real)) return real_to_integer(input.real(), fallback);
  if (!input.is(Kind::string)) return fallback;
  int64_t value = 0;
  if (read_integer(input.string(), static_cast<int>(base), value)) return Value(value);
  double real = 0;
  if (read_real(input.string(), real)) return real_to_integer(real, fallback);
  return fallback;
}

Result<Value> float_filter(Budget&, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"default"}));
  if (input.is(Kind::undefined)) return Error(input.reason());
  if (input.is_number()) return Value(input.real());
  double value = 0;
  if (input.is(Kind::string) && read_real(input.string(), value)) return Value(value);
  return bound[0].is(Kind::undefined) ? Value(0.0) : bound[0];
}

Result<Value> abs_filter(Budget& budget, const Value& input, const Args& args) {
  TRY(bind(args, {}));
  if (input.is(Kind::undefined)) return Error(input.reason());
  if (!input.is_number())
    return Error(std::string("a value of type ") + input.type_name() + " has no absolute value");
  if (input.is(Kind::real)) return Value(std::fabs(input.real()));
  if (input.integer() >= 0) return Value(input.integer());
  return arithmetic(budget, "-", Value(int64_t{0}), input);
}

Result<Value> round_filter(Budget&, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"precision", "method"}));
  const int64_t precision = TRY(integer_or(bound[0], 0, "precision"));
  const std::string method = bound[1].is(Kind::string) ? bound[1].string() : "common";
  if (!input.is_number())
    return Error(std::string("a value of type ") + input.type_name() + " cannot be rounded");
  if (precision < -300 || precision > 300) return Error("the precision lies within 300 digits");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return Value(std::ceil(input.real() * scale) / scale);
  if (method == "floor") return Value(std::floor(input.real() * scale) / scale);
  if (method != "common") return Error("the method is 'common', 'ceil' or 'floor'");
  if (input.is_integral() && precision >= 0) return Value(input.integer());
  if (!std::isfinite(input.real())) return input;
  if (precision < 0) {
    const double rounded = std::nearbyint(input.real() * scale) / scale;
    if (input.is_integral()) return real_to_integer(rounded, Value(int64_t{0}));
    return Value(rounded);
  }
  // The C library rounds the exact binary value to decimal digits, as Python does.
  char buffer[700];
  std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), input.real());
  return Value(std::strtod(buffer, nullptr));
}

Result<Value> default_filter(Budget&, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"default_value", "boolean"}));
  const bool given = !args.positional.empty() || !args.named.empty();
  if (!input.is(Kind::undefined) && (input.truthy() || !boolean_or(bound[1], false))) return input;
  return given ? bound[0] : Value(std::string());
}

Result<Value> attr_filter(Budget&, const Value& input, const Args& args) {
  const Values bound = TRY(bind(args, {"name"}));
  if (!bound[0].is(Kind::string)) return Error("the name of an attribute is a string");
  if (input.is(Kind::dict) && !has_method(input, bound[0].string()))
    return Value::undefined("a dict has no attribute '" + bound[0].string() + "'");
  return get_attribute(input, bound[0].string());
}

}  // namespace

const std::vector<FilterEntry>& scalar_filters() {
  static const std::vector<FilterEntry> table = {
      {"upper", upper_filter},
      {"lower", lower_filter},
      {"capitalize", capitalize_filter},
      {"title", title_filter},
      {"trim", trim_filter},
      {"string", string_filter},
      {"safe", string_filter},
      {"escape", escape_filter},
      {"e", escape_filter},
      {"forceescape", escape_filter},
      {"replace", replace_filter},
      {"indent", indent_filter},
      {"wordcount", wordcount_filter},
      {"format", format_filter},
      {"int", int_filter},
      {"float", float_filter},
      {"abs", abs_filter},
      {"round", round_filter},
      {"default", default_filter},
      {"d", default_filter},
      {"attr", attr_filter},
      {"tojson", to_json},
  };
  return table;
}

}  // namespace weft::text::jinja
