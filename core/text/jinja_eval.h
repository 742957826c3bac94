// Runs a parsed template: one Interpreter per rendering.
//
// Names live in scopes. A loop's pass, a macro's call, a block set, a filter block and a with block
// open one; what is set inside does not leak out, which is why templates use namespace(). `if`
// opens none. Scopes live until the rendering ends if a macro was made inside them, since macros
// look names up where they were defined.
#pragma once

#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/text/jinja_ast.h"
#include "core/text/jinja_functions.h"

namespace weft::text::jinja {

// What one rendering may use; see Budget. `depth` counts nested evaluations, macro calls included.
struct Limits {
  int64_t steps = 20'000'000;
  int64_t output_bytes = int64_t{64} << 20;
  int depth = 150;
};

struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string, Value>> names;

  // The value of `name` here or further out; null if nowhere.
  const Value* find(const std::string& name) const;
  void set(const std::string& name, Value value);
};

class Interpreter {
 public:
  Interpreter(const Limits& limits, const std::tm& now);

  // Gives the template a variable.
  void define(const std::string& name, Value value) { globals_.set(name, std::move(value)); }
  // The text that `nodes` make. Errors read "line N: ...". Call once.
  Result<std::string> run(const Nodes& nodes);

  Budget& budget() { return budget_; }

 private:
  enum class Flow { next, break_loop, continue_loop };

  // Statements (jinja_eval.cpp).
  Result<Flow> run_nodes(const Nodes& nodes, Scope& scope);
  Result<Flow> run_node(const Node& node, Scope& scope);
  Result<Flow> run_branch(const Node& node, Scope& scope);
  Result<Flow> run_for(const Node& node, Scope& scope);
  Result<Flow> run_pass(const Node& node, Scope& scope, const std::shared_ptr<Loop>& loop);
  Result<Values> loop_items(const Node& node, Scope& scope);
  Result<Flow> run_with(const Node& node, Scope& scope);
  Status run_set_block(const Node& node, Scope& scope);
  Status run_call_block(const Node& node, Scope& scope);
  Status assign(const Expr& target, Value value, Scope& scope);
  Status write(int line, std::string_view text);
  // What `nodes` write, caught in a text of its own, in a scope of its own.
  Result<std::string> capture(const Nodes& nodes, Scope& scope);
  Value make_macro(const Node& node, Scope& scope);
  Result<Value> call_macro(int line, const Callable& macro, Args args);
  Status bind_parameters(int line, const Node& node, Args& args, Scope& scope);

  // Expressions (jinja_expressions.cpp).
  Result<Value> evaluate(const Expr& expr, Scope& scope);
  Result<Value> evaluate_kind(const Expr& expr, Scope& scope);
  Result<Values> evaluate_parts(const Expr& expr, Scope& scope);
  Result<Value> evaluate_dict(const Expr& expr, Scope& scope);
  Result<Value> evaluate_member(const Expr& expr, Scope& scope);
  Result<Value> evaluate_slice(const Expr& expr, Scope& scope);
  Result<Value> evaluate_call(const Expr& expr, Scope& scope, const Value* caller);
  Result<Value> evaluate_unary(const Expr& expr, Scope& scope);
  Result<Value> evaluate_binary(const Expr& expr, Scope& scope);
  Result<Value> evaluate_concat(const Expr& expr, Scope& scope);
  Result<Value> evaluate_compare(const Expr& expr, Scope& scope);
  Result<Value> evaluate_conditional(const Expr& expr, Scope& scope);
  Result<Args> evaluate_args(const Expr& expr, Scope& scope);
  // A filter applied to a value that is already there.
  Result<Value> apply_filters(const Expr& expr, Value input, Scope& scope);
  Result<Value> make_namespace(const Args& args);

  Scope& open(Scope& parent);
  void close(Scope& scope, size_t macros_before);

  Budget budget_;
  const std::tm now_;
  int depth_left_;
  size_t macros_made_ = 0;
  std::string output_;
  Scope globals_;
  std::deque<Scope> scopes_;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
};

}  // namespace weft::text::jinja
