// The reader of the text form: see text.h. Line oriented; every error names its line.
#include <cctype>
#include <charconv>
#include <cstring>
#include <map>

#include "core/ir/text.h"
#include "core/ir/text_line.h"

namespace weft::ir {

namespace {

Result<int64_t> to_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Error{"'" + std::string(text) + "' is not an integer"};
  }
  return value;
}

Result<double> to_real(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || *end != '\0') return Error{"'" + copy + "' is not a number"};
  return value;
}

class Reader {
 public:
  Result<Graph> read(std::string_view text) {
    int number = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++number;
      Status status = line(Line(text.substr(0, end)));
      if (!status.ok()) return std::move(status).error().in("line " + std::to_string(number));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (state_ != State::after) return Error{"the text ends before the graph's closing '}'"};
    return std::move(graph_);
  }

 private:
  enum class State { before, inside, after };

  Status line(Line l) {
    if (l.done()) return {};
    if (state_ == State::before) {
      TRY(l.expect("graph"));
      graph_.name = TRY(l.string());
      state_ = State::inside;
      return l.expect("{");
    }
    if (state_ == State::after) return Error{"text after the graph's closing '}'"};
    if (l.take("}")) {
      state_ = State::after;
      return {};
    }
    if (l.take("symbol")) return symbol(l);
    if (l.take("input")) return input(l, ValueKind::input);
    if (l.take("state")) return input(l, ValueKind::state);
    if (l.take("const")) return constant(l);
    if (l.take("symbolic")) return symbolic(l);
    if (l.take("output")) return output(l);
    return node(l);
  }

  Status symbol(Line& l) {
    const std::string name = TRY(l.word());
    TRY(l.expect("in"));
    TRY(l.expect("["));
    sym::Interval interval;
    interval.lo = TRY(to_integer(l.expression(",")));
    TRY(l.expect(","));
    if (!l.take("inf")) interval.hi = TRY(to_integer(l.expression("]")));
    graph_.bounds.set(name, interval);
    return l.expect("]");
  }

  Status input(Line& l, ValueKind kind) {
    const std::string name = TRY(l.value());
    TRY(l.expect(":"));
    Value value;
    TRY(typed(l, value));
    const ValueId id = graph_.add_input(name, value.type);
    value.name = name;
    value.kind = kind;
    graph_[id] = std::move(value);
    return define(name, id);
  }

  Status symbolic(Line& l) {
    const std::string name = TRY(l.value());
    TRY(l.expect(":"));
    Value value;
    value.name = name;
    value.kind = ValueKind::symbolic;
    TRY(typed(l, value));
    if (!value.contents) return Error{"%" + name + " is symbolic but says no contents"};
    return define(name, graph_.add_value(std::move(value)));
  }

  Status constant(Line& l) {
    const std::string name = TRY(l.value());
    TRY(l.expect(":"));
    Value value;
    value.name = name;
    value.kind = ValueKind::constant;
    value.type = TRY(type(l));
    value.column_major = l.take("columns");
    if (l.take("quant")) value.quantization = TRY(quantization(l));
    TRY(l.expect("="));
    if (l.take("{")) {
      TRY(elements(l, value));
    } else {
      TRY(l.expect("bytes"));
      TRY(to_integer(TRY(l.word())));
      TRY(l.expect("id"));
      const std::string id = TRY(l.word());
      auto data = std::make_shared<Constant>();
      data->opaque = true;
      if (id.size() == 32) {
        data->content_id = {std::strtoull(id.substr(16).c_str(), nullptr, 16),
                            std::strtoull(id.substr(0, 16).c_str(), nullptr, 16)};
      }
      value.constant = std::move(data);
    }
    return define(name, graph_.add_value(std::move(value)));
  }

  Status elements(Line& l, Value& value) {
    std::vector<std::byte> bytes;
    std::vector<Dim> contents;
    while (!l.take("}")) {
      const std::string_view item = l.expression(",}");
      l.take(",");
      if (value.type.dtype == DType::f32) {
        append(bytes, float(TRY(to_real(item))));
      } else if (value.type.dtype == DType::i64) {
        const int64_t element = TRY(to_integer(item));
        append(bytes, element);
        contents.push_back(element);
      } else {
        return Error{"elements of a " + std::string(ir::name(value.type.dtype)) +
                     " constant cannot be written out; f32 and i64 can"};
      }
      if (l.done()) return Error{"a list of elements does not end"};
    }
    const Dim count = sym::product(value.type.shape);
    const size_t width = size_t(size_bytes(value.type.dtype, 1));
    if (!count.is_constant() || size_t(count.constant()) * width != bytes.size()) {
      return Error{str(value.type) + " does not hold " + std::to_string(bytes.size() / width) +
                   " elements"};
    }
    if (value.type.dtype == DType::i64) value.contents = std::move(contents);
    value.constant = make_constant(std::move(bytes));
    return {};
  }

  template <typename T>
  static void append(std::vector<std::byte>& bytes, T element) {
    bytes.resize(bytes.size() + sizeof(T));
    std::memcpy(bytes.data() + bytes.size() - sizeof(T), &element, sizeof(T));
  }

