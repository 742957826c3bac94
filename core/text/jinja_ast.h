// The tree a template is parsed into: expressions (Expr) and statements (Node).
//
// One struct serves all kinds of each, with the meaning of its parts listed beside the kind; the
// evaluator is one switch. Trees are immutable after parsing. `depth` is bounded by the parser,
// which bounds the recursion of everything that walks a tree.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/text/jinja_value.h"

namespace weft::text::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// What stands between the parentheses of a call; null `star` (`*list`) and `stars` (`**dict`).
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, stars;
};

enum class ExprKind {
  constant,  // value
  name,      // name
  list,
  tuple,        // parts
  dict,         // parts: key, value, key, value ...
  attribute,    // parts[0] . name
  subscript,    // parts[0] [ parts[1] ]
  slice,        // parts[0] [ parts[1] : parts[2] : parts[3] ], the last three may be null
  call,         // parts[0] ( args )
  filter,       // parts[0] | name ( args ); parts[0] is null at the head of a filter block
  test,         // parts[0] is name ( args )
  unary,        // name: "-", "+" or "not"; parts[0]
  binary,       // name: an arithmetic operator, "and" or "or"; parts[0], parts[1]
  concat,       // parts joined as text
  compare,      // parts[0] operators[0] parts[1] operators[1] parts[2] ...
  conditional,  // parts[0] if parts[1] else parts[2], the last may be null
};

struct Expr {
  ExprKind kind;
  int line;
  std::string name;
  Value value;
  std::vector<ExprPtr> parts;
  std::vector<std::string> operators;
  CallArgs args;
  int depth = 1;
};

struct Node;
using Nodes = std::vector<std::unique_ptr<Node>>;

enum class NodeKind {
  data,        // text
  output,      // expr
  set,         // target = expr
  set_block,   // target = body, through filter expr unless null
  for_loop,    // for target in expr if condition: body, else orelse
  branch,      // if expr: body, else orelse (an elif is a branch in orelse)
  macro,       // text is its name; parameters, body
  call_block,  // call(parameters) expr: body
  filter,      // body through filter expr
  with,        // with targets[i] = values[i]: body
  scope,       // body with names of its own ({% generation %})
  break_loop,
  continue_loop,
};

struct Parameter {
  std::string name;
  ExprPtr fallback;  // null if the parameter has no default
};

struct Node {
  NodeKind kind;
  int line;
  std::string text;
  ExprPtr target, expr, condition;
  std::vector<std::pair<ExprPtr, ExprPtr>> bindings;  // of with
  std::vector<Parameter> parameters;
  std::vector<std::pair<ExprPtr, Nodes>> branches;  // if and elif
  // Which of the names a macro is given only if it mentions them.
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
  Nodes body, orelse;
};

// The expression as a reader would write it, for errors; long parts are shown as "...".
std::string describe(const Expr& expr);

}  // namespace weft::text::jinja
