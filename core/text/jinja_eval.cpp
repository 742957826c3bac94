// Statements: text, loops, branches, assignments, macros (see the header).
#include "core/text/jinja_eval.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/text/jinja_lexer.h"

namespace weft::text::jinja {
namespace {

// The place of an expression or statement in front of an error.
std::string at_line(int line) { return "line " + std::to_string(line); }

}  // namespace

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope; scope = scope->parent)
    for (const auto& [key, value] : scope->names)
      if (key == name) return &value;
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  for (auto& [key, old] : names)
    if (key == name) {
      old = std::move(value);
      return;
    }
  names.emplace_back(name, std::move(value));
}

Interpreter::Interpreter(const Limits& limits, const std::tm& now)
    : budget_{limits.steps, limits.output_bytes}, now_(now), depth_left_(limits.depth) {
  for (const std::string& name : function_names()) {
    Callable function;
    function.name = name;
    define(name, Value(std::make_shared<const Callable>(std::move(function))));
  }
}

Result<std::string> Interpreter::run(const Nodes& nodes) {
  Scope& top = open(globals_);
  TRY(run_nodes(nodes, top));
  return std::move(output_);
}

Scope& Interpreter::open(Scope& parent) {
  scopes_.emplace_back();
  scopes_.back().parent = &parent;
  return scopes_.back();
}

void Interpreter::close(Scope& scope, size_t macros_before) {
  if (macros_made_ == macros_before && &scopes_.back() == &scope) scopes_.pop_back();
}

Status Interpreter::write(int line, std::string_view text) {
  TRY(budget_.charge_text(output_.size() + text.size() > static_cast<size_t>(budget_.text_bytes_max)
                              ? output_.size() + text.size()
                              : text.size()),
      at_line(line));
  output_ += text;
  return {};
}

Result<std::string> Interpreter::capture(const Nodes& nodes, Scope& scope) {
  std::string outer = std::exchange(output_, {});
  const size_t macros_before = macros_made_;
  Scope& inner = open(scope);
  TRY(run_nodes(nodes, inner));
  close(inner, macros_before);
  return std::exchange(output_, std::move(outer));
}

