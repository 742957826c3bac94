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
//   isa       base, avx2, avxvnni, avx512, vnni, bf16 or amx; WEFT_CPU_ISA says the same.
//             amx_emulated computes as amx would, slowly, for tests
//   compute   f32: activations stay floats. int8: those that meet codes become codes.
//             bf16: both sides of products of many rows are rounded, attention's too, where the
//             processor has such products. auto: what is fastest, and in short prompts what is
//             nearly as good as floats. With these two results depend on how many rows there are
#include <weft/note.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "plugins/common/backend.h"
#include "plugins/cpu/isa.h"
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
  if (name == "bf16") return Compute::bf16;
  if (name == "auto") return Compute::automatic;
  throw plugin::Failure(WEFT_E_INVALID,
                        "compute '" + name + "' is unknown: f32, bf16, int8 and auto are");
}

common::DeviceSettings open(const weft_kv* options, uint32_t count) {
  const char* environment = std::getenv("WEFT_CPU_ISA");
  std::string isa = environment ? environment : "", compute = "f32";
  for (uint32_t i = 0; i < count; i++) {
    if (std::strcmp(options[i].key, "isa") == 0) isa = options[i].value;
    if (std::strcmp(options[i].key, "compute") == 0) compute = options[i].value;
  }
  auto device = std::make_shared<CpuDevice>(CpuDevice{kernels_of(isa), compute_of(compute)});
  common::DeviceSettings settings;
  settings.name = processor_name() + ", " + device->kernels.isa;
  // Packed constants are the same for every instruction set, so the key does not name one.
  settings.driver = "weft-cpu-6";
  settings.state = device;
  settings.deterministic = device->compute == Compute::f32 || device->compute == Compute::int8;
  return settings;
}

std::vector<common::Fusion> fuse(const plugin::GraphView& graph,
                                 const common::DeviceSettings& settings) {
  std::vector<common::Fusion> fusions;
  const Compute compute = static_cast<const CpuDevice*>(settings.state.get())->compute;
  if (compute != Compute::int8 && compute != Compute::automatic) return fusions;
  for (const LinearGroup& group : linear_groups(graph))
    fusions.push_back({group.nodes(), &linear_group_row, std::make_shared<LinearGroup>(group)});
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
