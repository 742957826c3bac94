// Fills the table with this instruction set's kernels: WEFT_KERNEL_PARTS names the files it has,
// each of which installs its own.
#include "plugins/cpu/kernels/kernels.h"

namespace weft::cpu::WEFT_ISA {

#define WEFT_PART(name) void install_##name(Kernels& table);
WEFT_KERNEL_PARTS
#undef WEFT_PART

#define WEFT_QUOTE_(x) #x
#define WEFT_QUOTE(x) WEFT_QUOTE_(x)

void install(Kernels& table) {
  table.isa = WEFT_QUOTE(WEFT_ISA);
#define WEFT_PART(name) install_##name(table);
  WEFT_KERNEL_PARTS
}

}  // namespace weft::cpu::WEFT_ISA