Result<Interpreter::Flow> Interpreter::run_nodes(const Nodes& nodes, Scope& scope) {
  for (const auto& node : nodes) {
    const Flow flow = TRY(run_node(*node, scope));
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run_node(const Node& node, Scope& scope) {
  TRY(budget_.charge(1), at_line(node.line));
  switch (node.kind) {
    case NodeKind::data:
      TRY(write(node.line, node.text));
      break;
    case NodeKind::output: {
      const Value value = TRY(evaluate(*node.expr, scope));
      TRY(write(node.line, TRY(to_string(budget_, value), at_line(node.line))));
      break;
    }
    case NodeKind::set:
      TRY(assign(*node.target, TRY(evaluate(*node.expr, scope)), scope));
      break;
    case NodeKind::set_block:
      TRY(run_set_block(node, scope));
      break;
    case NodeKind::for_loop:
      return run_for(node, scope);
    case NodeKind::branch:
      return run_branch(node, scope);
    case NodeKind::macro:
      scope.set(node.text, make_macro(node, scope));
      break;
    case NodeKind::call_block:
      TRY(run_call_block(node, scope));
      break;
    case NodeKind::filter: {
      const std::string text = TRY(capture(node.body, scope));
      const Value value = TRY(apply_filters(*node.expr, Value(text), scope));
      TRY(write(node.line, TRY(to_string(budget_, value), at_line(node.line))));
      break;
    }
    case NodeKind::with:
      return run_with(node, scope);
    case NodeKind::scope: {
      const size_t macros_before = macros_made_;
      Scope& inner = open(scope);
      const Flow flow = TRY(run_nodes(node.body, inner));
      close(inner, macros_before);
      return flow;
    }
    case NodeKind::break_loop:
      return Flow::break_loop;
    case NodeKind::continue_loop:
      return Flow::continue_loop;
  }
  return Flow::next;
}

Result<Interpreter::Flow> Interpreter::run_branch(const Node& node, Scope& scope) {
  for (const auto& [condition, body] : node.branches)
    if (TRY(evaluate(*condition, scope)).truthy()) return run_nodes(body, scope);
  return run_nodes(node.orelse, scope);
}

Result<Values> Interpreter::loop_items(const Node& node, Scope& scope) {
  const Value source = TRY(evaluate(*node.expr, scope));
  const auto list = TRY(iterate(budget_, source),
                        at_line(node.line) + ": the loop over '" + describe(*node.expr) + "'");
  if (!node.condition) return list->items;
  Values kept;
  for (const Value& item : list->items) {
    const size_t macros_before = macros_made_;
    Scope& inner = open(scope);
    TRY(assign(*node.target, item, inner));
    if (TRY(evaluate(*node.condition, inner)).truthy()) kept.push_back(item);
    close(inner, macros_before);
  }
  return kept;
}

Result<Interpreter::Flow> Interpreter::run_for(const Node& node, Scope& scope) {
  auto loop = std::make_shared<Loop>();
  Values items = TRY(loop_items(node, scope));
  loop->items = TRY(make_list(budget_, std::move(items)), at_line(node.line)).shared_list();
  Flow flow = Flow::next;
  const int64_t count = static_cast<int64_t>(loop->items->items.size());
  for (; loop->index0 < count && flow != Flow::break_loop; ++loop->index0)
    flow = TRY(run_pass(node, scope, loop));
  if (count > 0 || node.orelse.empty()) return Flow::next;
  const size_t macros_before = macros_made_;
  Scope& inner = open(scope);
  flow = TRY(run_nodes(node.orelse, inner));
  close(inner, macros_before);
  return flow;
}

Result<Interpreter::Flow> Interpreter::run_pass(const Node& node, Scope& scope,
                                                const std::shared_ptr<Loop>& loop) {
  TRY(budget_.charge(1), at_line(node.line));
  const size_t macros_before = macros_made_;
  Scope& inner = open(scope);
  inner.set("loop", Value(loop));
  TRY(assign(*node.target, loop->items->items[static_cast<size_t>(loop->index0)], inner));
  const Flow flow = TRY(run_nodes(node.body, inner));
  close(inner, macros_before);
  return flow;
}

Result<Interpreter::Flow> Interpreter::run_with(const Node& node, Scope& scope) {
  const size_t macros_before = macros_made_;
  Values values;
  for (const auto& [target, expr] : node.bindings) values.push_back(TRY(evaluate(*expr, scope)));
  Scope& inner = open(scope);
  for (size_t i = 0; i < values.size(); ++i) TRY(assign(*node.bindings[i].first, values[i], inner));
  const Flow flow = TRY(run_nodes(node.body, inner));
  close(inner, macros_before);
  return flow;
}

Status Interpreter::run_set_block(const Node& node, Scope& scope) {
  Value value(TRY(capture(node.body, scope)));
  if (node.expr) value = TRY(apply_filters(*node.expr, std::move(value), scope));
  return assign(*node.target, std::move(value), scope);
}

Status Interpreter::run_call_block(const Node& node, Scope& scope) {
  const Value caller = make_macro(node, scope);
  const Value value = TRY(evaluate_call(*node.expr, scope, &caller));
  return write(node.line, TRY(to_string(budget_, value), at_line(node.line)));
}

Status Interpreter::assign(const Expr& target, Value value, Scope& scope) {
  if (target.kind == ExprKind::name) {
    scope.set(target.name, std::move(value));
    return {};
  }
  if (target.kind == ExprKind::attribute) {
    const Value object = TRY(evaluate(*target.parts[0], scope));
    if (!object.is(Kind::name_space))
      return error_at(target.line, "'" + describe(target) + "' can only be set if '" +
                                       describe(*target.parts[0]) + "' is a namespace()");
    object.name_space().set(target.name, std::move(value));
    return {};
  }
  const auto list = TRY(iterate(budget_, value), at_line(target.line));
  if (list->items.size() != target.parts.size())
    return error_at(target.line, std::to_string(target.parts.size()) + " names cannot take " +
                                     std::to_string(list->items.size()) + " values");
  for (size_t i = 0; i < target.parts.size(); ++i)
    TRY(assign(*target.parts[i], list->items[i], scope));
  return {};
}

Value Interpreter::make_macro(const Node& node, Scope& scope) {
  ++macros_made_;
  Callable macro;
  macro.what = Callable::What::macro;
  macro.name = node.text;
  macro.macro = &node;
  macro.scope = &scope;
  return Value(std::make_shared<const Callable>(std::move(macro)));
}

Status Interpreter::bind_parameters(int line, const Node& node, Args& args, Scope& scope) {
  const std::string who = "the macro '" + node.text + "'";
  const auto take_named = [&](const std::string& name, Value& out) {
    const auto found = std::find_if(args.named.begin(), args.named.end(),
                                    [&](const auto& arg) { return arg.first == name; });
    if (found == args.named.end()) return false;
    out = found->second;
    args.named.erase(found);
    return true;
  };
  for (size_t i = 0; i < node.parameters.size(); ++i) {
    const Parameter& parameter = node.parameters[i];
    Value value = Value::undefined("the parameter '" + parameter.name + "' was not given");
    if (i < args.positional.size())
      value = args.positional[i];
    else if (!take_named(parameter.name, value) && parameter.fallback)
      value = TRY(evaluate(*parameter.fallback, scope));
    scope.set(parameter.name, std::move(value));
  }
  Value caller = Value::undefined("no caller was given to " + who);
  if (node.uses_caller) {
    take_named("caller", caller);
    scope.set("caller", caller);
  }
  const size_t taken = std::min(args.positional.size(), node.parameters.size());
  if (node.uses_varargs) {
    Values rest(args.positional.begin() + static_cast<std::ptrdiff_t>(taken),
                args.positional.end());
    scope.set("varargs", TRY(make_list(budget_, std::move(rest), Sequence::tuple)));
  } else if (taken < args.positional.size()) {
    return error_at(line, who + " takes at most " + std::to_string(taken) + " values");
  }
  if (node.uses_kwargs) {
    auto dict = std::make_shared<Dict>();
    for (const auto& [name, value] : args.named) TRY(dict->set(Value(name), value));
    scope.set("kwargs", Value(std::shared_ptr<const Dict>(std::move(dict))));
  } else if (!args.named.empty()) {
    return error_at(line, who + " has no parameter '" + args.named[0].first + "' left to give");
  }
  return {};
}

Result<Value> Interpreter::call_macro(int line, const Callable& macro, Args args) {
  WEFT_CHECK(macro.macro && macro.scope);
  const size_t macros_before = macros_made_;
  Scope& scope = open(*macro.scope);
  TRY(bind_parameters(line, *macro.macro, args, scope));
  std::string outer = std::exchange(output_, {});
  TRY(run_nodes(macro.macro->body, scope));
  std::string text = std::exchange(output_, std::move(outer));
  close(scope, macros_before);
  return Value(std::move(text));
}

}  // namespace weft::text::jinja
