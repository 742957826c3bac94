// The cpu plugin: fast kernels for transformer decoders, through the ABI like any vendor's.
//
//   kernels.def     ops and the rows that run them (ops/*.cpp: one file per op or family)
//   kernels/*.cpp   the numeric loops, compiled once per instruction set
//   pack.cpp        constants repacked into tiles of 16 columns
//
//   linear_group    nodes that run as one where products are of int8
//
// The table of kernels starts with the baseline and is replaced by what the processor and the
// operating system support. Options of device_open:
//
//   isa       base, avx2, avx512, vnni or bf16; WEFT_CPU_ISA says the same
//   compute   f32: activations stay floats. int8: those that meet codes become codes.
//             auto: int8, of two terms in short prompts; results depend on how many rows there are
#include <weft/note.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "plugins/common/backend.h"
#include "plugins/cpu/linear_group.h"

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

bool has_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
bool has_bf16() { return has_vnni() && __builtin_cpu_supports("avx512bf16"); }

struct InstructionSet {
  const char* name;
  bool (*is_there)();
  void (*install)(Kernels& table);
};
// Each installs over the ones before.
constexpr InstructionSet kInstructionSets[] = {
    {"base", [] { return true; }, base::install},
    {"avx2", has_avx2, avx2::install},
    {"avx512", has_avx512, avx512::install},
    {"vnni", has_vnni, vnni::install},
    {"bf16", has_bf16, bf16::install},
};

Kernels choose(const std::string& forced) {
  __builtin_cpu_init();
  Kernels table{};
  for (const InstructionSet& set : kInstructionSets) {
    if (!set.is_there()) {
      if (forced != set.name) continue;
      throw plugin::Failure(WEFT_E_UNSUPPORTED,
                            "this processor has no " + forced + "; leave the isa unset");
    }
    set.install(table);
    if (forced == set.name) return table;
  }
  if (forced.empty()) return table;
  throw plugin::Failure(WEFT_E_INVALID,
                        "isa '" + forced + "' is unknown: base, avx2, avx512, vnni and bf16 are");
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "processor";
}

Compute compute_of(const std::string& name) {
  if (name == "f32") return Compute::f32;
  if (name == "int8") return Compute::int8;
  if (name == "auto") return Compute::automatic;
  throw plugin::Failure(WEFT_E_INVALID,
                        "compute '" + name + "' is unknown: f32, int8 and auto are");
}

common::DeviceSettings open(const weft_kv* options, uint32_t count) {
  const char* environment = std::getenv("WEFT_CPU_ISA");
  std::string isa = environment ? environment : "", compute = "f32";
  for (uint32_t i = 0; i < count; i++) {
    if (std::strcmp(options[i].key, "isa") == 0) isa = options[i].value;
    if (std::strcmp(options[i].key, "compute") == 0) compute = options[i].value;
  }
  auto device = std::make_shared<CpuDevice>(CpuDevice{choose(isa), compute_of(compute)});
  common::DeviceSettings settings;
  settings.name = processor_name() + ", " + device->kernels.isa;
  // Packed constants are the same for every instruction set, so the key does not name one.
  settings.driver = "weft-cpu-4";
  settings.state = device;
  settings.deterministic = device->compute != Compute::automatic;
  return settings;
}

std::vector<common::Fusion> fuse(const plugin::GraphView& graph,
                                 const common::DeviceSettings& settings) {
  std::vector<common::Fusion> fusions;
  if (static_cast<const CpuDevice*>(settings.state.get())->compute == Compute::f32) return fusions;
  for (const LinearGroup& group : linear_groups(graph))
    fusions.push_back({group.nodes(), &linear_group_row});
  return fusions;
}

constexpr common::BackendTraits kTraits = {
    "cpu",
    "weft cpu 0.1",
    1u << WEFT_F32 | 1u << WEFT_F16 | 1u << WEFT_I32 | 1u << WEFT_I64 | 1u << WEFT_BOOL,
    0,
    find,
    open,
    true,
    fuse};

}  // namespace
}  // namespace weft::cpu

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  return weft::common::enter_backend(args, error, weft::cpu::kTraits);
}
