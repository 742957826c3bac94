// Formatting of values into text. Widths and precisions are limited, since they come from
// templates.
#include "core/text/jinja_format.h"

#include <algorithm>
#include <cstdio>

#include "core/text/jinja_operators.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

constexpr int64_t max_width = 1000;

// [[fill]align][sign][#][0][width][,][.precision][type], the parts of one place in a format.
struct Spec {
  std::string fill = " ";
  char align = '\0';
  char sign = '-';
  bool alternate = false, comma = false, repr = false;
  int64_t width = 0, precision = -1;
  char type = '\0';
};

Result<int64_t> read_number(std::string_view text, size_t& at) {
  int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + (text[at++] - '0');
    if (value > max_width) return Error("a width or precision is at most 1000");
  }
  return value;
}

std::string pad(std::string text, const Spec& spec, char natural_align) {
  const int64_t missing = spec.width - count_characters(text);
  if (missing <= 0) return text;
  const char align = spec.align ? spec.align : natural_align;
  const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  // '=' puts the fill between the sign and the digits.
  size_t head = 0;
  if (align == '=' && !text.empty() && std::string_view("+- ").find(text[0]) != std::string::npos)
    head = 1;
  std::string out = text.substr(0, head);
  for (int64_t i = 0; i < left; ++i) out += spec.fill;
  out += text.substr(head);
  for (int64_t i = left; i < missing; ++i) out += spec.fill;
  return out;
}

void add_commas(std::string& digits) {
  size_t end = digits.find_first_not_of("0123456789");
  if (end == std::string::npos) end = digits.size();
  for (size_t at = end; at > 3; at -= 3) digits.insert(at - 3, ",");
}

std::string with_sign(std::string digits, bool negative, const Spec& spec) {
  if (spec.comma) add_commas(digits);
  if (negative) return "-" + digits;
  return spec.sign == '-' ? digits : spec.sign + digits;
}

std::string integer_text(int64_t value, const Spec& spec) {
  uint64_t rest =
      value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const unsigned base = spec.type == 'x' || spec.type == 'X' ? 16
                        : spec.type == 'o'                   ? 8
                        : spec.type == 'b'                   ? 2
                                                             : 10;
  const char* digit = spec.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do digits.insert(digits.begin(), digit[rest % base]);
  while ((rest /= base) != 0);
  if (spec.alternate && base != 10) digits = std::string("0") + spec.type + digits;
  return with_sign(digits, value < 0, spec);
}

std::string real_text(double value, const Spec& spec) {
  char type = spec.type == '%' ? 'f' : spec.type;
  const double shown = spec.type == '%' ? value * 100 : value;
  if (!type && spec.precision < 0) {
    std::string digits = format_float(shown);
    const bool negative = digits[0] == '-';
    return with_sign(negative ? digits.substr(1) : digits, negative, spec);
  }
  if (!type) type = 'g';
  const char format[] = {'%', '.', '*', type, '\0'};
  char buffer[1500];
  std::snprintf(buffer, sizeof buffer, format,
                static_cast<int>(spec.precision < 0 ? 6 : spec.precision), shown);
  const bool negative = buffer[0] == '-';
  std::string out = with_sign(negative ? buffer + 1 : buffer, negative, spec);
  return spec.type == '%' ? out + "%" : out;
}

bool is_real_type(char type) {
  return type && std::string_view("eEfFgG%").find(type) != std::string::npos;
}
bool is_integer_type(char type) {
  return type && std::string_view("dxXob").find(type) != std::string::npos;
}

Result<std::string> place(Budget& budget, const Value& value, const Spec& spec) {
  if (is_integer_type(spec.type)) {
    if (!value.is_integral())
      return Error(std::string("the format '") + spec.type +
                   "' takes an integer, not a value of type " + value.type_name());
    return pad(integer_text(value.integer(), spec), spec, '>');
  }
  if (is_real_type(spec.type)) {
    if (!value.is_number())
      return Error(std::string("the format '") + spec.type +
                   "' takes a number, not a value of type " + value.type_name());
    return pad(real_text(value.real(), spec), spec, '>');
  }
  if (!spec.repr && !spec.type && value.is(Kind::integer))
    return pad(integer_text(value.integer(), spec), spec, '>');
  if (!spec.repr && !spec.type && value.is(Kind::real))
    return pad(real_text(value.real(), spec), spec, '>');
  std::string text = TRY(spec.repr ? to_repr(budget, value) : to_string(budget, value));
  if (spec.precision >= 0 && spec.precision < count_characters(text)) {
    const auto all = characters(text);
    size_t size = 0;
    for (int64_t i = 0; i < spec.precision; ++i) size += all[static_cast<size_t>(i)].size();
    text.resize(size);
  }
  return pad(std::move(text), spec, '<');
}

