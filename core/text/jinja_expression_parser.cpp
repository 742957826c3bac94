// Recursive descent over the grammar in the header; one function per kind of expression.
#include "core/text/jinja_expression_parser.h"

#include <charconv>
#include <string>

#include "core/text/jinja_parser.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

// Operators of one binding strength each, loosest first; `not`, comparison and `~` lie between.
enum Level : int {
  level_or,
  level_and,
  level_not,
  level_sum,
  level_concat,
  level_product,
  level_power
};

bool is_operator(int level, const Token& token) {
  const std::string& t = token.text;
  if (token.kind == TokenKind::name)
    return (level == level_or && t == "or") || (level == level_and && t == "and");
  if (token.kind != TokenKind::mark) return false;
  switch (level) {
    case level_sum:
      return t == "+" || t == "-";
    case level_product:
      return t == "*" || t == "/" || t == "//" || t == "%";
    case level_power:
      return t == "**";
    default:
      return false;
  }
}

bool is_comparison(const std::string& t) {
  return t == "==" || t == "!=" || t == "<" || t == "<=" || t == ">" || t == ">=";
}

Result<Value> number_value(const Token& token) {
  const char *begin = token.text.data(), *end = begin + token.text.size();
  if (token.kind == TokenKind::real) {
    double value = 0;
    const auto parsed = std::from_chars(begin, end, value);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return Value(value);
  } else {
    int base = 10;
    if (token.text.size() > 2 && !(token.text[1] >= '0' && token.text[1] <= '9')) {
      base = (token.text[1] | 0x20) == 'x' ? 16 : (token.text[1] | 0x20) == 'o' ? 8 : 2;
      begin += 2;
    }
    int64_t value = 0;
    const auto parsed = std::from_chars(begin, end, value, base);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return Value(value);
  }
  return error_at(token.line, "the number " + token.text + " is out of range or malformed");
}

template <typename... Parts>
std::vector<ExprPtr> parts_of(Parts... parts) {
  std::vector<ExprPtr> out;
  (out.push_back(std::move(parts)), ...);
  return out;
}

}  // namespace

Token ExpressionParser::next() {
  Token token = current();
  if (token.kind != TokenKind::end) ++at_;
  return token;
}

bool ExpressionParser::at(TokenKind kind, std::string_view text) const {
  return current().kind == kind && (text.empty() || current().text == text);
}

bool ExpressionParser::skip_if(TokenKind kind, std::string_view text) {
  if (!at(kind, text)) return false;
  next();
  return true;
}

Result<Token> ExpressionParser::expect(TokenKind kind, std::string_view text, const char* what) {
  if (!at(kind, text)) return unexpected(what);
  return next();
}

Error ExpressionParser::unexpected(const char* wanted) const {
  std::string found = "'" + current().text + "'";
  switch (current().kind) {
    case TokenKind::end:
      found = "the end of the template";
      break;
    case TokenKind::block_end:
      found = "'%}'";
      break;
    case TokenKind::variable_end:
      found = "'}}'";
      break;
    case TokenKind::block_begin:
      found = "'{%'";
      break;
    case TokenKind::variable_begin:
      found = "'{{'";
      break;
    case TokenKind::string:
      found = "the string " + quote(current().text.substr(0, 40));
      break;
    default:
      break;
  }
  return error_at(current().line, std::string("expected ") + wanted + ", found " + found);
}

Status ExpressionParser::enter() {
  if (nesting_ >= max_nesting)
    return error_at(current().line,
                    "the template nests deeper than " + std::to_string(max_nesting) + " levels");
  ++nesting_;
  return {};
}

Result<ExprPtr> ExpressionParser::make(ExprKind kind, int line, std::string name,
                                       std::vector<ExprPtr> parts) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = line;
  expr->name = std::move(name);
  for (const ExprPtr& part : parts)
    if (part) expr->depth = std::max(expr->depth, part->depth + 1);
  // A long chain such as a + b + c ... nests to the left without the parser recursing.
  if (expr->depth > 2 * max_nesting)
    return error_at(line, "the expression has more than " + std::to_string(2 * max_nesting) +
                              " operators in a row");
  expr->parts = std::move(parts);
  return expr;
}

