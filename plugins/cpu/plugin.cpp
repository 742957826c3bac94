// The cpu plugin: fast kernels for transformer decoders, through the ABI like any vendor's.
//
//   kernels.def     ops and the rows that run them (ops/*.cpp: one file per op or family)
//   kernels/*.cpp   the numeric loops, compiled once per instruction set
//   pack.cpp        constants repacked into tiles of 16 columns
//
// The table of kernels starts with the baseline and is replaced by what the processor and the
// operating system support. Option `isa` of device_open, or WEFT_CPU_ISA, forces base, avx2 or
// avx512.
#include <weft/note.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "plugins/common/backend.h"
#include "plugins/cpu/kernels/kernels.h"

namespace weft::cpu {

#define KERNEL(Name, row) extern const common::OpRow row;
#include "plugins/cpu/kernels.def"
#undef KERNEL

namespace {

struct Row {
  const char* op;
  const common::OpRow* row;
};
constexpr Row kRows[] = {
#define KERNEL(Name, row) {#Name, &row},
#include "plugins/cpu/kernels.def"
#undef KERNEL
};

const common::OpRow* find(const char* domain, const char* op) {
  for (const Row& row : kRows)
    if (std::strcmp(row.op, op) == 0 && std::strcmp(row.row->domain, domain) == 0) return row.row;
  return nullptr;
}

// These ask for the operating system's support (XCR0) too.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

Kernels choose(const std::string& forced) {
  __builtin_cpu_init();
  Kernels table{};
  const auto unavailable = [&] {
    return plugin::Failure(WEFT_E_UNSUPPORTED,
                           "this processor has no " + forced + "; leave the isa unset");
  };
  if (forced == "avx2" && !has_avx2()) throw unavailable();
  if (forced == "avx512" && !has_avx512()) throw unavailable();
  if (!forced.empty() && forced != "base" && forced != "avx2" && forced != "avx512")
    throw plugin::Failure(WEFT_E_INVALID,
                          "isa '" + forced + "' is unknown: base, avx2 and avx512 are");
  base::install(table);
  if (forced == "base") return table;
  if (has_avx2()) avx2::install(table);
  if (forced == "avx2") return table;
  if (has_avx512()) avx512::install(table);
  return table;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "processor";
}

common::DeviceSettings open(const weft_kv* options, uint32_t count) {
  const char* environment = std::getenv("WEFT_CPU_ISA");
  std::string forced = environment ? environment : "";
  for (uint32_t i = 0; i < count; i++)
    if (std::strcmp(options[i].key, "isa") == 0) forced = options[i].value;
  auto table = std::make_shared<Kernels>(choose(forced));
  common::DeviceSettings settings;
  settings.name = processor_name() + ", " + table->isa;
  // Packed constants are the same for every instruction set, so the key does not name one.
  settings.driver = "weft-cpu-1";
  settings.state = table;
  return settings;
}

constexpr common::BackendTraits kTraits = {
    "cpu", "weft cpu 0.1", 1u << WEFT_F32 | 1u << WEFT_I32 | 1u << WEFT_I64 | 1u << WEFT_BOOL,
    0,     find,           open};

}  // namespace
}  // namespace weft::cpu

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  return weft::common::enter_backend(args, error, weft::cpu::kTraits);
}