// The flags, width, precision and type after a '%'; `at` moves past them.
Result<Spec> percent_spec(std::string_view format, size_t& at) {
  Spec spec;
  spec.align = '>';
  for (; at < format.size() && std::string_view("-+ #0").find(format[at]) != std::string::npos;
       ++at) {
    if (format[at] == '-')
      spec.align = '<';
    else if (format[at] == '#')
      spec.alternate = true;
    else if (format[at] == '0')
      spec.fill = "0";
    else if (spec.sign != '+')
      spec.sign = format[at];
  }
  spec.width = TRY(read_number(format, at));
  if (at < format.size() && format[at] == '.') spec.precision = TRY(read_number(format, ++at));
  if (at >= format.size()) return Error("the format ends inside a '%' place");
  spec.type = format[at++];
  if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
  if (std::string_view("srdxXoeEfFgGc%").find(spec.type) == std::string::npos)
    return Error(std::string("the format '%") + spec.type + "' is not known");
  const bool numeric = is_integer_type(spec.type) || is_real_type(spec.type);
  if (!numeric || spec.align == '<')
    spec.fill = " ";
  else if (spec.fill == "0")
    spec.align = '=';
  return spec;
}

Result<std::string> percent_place(Budget& budget, Spec spec, Value value) {
  // %d takes a float and drops its fraction.
  if (spec.type == 'd' && value.is(Kind::real)) value = TRY(call_filter(budget, "int", value, {}));
  if (spec.type == 'c' && value.is_integral())
    value = Value(
        encode_utf8(static_cast<char32_t>(std::clamp<int64_t>(value.integer(), 0, 0x110000))));
  spec.repr = spec.type == 'r';
  if (spec.type == 's' || spec.type == 'r' || spec.type == 'c') {
    spec.type = '\0';
    if (!spec.repr) value = Value(TRY(to_string(budget, value)));
  }
  return place(budget, value, spec);
}

// The text after a ':' in a "{}" place.
Result<Spec> brace_spec(std::string_view text) {
  Spec spec;
  const auto is_align = [](std::string_view c) {
    return c == "<" || c == ">" || c == "^" || c == "=";
  };
  const auto all = characters(text);
  size_t at = 0;
  if (all.size() > 1 && is_align(all[1])) {
    spec.fill = all[0];
    spec.align = all[1][0];
    at = all[0].size() + 1;
  } else if (!all.empty() && is_align(all[0])) {
    spec.align = all[0][0];
    at = 1;
  }
  const auto take = [&](char c) { return at < text.size() && text[at] == c && ++at; };
  if (take('+'))
    spec.sign = '+';
  else if (take(' '))
    spec.sign = ' ';
  else
    take('-');
  spec.alternate = take('#');
  if (take('0') && !spec.align) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = TRY(read_number(text, at));
  spec.comma = take(',');
  if (take('.')) spec.precision = TRY(read_number(text, at));
  if (at < text.size()) spec.type = text[at++];
  const bool known =
      !spec.type || spec.type == 's' || is_integer_type(spec.type) || is_real_type(spec.type);
  if (at != text.size() || !known) return Error("the format " + quote(text) + " is not known");
  return spec;
}

