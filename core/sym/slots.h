// Slots: every expression that a plan needs at run time, computed by one straight-line program.
//
//   SlotTable table;
//   uint32_t s = table.slot(past + seq);          // equal Dims share a slot
//   SlotProgram program(table);                    // once
//   program.set("past", 7); program.set("seq", 1); // per run
//   program.evaluate();  program.values()[s] == 8
//
// Across the plugin ABI a dim is a constant or the index of a slot, so a plugin needs no algebra.
// evaluate() allocates nothing and does nothing when no symbol has changed. A quotient by zero is
// 0.
//
// Transformer-Lite (Li et al., 2024), symbolic expressions; the update per inference is a few
// hundred integer operations.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/sym/dim.h"

namespace weft::sym {

class SlotTable {
 public:
  uint32_t slot(const Dim& dim);
  // The slot `dim` has already, if any.
  std::optional<uint32_t> find(const Dim& dim) const;
  const std::vector<Dim>& dims() const { return dims_; }

 private:
  std::vector<Dim> dims_;
  std::map<std::string, uint32_t> index_;  // by normal form
};

class SlotProgram {
 public:
  explicit SlotProgram(const SlotTable& table);

  // The symbols that must be set before evaluate(), sorted.
  const std::vector<std::string>& symbols() const { return symbols_; }
  // Binds a symbol; one the program does not use is ignored.
  void set(std::string_view symbol, int64_t value);
  // Fills values(). True when any slot may have changed since the last call.
  bool evaluate();
  // One value per slot of the table, valid until the next evaluate().
  std::span<const int64_t> values() const { return values_; }
  // Integer operations of one evaluation.
  size_t operation_count() const { return code_.size(); }

 private:
  struct Instruction {
    enum class Kind : uint8_t { add, multiply, floordiv, mod, max, min };
    Kind kind;
    uint32_t a, b, out;  // registers
  };
  uint32_t load_constant(int64_t value);
  uint32_t emit(Instruction::Kind kind, uint32_t a, uint32_t b);
  uint32_t compile(const Dim& dim);
  uint32_t compile_atom(AtomId id);

  std::vector<std::string> symbols_;
  std::vector<int64_t> registers_;  // symbols first, then constants and results
  std::vector<Instruction> code_;
  std::vector<uint32_t> results_;  // register of each slot
  std::vector<int64_t> values_;
  bool dirty_ = true;
  std::map<std::string, uint32_t> compiled_;  // normal form -> register, for shared parts
};

}  // namespace weft::sym
