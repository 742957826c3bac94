// See isa.h.
#include "plugins/cpu/isa.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "weft/plugin.hpp"

namespace weft::cpu {

#define WEFT_INSTRUCTION_SET(name) \
  namespace name {                 \
  void install(Kernels& table);    \
  }
WEFT_INSTRUCTION_SET(base)
WEFT_INSTRUCTION_SET(avx2)
WEFT_INSTRUCTION_SET(avxvnni)  // integer dot products of 256 bits
WEFT_INSTRUCTION_SET(avx512)
WEFT_INSTRUCTION_SET(vnni)  // integer dot products
WEFT_INSTRUCTION_SET(bf16)  // dot products of bfloat16
WEFT_INSTRUCTION_SET(amx)   // the same on tiles
WEFT_INSTRUCTION_SET(amx_emulated)

namespace {

// These ask for the operating system's support (XCR0) too.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}
bool has_avxvnni() { return has_avx2() && __builtin_cpu_supports("avxvnni"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool has_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
bool has_bf16() { return has_vnni() && __builtin_cpu_supports("avx512bf16"); }
// AMD's dot products of bfloat16 are as fast as its multiplications of floats; others do half as
// many, and nothing is gained.
bool has_fast_bf16() { return has_bf16() && __builtin_cpu_is("amd"); }

// The kernel gives a process the tiles' state when it asks (arch_prctl(2)), for all its threads.
bool has_amx() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return has_bf16() && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

struct InstructionSet {
  const char* name;
  bool (*is_there)();
  bool (*pays)();  // asked where none is named
  void (*install)(Kernels& table);
};
// Each installs over the ones before that pay.
constexpr InstructionSet kInstructionSets[] = {
    {"base", [] { return true; }, [] { return true; }, base::install},
    {"avx2", has_avx2, has_avx2, avx2::install},
    {"avxvnni", has_avxvnni, has_avxvnni, avxvnni::install},
    {"avx512", has_avx512, has_avx512, avx512::install},
    {"vnni", has_vnni, has_vnni, vnni::install},
    {"bf16", has_bf16, has_fast_bf16, bf16::install},
    {"amx", has_amx, has_amx, amx::install},
    {"amx_emulated", has_bf16, [] { return false; }, amx_emulated::install},
};

}  // namespace

Kernels kernels_of(const std::string& forced) {
  __builtin_cpu_init();
  Kernels table{};
  std::string known;
  for (const InstructionSet& set : kInstructionSets) {
    known += (known.empty() ? "" : ", ") + std::string(set.name);
    if (forced == set.name && !set.is_there())
      throw plugin::Failure(WEFT_E_UNSUPPORTED,
                            "this processor has no " + forced + "; leave the isa unset");
    if (forced == set.name || set.pays()) set.install(table);
    if (forced == set.name) return table;
  }
  if (forced.empty()) return table;
  throw plugin::Failure(WEFT_E_INVALID, "isa '" + forced + "' is unknown; there are " + known);
}

}  // namespace weft::cpu
