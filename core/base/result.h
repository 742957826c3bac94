// Errors say what was being done. Three tools, never mixed:
//
//   bad input (a model, a flag, a missing device)   Result<T>, one sentence with context
//   bad program (a broken invariant of ours)        WEFT_CHECK (check.h), aborts
//   bad moment (device lost while running)          weft_status across the C ABI
//
//   Result<Type> infer(...);
//   Type out = TRY(infer(types), "node 'up_proj'");   // the value, or return "node 'up_proj': ..."
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace weft {

// What kind of thing went wrong; the command line turns it into an exit code.
enum class ErrorKind : int {
  check_failed = 1,   // it ran, but a check did not hold
  usage = 2,          // flags, files named on the command line, a prompt that does not fit
  model = 3,          // the model cannot be imported
  plugin = 4,         // no usable plugin or device, or it failed
  out_of_memory = 5,  // it would not fit
  placement = 6,      // a required placement is not met
  internal = 70,      // a fault of Weft itself
};

struct [[nodiscard]] Error {
  std::string message;
  ErrorKind kind = ErrorKind::model;

  Error(std::string text, ErrorKind k = ErrorKind::model) : message(std::move(text)), kind(k) {}
  // The same error with "context: " in front.
  Error in(const std::string& context) && {
    if (!context.empty()) message = context + ": " + message;
    return std::move(*this);
  }
  Error in() && { return std::move(*this); }
};

// A value or the reason why there is none. Reading the value of an error is a broken invariant.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

// A Result that carries nothing but success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void operator*() const {}
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;

// The value of a Result, or a return of its error with the context (optional) in front. The name of
// the temporary is fresh per use, so a TRY may stand inside another.
#define WEFT_TRY_NAMED_(name, expression, ...)                      \
  __extension__({                                                   \
    auto name = (expression);                                       \
    if (!name.ok()) return std::move(name).error().in(__VA_ARGS__); \
    *std::move(name);                                               \
  })
#define WEFT_TRY_EXPAND_(name, ...) WEFT_TRY_NAMED_(name, __VA_ARGS__)
#define WEFT_TRY_JOIN_(a, b) a##b
#define WEFT_TRY_NAME_(counter) WEFT_TRY_JOIN_(weft_result_, counter)
#define TRY(expression, ...) \
  WEFT_TRY_EXPAND_(WEFT_TRY_NAME_(__COUNTER__), expression __VA_OPT__(, ) __VA_ARGS__)

}  // namespace weft
