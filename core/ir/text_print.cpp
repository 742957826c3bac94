// The printer of the text form: see text.h.
#include <cctype>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <set>

#include "core/base/hash.h"
#include "core/ir/text.h"

namespace weft::ir {

namespace {

constexpr int64_t kMaxPrinted = 16;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

bool plain(std::string_view name) {
  for (const unsigned char c : name) {
    if (!std::isalnum(c) && !std::strchr("_./:-", c)) return false;
  }
  return !name.empty();
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  // The shortest form that reads back equal.
  for (int digits = 1; digits < 17; ++digits) {
    char shorter[40];
    std::snprintf(shorter, sizeof shorter, "%.*g", digits, value);
    if (std::strtod(shorter, nullptr) == value) {
      std::snprintf(text, sizeof text, "%s", shorter);
      break;
    }
  }
  // A real always shows that it is one.
  return std::strpbrk(text, ".eni") ? text : std::string(text) + ".0";
}

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph) {
    std::set<std::string> taken;
    names_.resize(graph.value_count());
    for (size_t i = 0; i < names_.size(); ++i) {
      const std::string base = graph[ValueId(i)].name.empty() ? "v" : graph[ValueId(i)].name;
      std::string unique = base;
      for (int suffix = 1; !taken.insert(unique).second; ++suffix) {
        unique = base + "." + std::to_string(suffix);
      }
      names_[i] = plain(unique) ? "%" + unique : "%" + in_quotes(unique);
    }
  }

  std::string print() {
    out_ = "graph " + in_quotes(graph_.name) + " {\n";
    for (const auto& [symbol, interval] : graph_.bounds.all()) {
      const std::string hi = interval.hi == sym::kUnbounded ? "inf" : std::to_string(interval.hi);
      out_ += "  symbol " + symbol + " in [" + std::to_string(interval.lo) + ", " + hi + "]\n";
    }
    for (const ValueId id : graph_.inputs) {
      const bool state = graph_[id].kind == ValueKind::state;
      out_ += (state ? "  state " : "  input ") + use(id) + " : " + type(id) + "\n";
    }
    for (const NodeId id : graph_.order()) {
      for (const ValueId input : graph_[id].inputs) constant(input);
    }
    for (const Output& output : graph_.outputs) constant(output.value);
    for (const NodeId id : graph_.order()) node(graph_[id]);
    for (const Output& output : graph_.outputs) {
      out_ += "  output " + in_quotes(output.name) + " = " + use(output.value) + "\n";
    }
    return out_ + "}\n";
  }

 private:
  std::string use(ValueId id) const { return id == ValueId::none ? "_" : names_[size_t(id)]; }

  std::string type(ValueId id) const {
    if (id == ValueId::none) return "_";
    const Value& value = graph_[id];
    std::string text = str(value.type);
    if (value.placement) {
      text += " in " + use(value.placement->parent) + " at " + value.placement->offset.str();
    }
    if (value.contents && value.kind != ValueKind::constant) {
      text += " is {";
      for (size_t i = 0; i < value.contents->size(); ++i) {
        text += (i ? ", " : "") + (*value.contents)[i].str();
      }
      text += "}";
    }
    return text;
  }

  // A constant or symbolic value prints once, before the first node that could use it.
  void constant(ValueId id) {
    if (id == ValueId::none) return;
    if (graph_[id].kind == ValueKind::symbolic && printed_.insert(id).second) {
      out_ += "  symbolic " + use(id) + " : " + type(id) + "\n";
    }
    if (graph_[id].kind != ValueKind::constant) return;
    if (!printed_.insert(id).second) return;
    const Value& value = graph_[id];
    if (value.quantization) {
      constant(value.quantization->scale);
      constant(value.quantization->zero_point);
    }
    out_ += "  const " + use(id) + " : " + str(value.type);
    if (value.column_major) out_ += " columns";
    if (value.quantization) {
      const Quantization& q = *value.quantization;
      out_ += " quant(" + std::string(name(q.storage)) + ", block " + std::to_string(q.block) +
              ", scale " + use(q.scale) + ", zero " +
              (q.zero_point == ValueId::none ? number(q.zero) : use(q.zero_point)) + ")";
    }
    out_ += " = " + elements(value) + "\n";
  }

  static std::string elements(const Value& value) {
    const Constant& data = *value.constant;
    const Dim count = sym::product(value.type.shape);
    const bool small = !data.opaque && !value.quantization && count.is_constant() &&
                       count.constant() <= kMaxPrinted &&
                       data.bytes.size() == size_t(size_bytes(value.type.dtype, count.constant()));
    std::string text;
    if (small && value.type.dtype == DType::f32) {
      for (int64_t i = 0; i < count.constant(); ++i)
        text += (i ? ", " : "") + number(at<float>(data, i));
    } else if (small && value.type.dtype == DType::i64) {
      for (int64_t i = 0; i < count.constant(); ++i) {
        text += (i ? ", " : "") + std::to_string(at<int64_t>(data, i));
      }
    } else {
      return "bytes " + std::to_string(data.bytes.size()) + " id " + hex(data.content_id);
    }
    return "{" + text + "}";
  }

  template <typename T>
  static T at(const Constant& data, int64_t index) {
    T element;
    std::memcpy(&element, data.bytes.data() + size_t(index) * sizeof(T), sizeof(T));
    return element;
  }

  void node(const Node& n) {
    out_ += "  ";
    for (size_t i = 0; i < n.outputs.size(); ++i) out_ += (i ? ", " : "") + use(n.outputs[i]);
    out_ += " = " + std::string(name(n.op)) + "(";
    for (size_t i = 0; i < n.inputs.size(); ++i) out_ += (i ? ", " : "") + use(n.inputs[i]);
    out_ += ")";
    if (n.attrs.size() > 0) {
      out_ += " {";
      bool first = true;
      for (const auto& [key, value] : n.attrs) {
        out_ += (first ? "" : ", ") + key + " = " + attribute(value);
        first = false;
      }
      out_ += "}";
    }
    out_ += " : ";
    for (size_t i = 0; i < n.outputs.size(); ++i) out_ += (i ? ", " : "") + type(n.outputs[i]);
    if (!n.name.empty()) out_ += " " + in_quotes(n.name);
    out_ += "\n";
  }

  static std::string attribute(const AttrValue& value) {
    const auto list = [](const auto& items, auto&& print_one) {
      std::string text = "[";
      for (size_t i = 0; i < items.size(); ++i) text += (i ? ", " : "") + print_one(items[i]);
      return text + "]";
    };
    if (const auto* i = std::get_if<int64_t>(&value)) return std::to_string(*i);
    if (const auto* f = std::get_if<double>(&value)) return number(*f);
    if (const auto* s = std::get_if<std::string>(&value)) return in_quotes(*s);
    if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
      return list(*is, [](int64_t i) { return std::to_string(i); });
    }
    return list(std::get<std::vector<double>>(value), [](double f) { return number(f); });
  }

  const Graph& graph_;
  std::vector<std::string> names_;
  std::set<ValueId> printed_;
  std::string out_;
};

}  // namespace

std::string print(const Graph& graph) { return Printer(graph).print(); }

}  // namespace weft::ir
