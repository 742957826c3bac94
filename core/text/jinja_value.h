// The values of a template: Python's, as far as templates can tell.
//
// Strings, lists and dicts never change once made (the sandbox that templates are written for
// forbids it), so they are shared, not copied. Only a Namespace and the state of a loop change; a
// Namespace belongs to the interpreter and is held by bare pointer, so values cannot form cycles.
// Containers count how deep they nest and refuse to pass `max_value_depth`, so recursion over a
// value (printing, comparing, freeing) is bounded. Work on values is paid for from a Budget.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"

namespace weft::text::jinja {

inline constexpr int max_value_depth = 100;

// What one rendering may use. A step is one node evaluated, one list element made or 16 bytes of
// text made. Both calls fail with one sentence once the budget is spent.
struct Budget {
  int64_t steps_left;
  int64_t text_bytes_max;  // the longest text that may exist, the output included

  Status charge(int64_t steps);
  Status charge_text(size_t size_bytes);
};

struct List;
struct Dict;
struct Loop;
struct Callable;
struct Namespace;

struct Undefined {
  std::shared_ptr<const std::string> reason;  // a sentence for the error that use of it causes
};
struct None {};

enum class Kind {
  undefined,
  none,
  boolean,
  integer,
  real,
  string,
  list,
  dict,
  loop,
  callable,
  name_space
};

class Value {
 public:
  Value() = default;  // undefined
  Value(None none) : data_(none) {}
  Value(bool value) : data_(value) {}
  Value(int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(std::shared_ptr<const List> list) : data_(std::move(list)) {}
  Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<Loop> loop) : data_(std::move(loop)) {}
  Value(std::shared_ptr<const Callable> callable) : data_(std::move(callable)) {}
  Value(Namespace* name_space) : data_(name_space) {}
  static Value undefined(std::string reason);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind k) const { return kind() == k; }
  bool is_integral() const { return is(Kind::integer) || is(Kind::boolean); }
  bool is_number() const { return is_integral() || is(Kind::real); }

  // Each requires the kind it names; integer() and real() also take what is_number() accepts.
  const std::string& string() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  const List& list() const { return *std::get<std::shared_ptr<const List>>(data_); }
  const std::shared_ptr<const List>& shared_list() const {
    return std::get<std::shared_ptr<const List>>(data_);
  }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Loop& loop() const { return *std::get<std::shared_ptr<Loop>>(data_); }
  const Callable& callable() const { return *std::get<std::shared_ptr<const Callable>>(data_); }
  Namespace& name_space() const { return *std::get<Namespace*>(data_); }
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const;
  double real() const;
  // Why the value is undefined, as a sentence.
  std::string reason() const;
  bool has_reason() const;  // an undefined value that says why

  bool truthy() const;
  int depth() const;              // 0 for what is no container
  const char* type_name() const;  // Python's: "str", "int", "NoneType"

 private:
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const List>, std::shared_ptr<const Dict>, std::shared_ptr<Loop>,
               std::shared_ptr<const Callable>, Namespace*>
      data_;
};

using Values = std::vector<Value>;

// A generator is what lazy filters (map, select) give: always true, without length or subscripts.
// A view is dict.keys(), values() or items(): it has a length but no subscripts.
enum class Sequence { list, tuple, generator, view };

struct List {
  Sequence sequence = Sequence::list;
  Values items;
  int depth = 1;
};

// Keeps the order of insertion. Keys are strings, numbers, booleans or none; 1, 1.0 and true are
// the same key.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string, size_t> index;
  int depth = 1;

  const Value* find(const Value& key) const;  // null if absent
  // Inserts or replaces; fails if the key is of another kind or the value nests too deep.
  Status set(const Value& key, Value value);
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;

  const Value* find(std::string_view name) const;
  void set(const std::string& name, Value value);
};

// The variable `loop` inside a for.
struct Loop {
  std::shared_ptr<const List> items;
  int64_t index0 = 0;
};

struct Node;
struct Scope;

// Something that can be called: a function of the language, a method bound to its object, or a
// macro together with the scope it was defined in.
struct Callable {
  enum class What { function, method, macro } what = What::function;
  std::string name;
  Value self;
  const Node* macro = nullptr;
  Scope* scope = nullptr;
};

Result<Value> make_list(Budget& budget, Values items, Sequence sequence = Sequence::list);
Result<Value> make_string(Budget& budget, std::string text);
Result<Value> make_method(const Value& self, std::string name);

// str() and repr() as Python prints them.
Result<std::string> to_string(Budget& budget, const Value& value);
Result<std::string> to_repr(Budget& budget, const Value& value);

Result<bool> equal(Budget& budget, const Value& a, const Value& b);
// a < b. Fails for kinds that have no order, naming both and the operator shown to the reader.
Result<bool> less(Budget& budget, const Value& a, const Value& b, const char* shown = "<");

// What a for loop walks: elements, characters, keys. Fails if the value cannot be walked.
Result<std::shared_ptr<const List>> iterate(Budget& budget, const Value& value);
// len(); fails for what has none.
Result<int64_t> length(const Value& value);

}  // namespace weft::text::jinja