  Result<Quantization> quantization(Line& l) {
    Quantization q;
    TRY(l.expect("("));
    const std::string storage = TRY(l.word());
    const auto dtype = parse_dtype(storage);
    if (!dtype) return Error{"unknown element type '" + storage + "'"};
    q.storage = *dtype;
    TRY(l.expect(","));
    TRY(l.expect("block"));
    q.block = TRY(to_integer(l.expression(",")));
    TRY(l.expect(","));
    TRY(l.expect("scale"));
    q.scale = TRY(use(l));
    TRY(l.expect(","));
    TRY(l.expect("zero"));
    const std::string_view zero = l.expression(")");
    if (zero.starts_with("%")) {
      Line name(zero);
      q.zero_point = TRY(use(name));
    } else {
      q.zero = TRY(to_real(zero));
    }
    TRY(l.expect(")"));
    return q;
  }

  Status output(Line& l) {
    Output out;
    out.name = TRY(l.string());
    TRY(l.expect("="));
    out.value = TRY(use(l));
    graph_.outputs.push_back(std::move(out));
    return {};
  }

  Status node(Line& l) {
    std::vector<std::string> names;
    do {
      names.push_back(l.take("_") ? "" : TRY(l.value()));
    } while (l.take(","));
    TRY(l.expect("="));
    const std::string op_name = TRY(l.word());
    const auto op = parse_op(op_name);
    if (!op) return Error{"unknown op '" + op_name + "'"};
    TRY(l.expect("("));
    std::vector<ValueId> inputs;
    while (!l.take(")")) {
      inputs.push_back(l.take("_") ? ValueId::none : TRY(use(l)));
      if (!l.take(",")) {
        TRY(l.expect(")"));
        break;
      }
    }
    Attrs attrs;
    if (l.take("{")) attrs = TRY(attributes(l));
    const NodeId id = graph_.add_node(*op, std::move(inputs), names.size(), std::move(attrs));
    TRY(l.expect(":"));
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) TRY(l.expect(","));
      ValueId& value = graph_[id].outputs[i];
      if (names[i].empty()) {
        TRY(l.expect("_"));
        value = ValueId::none;
        continue;
      }
      TRY(typed(l, graph_[value]));
      graph_[value].name = names[i];
      TRY(define(names[i], value));
    }
    if (!l.done()) graph_[id].name = TRY(l.string());
    return {};
  }

  Result<Attrs> attributes(Line& l) {
    Attrs attrs;
    while (!l.take("}")) {
      const std::string key = TRY(l.word());
      TRY(l.expect("="));
      if (l.take("[")) {
        std::vector<double> reals;
        std::vector<int64_t> integers;
        bool real = false;
        while (!l.take("]")) {
          const std::string_view item = l.expression(",]");
          real = real || item.find_first_of(".eni") != std::string_view::npos;
          reals.push_back(TRY(to_real(item)));
          if (!real) integers.push_back(TRY(to_integer(item)));
          if (!l.take(",") && l.done()) return Error{"a list does not end"};
        }
        if (real) {
          attrs.set(key, std::move(reals));
        } else {
          attrs.set(key, std::move(integers));
        }
      } else {
        attrs.set(key, TRY(scalar(l)));
      }
      if (!l.take(",")) {
        TRY(l.expect("}"));
        break;
      }
    }
    return attrs;
  }

  static Result<AttrValue> scalar(Line& l) {
    Line ahead = l;
    if (ahead.take("\"")) return AttrValue(TRY(l.string()));
    const std::string_view item = l.expression(",}");
    if (item.find_first_of(".eni") != std::string_view::npos) return AttrValue(TRY(to_real(item)));
    return AttrValue(TRY(to_integer(item)));
  }

  Result<Type> type(Line& l) {
    const std::string_view dtype_name = l.expression("[");
    const auto dtype = parse_dtype(dtype_name);
    if (!dtype) return Error{"unknown element type '" + std::string(dtype_name) + "'"};
    TRY(l.expect("["));
    Type out{*dtype, {}};
    while (!l.take("]")) {
      out.shape.push_back(TRY(Dim::parse(l.expression(",]"))));
      if (!l.take(",") && l.done()) return Error{"a shape does not end"};
    }
    return out;
  }

  // A type, then where the value lives and what it is known to hold.
  Status typed(Line& l, Value& value) {
    value.type = TRY(type(l));
    if (l.take("in")) {
      Placement placement;
      placement.parent = TRY(use(l));
      TRY(l.expect("at"));
      const std::string_view text = l.expression(",\"");
      const size_t is = text.find(" is {");
      if (is != std::string_view::npos) return Error{"'is' comes before 'in'"};
      placement.offset = TRY(Dim::parse(text));
      value.placement = placement;
    }
    if (l.take("is")) {
      TRY(l.expect("{"));
      value.contents.emplace();
      while (!l.take("}")) {
        value.contents->push_back(TRY(Dim::parse(l.expression(",}"))));
        if (!l.take(",") && l.done()) return Error{"a list does not end"};
      }
    }
    return {};
  }

  Result<ValueId> use(Line& l) {
    const std::string name = TRY(l.value());
    const auto found = ids_.find(name);
    if (found == ids_.end()) return Error{"%" + name + " is used before it is defined"};
    return found->second;
  }

  Status define(const std::string& name, ValueId id) {
    if (ids_.emplace(name, id).second) return {};
    return Error{"%" + name + " is defined twice"};
  }

  Graph graph_;
  State state_ = State::before;
  std::map<std::string, ValueId> ids_;
};

}  // namespace

Result<Graph> parse(std::string_view text) { return Reader().read(text); }

}  // namespace weft::ir
