// Expressions of the interpreter. Errors of operators and functions get their line here.
#include "core/text/jinja_eval.h"
#include "core/text/jinja_lexer.h"
#include "core/text/jinja_operators.h"

namespace weft::text::jinja {
namespace {

std::string at_line(int line) { return "line " + std::to_string(line); }

}  // namespace

Result<Value> Interpreter::evaluate(const Expr& expr, Scope& scope) {
  TRY(budget_.charge(1), at_line(expr.line));
  if (depth_left_ == 0)
    return error_at(expr.line, "macros call each other deeper than a template may");
  --depth_left_;
  Result<Value> value = evaluate_kind(expr, scope);
  ++depth_left_;
  return value;
}

Result<Value> Interpreter::evaluate_kind(const Expr& expr, Scope& scope) {
  switch (expr.kind) {
    case ExprKind::constant:
      return expr.value;
    case ExprKind::name: {
      const Value* found = scope.find(expr.name);
      return found ? *found : Value::undefined("'" + expr.name + "' is undefined");
    }
    case ExprKind::list:
      return TRY(make_list(budget_, TRY(evaluate_parts(expr, scope))), at_line(expr.line));
    case ExprKind::tuple:
      return TRY(make_list(budget_, TRY(evaluate_parts(expr, scope)), Sequence::tuple),
                 at_line(expr.line));
    case ExprKind::dict:
      return evaluate_dict(expr, scope);
    case ExprKind::attribute:
    case ExprKind::subscript:
      return evaluate_member(expr, scope);
    case ExprKind::slice:
      return evaluate_slice(expr, scope);
    case ExprKind::call:
      return evaluate_call(expr, scope, nullptr);
    case ExprKind::filter:
      return apply_filters(expr, TRY(evaluate(*expr.parts[0], scope)), scope);
    case ExprKind::test: {
      const Value input = TRY(evaluate(*expr.parts[0], scope));
      const Args args = TRY(evaluate_args(expr, scope));
      return Value(TRY(call_test(budget_, expr.name, input, args), at_line(expr.line)));
    }
    case ExprKind::unary:
      return evaluate_unary(expr, scope);
    case ExprKind::binary:
      return evaluate_binary(expr, scope);
    case ExprKind::concat:
      return evaluate_concat(expr, scope);
    case ExprKind::compare:
      return evaluate_compare(expr, scope);
    case ExprKind::conditional:
      return evaluate_conditional(expr, scope);
  }
  return Value();
}

Result<Values> Interpreter::evaluate_parts(const Expr& expr, Scope& scope) {
  Values values;
  for (const ExprPtr& part : expr.parts) values.push_back(TRY(evaluate(*part, scope)));
  return values;
}

Result<Value> Interpreter::evaluate_dict(const Expr& expr, Scope& scope) {
  const Values values = TRY(evaluate_parts(expr, scope));
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i + 1 < values.size(); i += 2)
    TRY(dict->set(values[i], values[i + 1]), at_line(expr.line));
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Result<Value> Interpreter::evaluate_member(const Expr& expr, Scope& scope) {
  const Value object = TRY(evaluate(*expr.parts[0], scope));
  const bool attribute = expr.kind == ExprKind::attribute;
  const Value key = attribute ? Value() : TRY(evaluate(*expr.parts[1], scope));
  if (object.is(Kind::undefined))
    return error_at(expr.line, object.reason() + ", so '" + describe(expr) + "' cannot be read");
  if (object.is(Kind::string) && key.is_integral())
    TRY(budget_.charge(static_cast<int64_t>(object.string().size() / 16)), at_line(expr.line));
  Value found =
      TRY(attribute ? get_attribute(object, expr.name) : get_item(object, key), at_line(expr.line));
  // What a template cannot find is reported, once it is used, under the name the template gives it;
  // only a method that may not be called keeps its own reason.
  const bool refused = attribute && is_mutator(object, expr.name);
  if (found.is(Kind::undefined) && !refused)
    return Value::undefined("'" + describe(expr) + "' is undefined");
  return found;
}

Result<Value> Interpreter::evaluate_slice(const Expr& expr, Scope& scope) {
  const Value object = TRY(evaluate(*expr.parts[0], scope));
  Value bounds[3] = {None{}, None{}, None{}};
  for (size_t i = 0; i < 3; ++i)
    if (expr.parts[i + 1]) bounds[i] = TRY(evaluate(*expr.parts[i + 1], scope));
  return TRY(slice(budget_, object, bounds[0], bounds[1], bounds[2]), at_line(expr.line));
}

Result<Args> Interpreter::evaluate_args(const Expr& expr, Scope& scope) {
  Args args;
  for (const ExprPtr& arg : expr.args.positional)
    args.positional.push_back(TRY(evaluate(*arg, scope)));
  if (expr.args.star) {
    const Value more = TRY(evaluate(*expr.args.star, scope));
    const auto list = TRY(iterate(budget_, more), at_line(expr.line));
    TRY(budget_.charge(static_cast<int64_t>(list->items.size())), at_line(expr.line));
    args.positional.insert(args.positional.end(), list->items.begin(), list->items.end());
  }
  for (const auto& [name, arg] : expr.args.named)
    args.named.emplace_back(name, TRY(evaluate(*arg, scope)));
  if (expr.args.stars) {
    const Value more = TRY(evaluate(*expr.args.stars, scope));
    if (!more.is(Kind::dict)) return error_at(expr.line, "'**' takes a dict");
    for (const auto& [key, value] : more.dict().entries) {
      if (!key.is(Kind::string)) return error_at(expr.line, "'**' takes a dict with text as keys");
      args.named.emplace_back(key.string(), value);
    }
  }
  return args;
}

Result<Value> Interpreter::evaluate_call(const Expr& expr, Scope& scope, const Value* caller) {
  const Value callee = TRY(evaluate(*expr.parts[0], scope));
  Args args = TRY(evaluate_args(expr, scope));
  if (caller) args.named.emplace_back("caller", *caller);
  if (callee.is(Kind::undefined))
    return error_at(expr.line, callee.reason() + ", so it cannot be called");
  if (!callee.is(Kind::callable))
    return error_at(expr.line, "'" + describe(*expr.parts[0]) + "' is of type " +
                                   callee.type_name() + ", which cannot be called");
  const Callable& callable = callee.callable();
  if (callable.what == Callable::What::macro)
    return call_macro(expr.line, callable, std::move(args));
  if (callable.what == Callable::What::method)
    return TRY(call_method(budget_, callable.self, callable.name, args), at_line(expr.line));
  if (callable.name == "namespace") return TRY(make_namespace(args), at_line(expr.line));
  return TRY(call_function(budget_, callable.name, args, now_), at_line(expr.line));
}

Result<Value> Interpreter::make_namespace(const Args& args) {
  const Value initial = TRY(call_function(budget_, "dict", args, now_));
  namespaces_.push_back(std::make_unique<Namespace>());
  Namespace* made = namespaces_.back().get();
  for (const auto& [key, value] : initial.dict().entries)
    if (key.is(Kind::string)) made->set(key.string(), value);
  return Value(made);
}

Result<Value> Interpreter::apply_filters(const Expr& expr, Value input, Scope& scope) {
  // The head of a filter block has no input of its own: its innermost filter gets the block's text.
  if (expr.parts[0] && expr.parts[0]->kind == ExprKind::filter) {
    const Expr* innermost = expr.parts[0].get();
    while (innermost->parts[0] && innermost->parts[0]->kind == ExprKind::filter)
      innermost = innermost->parts[0].get();
    if (!innermost->parts[0]) input = TRY(apply_filters(*expr.parts[0], std::move(input), scope));
  }
  const Args args = TRY(evaluate_args(expr, scope));
  return TRY(call_filter(budget_, expr.name, input, args), at_line(expr.line));
}

Result<Value> Interpreter::evaluate_unary(const Expr& expr, Scope& scope) {
  const Value operand = TRY(evaluate(*expr.parts[0], scope));
  if (expr.name == "not") return Value(!operand.truthy());
  return TRY(signed_value(expr.name, operand), at_line(expr.line));
}

Result<Value> Interpreter::evaluate_binary(const Expr& expr, Scope& scope) {
  const Value left = TRY(evaluate(*expr.parts[0], scope));
  if (expr.name == "and") return left.truthy() ? evaluate(*expr.parts[1], scope) : left;
  if (expr.name == "or") return left.truthy() ? left : evaluate(*expr.parts[1], scope);
  const Value right = TRY(evaluate(*expr.parts[1], scope));
  return TRY(arithmetic(budget_, expr.name, left, right), at_line(expr.line));
}

Result<Value> Interpreter::evaluate_concat(const Expr& expr, Scope& scope) {
  std::string text;
  for (const ExprPtr& part : expr.parts) {
    const Value value = TRY(evaluate(*part, scope));
    text += TRY(to_string(budget_, value), at_line(expr.line));
    if (text.size() > static_cast<size_t>(budget_.text_bytes_max)) break;
  }
  return TRY(make_string(budget_, std::move(text)), at_line(expr.line));
}

Result<Value> Interpreter::evaluate_compare(const Expr& expr, Scope& scope) {
  Value left = TRY(evaluate(*expr.parts[0], scope));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    Value right = TRY(evaluate(*expr.parts[i + 1], scope));
    if (!TRY(compare(budget_, expr.operators[i], left, right), at_line(expr.line)))
      return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::evaluate_conditional(const Expr& expr, Scope& scope) {
  if (TRY(evaluate(*expr.parts[1], scope)).truthy()) return evaluate(*expr.parts[0], scope);
  if (expr.parts[2]) return evaluate(*expr.parts[2], scope);
  return Value::undefined("an 'if' without 'else' whose condition does not hold is undefined");
}

}  // namespace weft::text::jinja
