// Slot programs give what evaluation gives, and do nothing when nothing changed.
#include "core/sym/slots.h"

#include <gtest/gtest.h>

namespace weft::sym {
namespace {

const Dim seq = Dim::symbol("seq"), past = Dim::symbol("past");

TEST(SlotTable, equal_dims_share_a_slot) {
  SlotTable table;
  EXPECT_EQ(table.slot(seq + past), table.slot(past + seq));
  EXPECT_NE(table.slot(seq), table.slot(past));
  EXPECT_EQ(table.find(seq * 5), std::nullopt);
}

TEST(SlotProgram, equals_evaluation_for_many_bindings) {
  SlotTable table;
  const std::vector<Dim> dims = {seq,
                                 past + seq,
                                 (past + seq) * 192,
                                 floordiv(past, 64) * 64 + seq,
                                 Dim(7),
                                 max(seq, past) - min(seq, past),
                                 mod(past * seq, 9),
                                 Dim(0)};
  for (const Dim& dim : dims) table.slot(dim);
  SlotProgram program(table);
  EXPECT_EQ(program.symbols(), (std::vector<std::string>{"past", "seq"}));
  for (int64_t p = 0; p < 300; p += 7) {
    for (const int64_t s : {1, 2, 64, 511}) {
      program.set("past", p);
      program.set("seq", s);
      program.evaluate();
      for (size_t i = 0; i < dims.size(); ++i) {
        ASSERT_EQ(program.values()[i], *dims[i].eval({{"past", p}, {"seq", s}})) << dims[i].str();
      }
    }
  }
}

TEST(SlotProgram, ends_at_the_limits_of_numbers_and_divides_by_no_zero) {
  SlotTable table;
  const Dim huge = past * past * past;
  const uint32_t cube = table.slot(huge), sum = table.slot(huge + seq),
                 quotient = table.slot(floordiv(seq, past)), rest = table.slot(mod(seq, past));
  SlotProgram program(table);
  EXPECT_GT(program.operation_count(), 4u);
  program.set("past", int64_t{1} << 40);
  program.set("seq", 5);
  program.evaluate();
  EXPECT_EQ(program.values()[cube], INT64_MAX);
  EXPECT_EQ(program.values()[sum], INT64_MAX);
  program.set("past", 0);
  program.evaluate();
  EXPECT_EQ(program.values()[quotient], 0);
  EXPECT_EQ(program.values()[rest], 0);
}

TEST(SlotProgram, says_when_nothing_changed) {
  SlotTable table;
  table.slot(seq);
  SlotProgram program(table);
  program.set("seq", 3);
  EXPECT_TRUE(program.evaluate());
  program.set("seq", 3);
  program.set("unknown", 4);
  EXPECT_FALSE(program.evaluate());
}

}  // namespace
}  // namespace weft::sym
