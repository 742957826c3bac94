// The statement half of the parser: text, {{ output }} and every {% tag %}.
#include "core/text/jinja_parser.h"

#include <initializer_list>

#include "core/text/jinja_expression_parser.h"
#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

using NodePtr = std::unique_ptr<Node>;
using Words = std::initializer_list<const char*>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : in_(std::move(tokens)) {}

  Result<Nodes> run() {
    Nodes nodes = TRY(nodes_until({}));
    if (!in_.at(TokenKind::end)) return in_.unexpected("the end of the template");
    return nodes;
  }

 private:
  // Nodes up to a tag whose word is one of `ends`; the cursor stops at that word.
  Result<Nodes> nodes_until(Words ends) {
    TRY(in_.enter());
    Nodes nodes;
    while (!in_.at(TokenKind::end)) {
      const int line = in_.current().line;
      if (in_.at(TokenKind::data)) {
        nodes.push_back(make(NodeKind::data, line));
        nodes.back()->text = in_.next().text;
      } else if (in_.skip_if(TokenKind::variable_begin)) {
        nodes.push_back(make(NodeKind::output, line));
        nodes.back()->expr = TRY(in_.tuple(true, false, {}));
        TRY(in_.expect(TokenKind::variable_end, {}, "'}}'"));
      } else {
        TRY(in_.expect(TokenKind::block_begin, {}, "'{%'"));
        for (const char* end : ends)
          if (in_.at(TokenKind::name, end)) {
            in_.leave();
            return nodes;
          }
        nodes.push_back(TRY(statement()));
        TRY(in_.expect(TokenKind::block_end, {}, "'%}'"));
      }
    }
    in_.leave();
    return nodes;
  }

  // The body of a tag: from its '%}' to the word that ends it, which is left as the current token.
  Result<Nodes> body(const Node& node, Words ends) {
    in_.skip_if(TokenKind::mark, ":");
    TRY(in_.expect(TokenKind::block_end, {}, "'%}'"));
    Nodes nodes = TRY(nodes_until(ends));
    if (in_.at(TokenKind::end))
      return error_at(node.line,
                      std::string("the block that starts here has no '") + *(ends.end() - 1) + "'");
    return nodes;
  }

  Result<NodePtr> statement() {
    const Token word = TRY(in_.expect(TokenKind::name, {}, "a tag such as 'if' or 'for'"));
    const std::string& t = word.text;
    if (t == "if") return branch(word.line);
    if (t == "for") return for_loop(word.line);
    if (t == "set") return set(word.line);
    if (t == "macro") return macro(word.line);
    if (t == "call") return call_block(word.line);
    if (t == "filter") return filter(word.line);
    if (t == "with") return with(word.line);
    if (t == "generation") return generation(word.line);
    if (t == "break" || t == "continue") {
      if (loops_ == 0) return error_at(word.line, "'" + t + "' stands outside of a loop");
      return make(t == "break" ? NodeKind::break_loop : NodeKind::continue_loop, word.line);
    }
    for (const char* other : {"include", "import", "from", "extends", "block"})
      if (t == other)
        return error_at(word.line, "'" + t + "' is refused: a chat template is a single file");
    return error_at(word.line, "'" + t + "' is no tag that is known here");
  }

  Result<NodePtr> branch(int line) {
    NodePtr node = make(NodeKind::branch, line);
    while (true) {
      ExprPtr condition = TRY(in_.tuple(false, false, {}));
      Nodes nodes = TRY(body(*node, {"elif", "else", "endif"}));
      node->branches.emplace_back(std::move(condition), std::move(nodes));
      const std::string end = in_.next().text;
      if (end == "elif") continue;
      if (end == "else") {
        node->orelse = TRY(body(*node, {"endif"}));
        in_.next();
      }
      return node;
    }
  }

  Result<NodePtr> for_loop(int line) {
    NodePtr node = make(NodeKind::for_loop, line);
    node->target = TRY(in_.target(false, "in"));
    TRY(in_.expect(TokenKind::name, "in", "'in'"));
    node->expr = TRY(in_.tuple(false, false, "recursive"));
    if (in_.skip_if(TokenKind::name, "if")) node->condition = TRY(in_.expression());
    if (in_.at(TokenKind::name, "recursive"))
      return error_at(line, "a 'recursive' loop is not supported; a macro can call itself");
    ++loops_;
    node->body = TRY(body(*node, {"else", "endfor"}));
    --loops_;
    if (in_.next().text == "else") {
      node->orelse = TRY(body(*node, {"endfor"}));
      in_.next();
    }
    return node;
  }

  Result<NodePtr> set(int line) {
    NodePtr node = make(NodeKind::set, line);
    node->target = TRY(in_.target(true, {}));
    if (in_.skip_if(TokenKind::mark, "=")) {
      node->expr = TRY(in_.tuple(true, false, {}));
      return node;
    }
    node->kind = NodeKind::set_block;
    if (in_.at(TokenKind::mark, "|")) node->expr = TRY(in_.filters(nullptr, false));
    node->body = TRY(body(*node, {"endset"}));
    in_.next();
    return node;
  }

  Status parameters(Node& node) {
    TRY(in_.expect(TokenKind::mark, "(", "'('"));
    while (!in_.at(TokenKind::mark, ")")) {
      Parameter parameter;
      parameter.name = TRY(in_.expect(TokenKind::name, {}, "the name of a parameter")).text;
      if (in_.skip_if(TokenKind::mark, "="))
        parameter.fallback = TRY(in_.expression());
      else if (!node.parameters.empty() && node.parameters.back().fallback)
        return error_at(node.line, "the parameter '" + parameter.name +
                                       "' has no default but follows one that has");
      node.parameters.push_back(std::move(parameter));
      if (in_.at(TokenKind::mark, ")")) break;
      TRY(in_.expect(TokenKind::mark, ",", "',' or ')'"));
    }
    in_.next();
    return {};
  }

  // Parses a body that becomes a function: loops around it are out of reach for 'break'.
  Status function_body(Node& node, const char* end) {
    const auto outer_mentions = in_.mentions;
    const int outer_loops = std::exchange(loops_, 0);
    in_.mentions = {};
    node.body = TRY(body(node, {end}));
    in_.next();
    node.uses_caller = in_.mentions.caller;
    node.uses_varargs = in_.mentions.varargs;
    node.uses_kwargs = in_.mentions.kwargs;
    in_.mentions.caller |= outer_mentions.caller;
    in_.mentions.varargs |= outer_mentions.varargs;
    in_.mentions.kwargs |= outer_mentions.kwargs;
    loops_ = outer_loops;
    return {};
  }

  Result<NodePtr> macro(int line) {
    NodePtr node = make(NodeKind::macro, line);
    node->text = TRY(in_.expect(TokenKind::name, {}, "the name of the macro")).text;
    TRY(parameters(*node));
    TRY(function_body(*node, "endmacro"));
    return node;
  }

  Result<NodePtr> call_block(int line) {
    NodePtr node = make(NodeKind::call_block, line);
    node->text = "caller";
    if (in_.at(TokenKind::mark, "(")) TRY(parameters(*node));
    node->expr = TRY(in_.expression());
    if (node->expr->kind != ExprKind::call)
      return error_at(line, "'call' needs a call such as name(arguments)");
    TRY(function_body(*node, "endcall"));
    return node;
  }

  Result<NodePtr> filter(int line) {
    NodePtr node = make(NodeKind::filter, line);
    node->expr = TRY(in_.filters(nullptr, true));
    node->body = TRY(body(*node, {"endfilter"}));
    in_.next();
    return node;
  }

  Result<NodePtr> with(int line) {
    NodePtr node = make(NodeKind::with, line);
    while (!in_.at(TokenKind::block_end)) {
      if (!node->bindings.empty()) TRY(in_.expect(TokenKind::mark, ",", "','"));
      ExprPtr target = TRY(in_.target(false, {}));
      TRY(in_.expect(TokenKind::mark, "=", "'='"));
      ExprPtr value = TRY(in_.expression());
      node->bindings.emplace_back(std::move(target), std::move(value));
    }
    node->body = TRY(body(*node, {"endwith"}));
    in_.next();
    return node;
  }

  Result<NodePtr> generation(int line) {
    NodePtr node = make(NodeKind::scope, line);
    node->body = TRY(body(*node, {"endgeneration"}));
    in_.next();
    return node;
  }

  static NodePtr make(NodeKind kind, int line) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->line = line;
    return node;
  }

  ExpressionParser in_;
  int loops_ = 0;
};

}  // namespace

Result<Nodes> parse(std::string_view source) { return Parser(TRY(tokenize(source))).run(); }

std::string describe(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::name:
      return expr.name;
    case ExprKind::attribute:
      return describe(*expr.parts[0]) + "." + expr.name;
    case ExprKind::subscript:
      return describe(*expr.parts[0]) + "[" + describe(*expr.parts[1]) + "]";
    case ExprKind::slice:
      return describe(*expr.parts[0]) + "[...]";
    case ExprKind::call:
      return describe(*expr.parts[0]) + "(...)";
    case ExprKind::filter:
      return (expr.parts[0] ? describe(*expr.parts[0]) : "...") + "|" + expr.name;
    case ExprKind::constant:
      if (expr.value.is(Kind::string) && expr.value.string().size() <= 40)
        return quote(expr.value.string());
      if (expr.value.is(Kind::integer)) return std::to_string(expr.value.integer());
      return "...";
    default:
      return "(...)";
  }
}

}  // namespace weft::text::jinja
