// Fills the table with this instruction set's kernels, or with those in which it differs from the
// one it extends.
#include "plugins/cpu/kernels/kernels.h"

namespace weft::cpu::WEFT_ISA {

void install_matmul(Kernels& table);
void install_attention(Kernels& table);
void install_half(Kernels& table);
void install_rows(Kernels& table);
void install_elementwise(Kernels& table);
void install_quantized(Kernels& table);

#define WEFT_QUOTE_(x) #x
#define WEFT_QUOTE(x) WEFT_QUOTE_(x)

void install(Kernels& table) {
  table.isa = WEFT_QUOTE(WEFT_ISA);
#if !defined(WEFT_ISA_EXTENDS)
  install_matmul(table);
  install_attention(table);
  install_half(table);
  install_rows(table);
  install_elementwise(table);
#endif
  install_quantized(table);
}

}  // namespace weft::cpu::WEFT_ISA