Result<ExprPtr> ExpressionParser::make_call(ExprKind kind, int line, std::string name,
                                            ExprPtr callee, CallArgs args) {
  ExprPtr expr = TRY(make(kind, line, std::move(name), parts_of(std::move(callee))));
  const auto deepen = [&](const ExprPtr& arg) {
    if (arg) expr->depth = std::max(expr->depth, arg->depth + 1);
  };
  for (const ExprPtr& arg : args.positional) deepen(arg);
  for (const auto& [key, arg] : args.named) deepen(arg);
  deepen(args.star);
  deepen(args.stars);
  expr->args = std::move(args);
  return expr;
}

Result<ExprPtr> ExpressionParser::expression() {
  TRY(enter());
  ExprPtr expr = TRY(conditional());
  leave();
  return expr;
}

Result<ExprPtr> ExpressionParser::conditional() {
  ExprPtr expr = TRY(binary(level_or));
  while (at(TokenKind::name, "if")) {
    const int line = next().line;
    ExprPtr condition = TRY(binary(level_or)), otherwise;
    if (skip_if(TokenKind::name, "else")) otherwise = TRY(expression());
    expr = TRY(make(ExprKind::conditional, line, "",
                    parts_of(std::move(expr), std::move(condition), std::move(otherwise))));
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::binary(int level) {
  if (level == level_not) return negation();
  if (level == level_concat) return concatenation();
  const auto operand = [&] { return level == level_power ? unary(true) : binary(level + 1); };
  ExprPtr left = TRY(operand());
  while (is_operator(level, current())) {
    const Token op = next();
    ExprPtr right = TRY(operand());
    left =
        TRY(make(ExprKind::binary, op.line, op.text, parts_of(std::move(left), std::move(right))));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::negation() {
  if (!at(TokenKind::name, "not")) return comparison();
  const int line = next().line;
  TRY(enter());
  ExprPtr operand = TRY(negation());
  leave();
  return make(ExprKind::unary, line, "not", parts_of(std::move(operand)));
}

Result<ExprPtr> ExpressionParser::comparison() {
  ExprPtr first = TRY(binary(level_sum));
  std::vector<ExprPtr> parts;
  std::vector<std::string> operators;
  const int line = current().line;
  while (true) {
    if (at(TokenKind::mark) && is_comparison(current().text)) {
      operators.push_back(next().text);
    } else if (skip_if(TokenKind::name, "in")) {
      operators.push_back("in");
    } else if (at(TokenKind::name, "not") && ahead().kind == TokenKind::name &&
               ahead().text == "in") {
      next();
      next();
      operators.push_back("not in");
    } else {
      break;
    }
    parts.push_back(TRY(binary(level_sum)));
  }
  if (operators.empty()) return first;
  parts.insert(parts.begin(), std::move(first));
  ExprPtr expr = TRY(make(ExprKind::compare, line, "", std::move(parts)));
  expr->operators = std::move(operators);
  return expr;
}

Result<ExprPtr> ExpressionParser::concatenation() {
  std::vector<ExprPtr> parts = parts_of(TRY(binary(level_product)));
  const int line = current().line;
  while (skip_if(TokenKind::mark, "~")) parts.push_back(TRY(binary(level_product)));
  if (parts.size() == 1) return std::move(parts[0]);
  return make(ExprKind::concat, line, "", std::move(parts));
}

Result<ExprPtr> ExpressionParser::unary(bool with_filter) {
  ExprPtr expr;
  if (at(TokenKind::mark, "-") || at(TokenKind::mark, "+")) {
    const Token sign = next();
    TRY(enter());
    ExprPtr operand = TRY(unary(false));
    leave();
    expr = TRY(make(ExprKind::unary, sign.line, sign.text, parts_of(std::move(operand))));
  } else {
    expr = TRY(primary());
  }
  expr = TRY(postfix(std::move(expr)));
  while (with_filter) {
    if (at(TokenKind::mark, "|"))
      expr = TRY(filters(std::move(expr), false));
    else if (at(TokenKind::name, "is"))
      expr = TRY(test(std::move(expr)));
    else if (at(TokenKind::mark, "("))
      expr = TRY(postfix(std::move(expr)));
    else
      break;
  }
  return expr;
}

Result<ExprPtr> ExpressionParser::primary() {
  const int line = current().line;
  if (at(TokenKind::name)) return name_or_constant();
  if (at(TokenKind::mark, "[")) return list_literal();
  if (at(TokenKind::mark, "{")) return dict_literal();
  if (skip_if(TokenKind::mark, "(")) {
    ExprPtr inner = TRY(tuple(true, true, {}));
    TRY(expect(TokenKind::mark, ")", "')'"));
    return inner;
  }
  Value value;
  if (at(TokenKind::string)) {
    std::string text = next().text;
    while (at(TokenKind::string)) text += next().text;
    value = Value(std::move(text));
  } else if (at(TokenKind::integer) || at(TokenKind::real)) {
    value = TRY(number_value(next()));
  } else {
    return unexpected("an expression");
  }
  ExprPtr constant = TRY(make(ExprKind::constant, line, "", {}));
  constant->value = std::move(value);
  return constant;
}

Result<ExprPtr> ExpressionParser::name_or_constant() {
  const Token token = next();
  const std::string& t = token.text;
  const bool is_true = t == "true" || t == "True", is_none = t == "none" || t == "None";
  if (is_true || is_none || t == "false" || t == "False") {
    ExprPtr constant = TRY(make(ExprKind::constant, token.line, "", {}));
    constant->value = is_none ? Value(None{}) : Value(is_true);
    return constant;
  }
  mentions.caller |= t == "caller";
  mentions.varargs |= t == "varargs";
  mentions.kwargs |= t == "kwargs";
  return make(ExprKind::name, token.line, t, {});
}

Result<ExprPtr> ExpressionParser::tuple(bool with_conditional, bool in_parentheses,
                                        std::string_view end_name) {
  const auto at_end = [&] {
    return at(TokenKind::block_end) || at(TokenKind::variable_end) || at(TokenKind::mark, ")") ||
           (!end_name.empty() && at(TokenKind::name, end_name));
  };
  TRY(enter());
  const int line = current().line;
  std::vector<ExprPtr> parts;
  bool is_tuple = false;
  while (!at_end()) {
    parts.push_back(TRY(with_conditional ? expression() : unconditional()));
    if (!skip_if(TokenKind::mark, ",")) break;
    is_tuple = true;
  }
  leave();
  if (parts.size() == 1 && !is_tuple) return std::move(parts[0]);
  if (parts.empty() && !in_parentheses) return unexpected("an expression");
  return make(ExprKind::tuple, line, "", std::move(parts));
}

Result<ExprPtr> ExpressionParser::list_literal() {
  const int line = next().line;
  std::vector<ExprPtr> parts;
  while (!at(TokenKind::mark, "]")) {
    parts.push_back(TRY(expression()));
    if (!skip_if(TokenKind::mark, ",")) break;
  }
  TRY(expect(TokenKind::mark, "]", "',' or ']'"));
  return make(ExprKind::list, line, "", std::move(parts));
}

Result<ExprPtr> ExpressionParser::dict_literal() {
  const int line = next().line;
  std::vector<ExprPtr> parts;
  while (!at(TokenKind::mark, "}")) {
    parts.push_back(TRY(expression()));
    TRY(expect(TokenKind::mark, ":", "':'"));
    parts.push_back(TRY(expression()));
    if (!skip_if(TokenKind::mark, ",")) break;
  }
  TRY(expect(TokenKind::mark, "}", "',' or '}'"));
  return make(ExprKind::dict, line, "", std::move(parts));
}

}  // namespace weft::text::jinja
