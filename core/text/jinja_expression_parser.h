// The expression half of the parser: a cursor over tokens and the grammar of expressions.
//
//   conditional  a if b else c
//   or, and, not, compare (chains, in, not in)
//   + -    then ~    then * / // %    then **    then unary + -
//   primary, with .name [index] (call) behind it, and | filter, is test behind that
//
// A filter binds tighter than any operator but not tighter than a unary one: -1|abs is (-1)|abs.
#pragma once

#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/text/jinja_ast.h"
#include "core/text/jinja_lexer.h"

namespace weft::text::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // The cursor. The last token is `end` and is never passed.
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token next();
  bool at(TokenKind kind, std::string_view text = {}) const;
  bool skip_if(TokenKind kind, std::string_view text = {});
  Result<Token> expect(TokenKind kind, std::string_view text, const char* what);
  Error unexpected(const char* wanted) const;

  Result<ExprPtr> expression();
  // An expression without `a if b else c`, for the places where `if` means something else.
  Result<ExprPtr> unconditional() { return binary(0); }
  // One expression or `a, b` as a tuple. `end_name` is a word that may follow the last comma.
  Result<ExprPtr> tuple(bool with_conditional, bool in_parentheses, std::string_view end_name);
  // What can be assigned to: a name, a tuple of targets, and `ns.attribute` if allowed.
  Result<ExprPtr> target(bool with_attribute, std::string_view end_name);
  // `| name(args)` any number of times around `input`; with `bare`, the first has no bar.
  Result<ExprPtr> filters(ExprPtr input, bool bare);

  // Entering one level of nesting; fails beyond max_nesting. Pair with leave().
  Status enter();
  void leave() { --nesting_; }

  // Names read since the flags were last cleared that a macro gets only if it mentions them.
  struct Mentions {
    bool caller = false, varargs = false, kwargs = false;
  } mentions;

 private:
  Result<ExprPtr> make(ExprKind kind, int line, std::string name, std::vector<ExprPtr> parts);
  Result<ExprPtr> make_call(ExprKind kind, int line, std::string name, ExprPtr callee,
                            CallArgs args);
  Result<ExprPtr> conditional();
  Result<ExprPtr> binary(int level);
  Result<ExprPtr> negation();
  Result<ExprPtr> comparison();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> unary(bool with_filter);
  Result<ExprPtr> primary();
  Result<ExprPtr> name_or_constant();
  Result<ExprPtr> list_literal();
  Result<ExprPtr> dict_literal();
  Result<ExprPtr> postfix(ExprPtr expr);
  Result<ExprPtr> subscript(ExprPtr object);
  Result<ExprPtr> test(ExprPtr input);
  Result<CallArgs> call_args();
  Status call_arg(CallArgs& args);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace weft::text::jinja
