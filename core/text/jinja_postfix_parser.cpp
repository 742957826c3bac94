// The part of the expression grammar that stands behind a primary: .name, [index], [a:b:c], calls,
// filters and tests; and the targets of assignments.
#include <string>

#include "core/text/jinja_expression_parser.h"

namespace weft::text::jinja {
namespace {

std::vector<ExprPtr> one(ExprPtr part) {
  std::vector<ExprPtr> parts;
  parts.push_back(std::move(part));
  return parts;
}

}  // namespace

Result<ExprPtr> ExpressionParser::postfix(ExprPtr expr) {
  while (true) {
    const int line = current().line;
    if (skip_if(TokenKind::mark, ".")) {
      if (at(TokenKind::integer)) {  // a.0 is a[0]
        std::vector<ExprPtr> parts = one(std::move(expr));
        parts.push_back(TRY(primary()));
        expr = TRY(make(ExprKind::subscript, line, "", std::move(parts)));
      } else {
        const Token name = TRY(expect(TokenKind::name, {}, "a name after '.'"));
        expr = TRY(make(ExprKind::attribute, line, name.text, one(std::move(expr))));
      }
    } else if (skip_if(TokenKind::mark, "[")) {
      expr = TRY(subscript(std::move(expr)));
    } else if (at(TokenKind::mark, "(")) {
      CallArgs args = TRY(call_args());
      expr = TRY(make_call(ExprKind::call, line, "", std::move(expr), std::move(args)));
    } else {
      return expr;
    }
  }
}

Result<ExprPtr> ExpressionParser::subscript(ExprPtr object) {
  const int line = current().line;
  std::vector<ExprPtr> parts = one(std::move(object));
  bool slice = false;
  while (parts.size() < 4) {
    if (!at(TokenKind::mark, ":") && !at(TokenKind::mark, "]"))
      parts.push_back(TRY(expression()));
    else
      parts.push_back(nullptr);
    if (!skip_if(TokenKind::mark, ":")) break;
    slice = true;
  }
  if (!slice && !parts[1]) return unexpected("an index");
  TRY(expect(TokenKind::mark, "]", "']'"));
  if (slice) parts.resize(4);
  return make(slice ? ExprKind::slice : ExprKind::subscript, line, "", std::move(parts));
}

Result<CallArgs> ExpressionParser::call_args() {
  TRY(expect(TokenKind::mark, "(", "'('"));
  CallArgs args;
  while (!at(TokenKind::mark, ")")) {
    TRY(call_arg(args));
    if (!skip_if(TokenKind::mark, ",")) break;
  }
  TRY(expect(TokenKind::mark, ")", "',' or ')'"));
  return args;
}

Status ExpressionParser::call_arg(CallArgs& args) {
  const int line = current().line;
  if (skip_if(TokenKind::mark, "*")) {
    if (args.star || args.stars) return error_at(line, "a call takes one '*' before any '**'");
    args.star = TRY(expression());
  } else if (skip_if(TokenKind::mark, "**")) {
    if (args.stars) return error_at(line, "a call takes one '**'");
    args.stars = TRY(expression());
  } else if (at(TokenKind::name) && ahead().kind == TokenKind::mark && ahead().text == "=") {
    if (args.stars) return error_at(line, "no argument may follow '**'");
    std::string name = next().text;
    next();
    for (const auto& [other, value] : args.named)
      if (other == name) return error_at(line, "the argument '" + name + "' is given twice");
    args.named.emplace_back(std::move(name), TRY(expression()));
  } else {
    if (args.star || args.stars || !args.named.empty())
      return error_at(line, "a positional argument follows a named one");
    args.positional.push_back(TRY(expression()));
  }
  return {};
}

Result<ExprPtr> ExpressionParser::filters(ExprPtr input, bool bare) {
  while (bare || skip_if(TokenKind::mark, "|")) {
    bare = false;
    const Token name = TRY(expect(TokenKind::name, {}, "the name of a filter"));
    CallArgs args;
    if (at(TokenKind::mark, "(")) args = TRY(call_args());
    input =
        TRY(make_call(ExprKind::filter, name.line, name.text, std::move(input), std::move(args)));
  }
  return input;
}

Result<ExprPtr> ExpressionParser::test(ExprPtr input) {
  const int line = next().line;
  const bool negated = skip_if(TokenKind::name, "not");
  const Token name = TRY(expect(TokenKind::name, {}, "the name of a test"));
  CallArgs args;
  const bool has_operand = at(TokenKind::string) || at(TokenKind::integer) || at(TokenKind::real) ||
                           at(TokenKind::mark, "[") || at(TokenKind::mark, "{") ||
                           (at(TokenKind::name) && !at(TokenKind::name, "else") &&
                            !at(TokenKind::name, "or") && !at(TokenKind::name, "and"));
  if (at(TokenKind::mark, "(")) {
    args = TRY(call_args());
  } else if (has_operand) {
    if (at(TokenKind::name, "is")) return error_at(line, "tests with 'is' cannot be chained");
    ExprPtr operand = TRY(primary());
    args.positional.push_back(TRY(postfix(std::move(operand))));
  }
  ExprPtr expr = TRY(make_call(ExprKind::test, line, name.text, std::move(input), std::move(args)));
  if (!negated) return expr;
  return make(ExprKind::unary, line, "not", one(std::move(expr)));
}

Result<ExprPtr> ExpressionParser::target(bool with_attribute, std::string_view end_name) {
  const int line = current().line;
  std::vector<ExprPtr> parts;
  bool is_tuple = false;
  TRY(enter());
  while (true) {
    if (skip_if(TokenKind::mark, "(")) {
      parts.push_back(TRY(target(with_attribute, {})));
      TRY(expect(TokenKind::mark, ")", "')'"));
    } else {
      const Token token = TRY(expect(TokenKind::name, {}, "a name to assign to"));
      const std::string& t = token.text;
      if (t == "true" || t == "false" || t == "none" || t == "True" || t == "False" || t == "None")
        return error_at(token.line, "'" + t + "' cannot be assigned to");
      ExprPtr name = TRY(make(ExprKind::name, token.line, t, {}));
      if (with_attribute && skip_if(TokenKind::mark, ".")) {
        const Token attribute = TRY(expect(TokenKind::name, {}, "a name after '.'"));
        name = TRY(make(ExprKind::attribute, token.line, attribute.text, one(std::move(name))));
      }
      parts.push_back(std::move(name));
    }
    if (!skip_if(TokenKind::mark, ",")) break;
    is_tuple = true;
    if (at(TokenKind::mark, ")") || at(TokenKind::mark, "=") || at(TokenKind::block_end) ||
        (!end_name.empty() && at(TokenKind::name, end_name)))
      break;
  }
  leave();
  if (!is_tuple) return std::move(parts[0]);
  return make(ExprKind::tuple, line, "", std::move(parts));
}

}  // namespace weft::text::jinja