// The value that the name part of a "{}" place stands for: "", "0", "name", "0.key", "name[key]".
Result<Value> field_value(std::string_view name, const Args& args, size_t& next_place) {
  const size_t cut = std::min(name.find_first_of(".["), name.size());
  const std::string_view head = name.substr(0, cut);
  std::string_view path = name.substr(cut);
  Value value;
  if (head.find_first_not_of("0123456789") == std::string_view::npos) {
    size_t at = 0;
    const size_t index =
        head.empty() ? next_place++ : static_cast<size_t>(TRY(read_number(head, at)));
    if (index >= args.positional.size())
      return Error("the format has a place for value " + std::to_string(index) +
                   ", which is missing");
    value = args.positional[index];
  } else {
    const auto found = std::find_if(args.named.begin(), args.named.end(),
                                    [&](const auto& arg) { return arg.first == head; });
    if (found == args.named.end())
      return Error("the format has a place for '" + std::string(head) + "', which is missing");
    value = found->second;
  }
  while (!path.empty()) {
    const bool bracket = path[0] == '[';
    const size_t end =
        bracket ? path.find(']') : std::min(path.find_first_of(".[", 1), path.size());
    if (end == std::string_view::npos) return Error("a '[' in the format has no ']'");
    const std::string key(path.substr(1, end - 1));
    if (bracket && !key.empty() && key.find_first_not_of("0123456789") == std::string::npos) {
      size_t at = 0;
      value = TRY(get_item(value, Value(TRY(read_number(key, at)))));
    } else {
      value = TRY(bracket ? get_item(value, Value(key)) : get_attribute(value, key));
    }
    path.remove_prefix(bracket ? end + 1 : end);
  }
  return value;
}

}  // namespace

Result<Value> format_percent(Budget& budget, std::string_view format, const Value& operand) {
  const bool tuple = operand.is(Kind::list) && operand.list().sequence == Sequence::tuple;
  const Values values = tuple ? operand.list().items : Values{operand};
  size_t used = 0;
  bool by_name = false;
  std::string out;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    ++at;
    Value value;
    bool named = false;
    if (at < format.size() && format[at] == '(') {
      const size_t close = format.find(')', at);
      if (close == std::string_view::npos) return Error("a '%(' in the format has no ')'");
      const std::string key(format.substr(at + 1, close - at - 1));
      if (!operand.is(Kind::dict)) return Error("a format with names takes a dict");
      const Value* found = operand.dict().find(Value(key));
      if (!found) return Error("the dict has no value for '%(" + key + ")'");
      value = *found;
      named = by_name = true;
      at = close + 1;
    }
    const Spec spec = TRY(percent_spec(format, at));
    if (spec.type == '%') {
      out += '%';
      continue;
    }
    if (!named && used >= values.size()) return Error("the format has more places than values");
    if (!named) value = values[used++];
    out += TRY(percent_place(budget, spec, value));
    TRY(budget.charge_text(out.size() > static_cast<size_t>(budget.text_bytes_max) ? out.size()
                                                                                   : 16));
  }
  const bool all_used = used == values.size() || by_name ||
                        (!tuple && (operand.is(Kind::dict) || operand.is(Kind::list)));
  if (!all_used) return Error("the format has fewer places than values");
  return make_string(budget, std::move(out));
}

Result<Value> format_braces(Budget& budget, std::string_view format, const Args& args) {
  std::string out;
  size_t next_place = 0;
  for (size_t at = 0; at < format.size();) {
    const char c = format[at];
    const bool doubled = at + 1 < format.size() && format[at + 1] == c;
    if ((c != '{' && c != '}') || doubled) {
      out += c;
      at += c == '{' || c == '}' ? 2 : 1;
      continue;
    }
    const size_t close = format.find('}', at);
    if (c == '}' || close == std::string_view::npos)
      return Error("a brace in the format has no partner");
    std::string_view inside = format.substr(at + 1, close - at - 1), spec_text;
    if (const size_t colon = inside.find(':'); colon != std::string_view::npos) {
      spec_text = inside.substr(colon + 1);
      inside = inside.substr(0, colon);
    }
    Spec spec = TRY(brace_spec(spec_text));
    const bool as_text = inside.ends_with("!s");
    spec.repr = inside.ends_with("!r");
    if (as_text || spec.repr) inside.remove_suffix(2);
    Value value = TRY(field_value(inside, args, next_place));
    if (as_text) value = Value(TRY(to_string(budget, value)));
    if (spec.type == 's' && !value.is(Kind::string) && !spec.repr)
      return Error("the format 's' takes a string");
    if (spec.type == 's') spec.type = '\0';
    out += TRY(place(budget, value, spec));
    TRY(budget.charge_text(out.size() > static_cast<size_t>(budget.text_bytes_max) ? out.size()
                                                                                   : 16));
    at = close + 1;
  }
  return make_string(budget, std::move(out));
}

}  // namespace weft::text::jinja
