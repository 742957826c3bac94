#include "core/sym/slots.h"

#include <algorithm>

#include "core/sym/saturating.h"

namespace weft::sym {

uint32_t SlotTable::slot(const Dim& dim) {
  const auto [entry, fresh] = index_.emplace(dim.str(), uint32_t(dims_.size()));
  if (fresh) dims_.push_back(dim);
  return entry->second;
}

std::optional<uint32_t> SlotTable::find(const Dim& dim) const {
  const auto found = index_.find(dim.str());
  if (found == index_.end()) return {};
  return found->second;
}

SlotProgram::SlotProgram(const SlotTable& table) {
  std::set<std::string> names;
  for (const Dim& dim : table.dims()) names.merge(dim.symbols());
  symbols_.assign(names.begin(), names.end());
  registers_.assign(symbols_.size(), 0);
  for (const Dim& dim : table.dims()) results_.push_back(compile(dim));
  values_.assign(results_.size(), 0);
}

void SlotProgram::set(std::string_view symbol, int64_t value) {
  const auto at = std::lower_bound(symbols_.begin(), symbols_.end(), symbol);
  if (at == symbols_.end() || *at != symbol) return;
  int64_t& place = registers_[size_t(at - symbols_.begin())];
  dirty_ = dirty_ || place != value;
  place = value;
}

bool SlotProgram::evaluate() {
  if (!dirty_) return false;
  for (const Instruction& i : code_) {
    const int64_t a = registers_[i.a], b = registers_[i.b];
    int64_t& out = registers_[i.out];
    // A divisor that is no length has no quotient; the dim it was to give is then 0.
    const auto floor_quotient = [&]() -> int64_t {
      return b > 0 ? a / b - (a % b != 0 && a < 0 ? 1 : 0) : 0;
    };
    switch (i.kind) {
      case Instruction::Kind::add:
        out = saturating_add(a, b);
        break;
      case Instruction::Kind::multiply:
        out = saturating_mul(a, b);
        break;
      case Instruction::Kind::floordiv:
        out = floor_quotient();
        break;
      case Instruction::Kind::mod:
        out = b > 0 ? a - floor_quotient() * b : 0;
        break;
      case Instruction::Kind::max:
        out = std::max(a, b);
        break;
      case Instruction::Kind::min:
        out = std::min(a, b);
        break;
    }
  }
  for (size_t i = 0; i < results_.size(); ++i) values_[i] = registers_[results_[i]];
  dirty_ = false;
  return true;
}

uint32_t SlotProgram::load_constant(int64_t value) {
  registers_.push_back(value);
  return uint32_t(registers_.size() - 1);
}

uint32_t SlotProgram::emit(Instruction::Kind kind, uint32_t a, uint32_t b) {
  const uint32_t out = load_constant(0);
  code_.push_back({kind, a, b, out});
  return out;
}

uint32_t SlotProgram::compile_atom(AtomId id) {
  const Atom& a = atom(id);
  if (a.kind == Atom::Kind::symbol) {
    const auto at = std::lower_bound(symbols_.begin(), symbols_.end(), a.name);
    return uint32_t(at - symbols_.begin());
  }
  const uint32_t x = compile(a.operands[0]), y = compile(a.operands[1]);
  switch (a.kind) {
    case Atom::Kind::floordiv:
      return emit(Instruction::Kind::floordiv, x, y);
    case Atom::Kind::mod:
      return emit(Instruction::Kind::mod, x, y);
    case Atom::Kind::max:
      return emit(Instruction::Kind::max, x, y);
    default:
      return emit(Instruction::Kind::min, x, y);
  }
}

uint32_t SlotProgram::compile(const Dim& dim) {
  const std::string key = dim.str();
  if (const auto found = compiled_.find(key); found != compiled_.end()) return found->second;
  uint32_t sum = 0;
  bool first = true;
  for (const Term& term : dim.terms()) {
    uint32_t value = 0;
    bool started = false;
    for (const AtomId id : term.factors) {
      const uint32_t factor = compile_atom(id);
      value = started ? emit(Instruction::Kind::multiply, value, factor) : factor;
      started = true;
    }
    if (!started) {
      value = load_constant(term.coefficient);
    } else if (term.coefficient != 1) {
      value = emit(Instruction::Kind::multiply, value, load_constant(term.coefficient));
    }
    sum = first ? value : emit(Instruction::Kind::add, sum, value);
    first = false;
  }
  if (first) sum = load_constant(0);
  compiled_.emplace(key, sum);
  return sum;
}

}  // namespace weft::sym
