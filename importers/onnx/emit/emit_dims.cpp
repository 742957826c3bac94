// Sizes as values: an expression of symbols becomes nodes that read the shapes of inputs.
#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

using ir::Dim;
using ir::ValueId;

Result<std::string> Emitter::atom(const sym::Atom& atom) {
  if (atom.kind != sym::Atom::Kind::symbol) {
    // Sizes are not negative, where ONNX's division and floordiv agree.
    const std::string a = TRY(dim(atom.operands[0])), b = TRY(dim(atom.operands[1]));
    constexpr const char* kOps[] = {"", "Div", "Mod", "Max", "Min"};
    return add(kOps[size_t(atom.kind)], {a, b});
  }
  for (const ValueId input : graph_.inputs) {
    const auto& shape = graph_[input].type.shape;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] != Dim::symbol(atom.name)) continue;
      return add("Shape", {names_[input]}, {{"start", int64_t(d)}, {"end", int64_t(d) + 1}},
                 atom.name);
    }
  }
  return Error("no input has a dim '" + atom.name + "', so its size cannot be computed");
}

Result<std::string> Emitter::dim(const Dim& dim) {
  if (dim.is_constant()) return integers({dim.constant()});
  const std::string text = dim.str();
  if (const auto found = dims_.find(text); found != dims_.end()) return found->second;
  std::string sum;
  for (const sym::Term& term : dim.terms()) {
    std::string product;
    for (const sym::AtomId id : term.factors) {
      const std::string factor = sym::atom(id).text == text
                                     ? TRY(atom(sym::atom(id)))
                                     : TRY(this->dim(TRY(Dim::parse(sym::atom(id).text))));
      product = product.empty() ? factor : add("Mul", {product, factor});
    }
    if (product.empty()) {
      product = integers({term.coefficient});
    } else if (term.coefficient != 1) {
      product = add("Mul", {product, integers({term.coefficient})});
    }
    sum = sum.empty() ? product : add("Add", {sum, product});
  }
  dims_[text] = sum;
  return sum;
}

Result<std::string> Emitter::dims(const std::vector<Dim>& elements) {
  Names parts;
  std::vector<int64_t> known;  // constants that follow each other are one part
  const auto flush = [&] {
    if (!known.empty()) parts.push_back(integers(known));
    known.clear();
  };
  for (const Dim& element : elements) {
    if (element.is_constant()) {
      known.push_back(element.constant());
      continue;
    }
    flush();
    parts.push_back(TRY(dim(element)));
  }
  flush();
  if (parts.empty()) return integers({});
  return parts.size() == 1 ? parts[0] : add("Concat", parts, {{"axis", int64_t{0}}});
}

Result<std::string> Emitter::symbolic(ValueId value) {
  const ir::Value& known = graph_[value];
  if (!known.contents) return Error("'" + known.name + "' is a size that is not known");
  std::string name = TRY(dims(*known.contents), known.name);
  if (known.type.shape.size() != 1) {
    std::vector<int64_t> shape;
    for (const Dim& dim : known.type.shape) {
      if (!dim.is_constant()) return Error("'" + known.name + "' has a shape that is not fixed");
      shape.push_back(dim.constant());
    }
    name = add("Reshape", {name, integers(shape)});
  }
  if (known.type.dtype != ir::DType::i64)
    name = add("Cast", {name}, {{"to", int64_t(known.type.dtype)}});
  return name;
}

}  // namespace weft::onnx
