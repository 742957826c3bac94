// Probing and its report; see probe.h. The child of probe_in_child is in probe_child.cpp.
#include "core/host/probe.h"

#include "core/host/loader.h"

namespace weft::host {

const char* name_of(ProbeVerdict verdict) {
  switch (verdict) {
    case ProbeVerdict::usable:
      return "usable";
    case ProbeVerdict::crashed:
      return "crashed";
    case ProbeVerdict::hung:
      return "hung";
    default:
      return "refused";
  }
}

ProbeReport probe(const std::filesystem::path& path, std::shared_ptr<HostServices> services) {
  ProbeReport report;
  report.path = path;
  Result<PluginPtr> plugin = load(path, std::move(services));
  if (!plugin.ok()) {
    report.why = plugin.error().message;
    return report;
  }
  report.path = (*plugin)->path();
  report.name = (*plugin)->name();
  report.vendor = (*plugin)->vendor();
  report.build = (*plugin)->build();
  report.abi_major = (*plugin)->api().version_major;
  report.abi_minor = (*plugin)->api().version_minor;
  Result<std::vector<DeviceInfo>> devices = (*plugin)->devices(&report.why);
  if (!devices.ok()) {
    report.why = devices.error().message;
    return report;
  }
  report.verdict = ProbeVerdict::usable;
  report.devices = *std::move(devices);
  return report;
}

struct DTypeName {
  weft_dtype dtype;
  const char* name;
};
static constexpr DTypeName kDTypes[] = {
    {WEFT_F32, "f32"},      {WEFT_F16, "f16"}, {WEFT_BF16, "bf16"}, {WEFT_F64, "f64"},
    {WEFT_I8, "i8"},        {WEFT_U8, "u8"},   {WEFT_I16, "i16"},   {WEFT_U16, "u16"},
    {WEFT_I32, "i32"},      {WEFT_U32, "u32"}, {WEFT_I64, "i64"},   {WEFT_U64, "u64"},
    {WEFT_BOOL, "bool"},    {WEFT_I4, "i4"},   {WEFT_U4, "u4"},     {WEFT_F4_E2M1, "f4e2m1"},
    {WEFT_F4_E0M4, "e0m4"},
};

static std::string kind_of(uint32_t type) {
  switch (type) {
    case WEFT_DEV_CPU:
      return "CPU";
    case WEFT_DEV_GPU:
      return "GPU";
    case WEFT_DEV_NPU:
      return "NPU";
    default:
      return "device of type " + std::to_string(type);
  }
}

static std::string describe(const DeviceInfo& device) {
  std::string text = "  device " + std::to_string(device.index) + ": " + device.name + ", " +
                     kind_of(device.type) + ", driver " + device.driver;
  if (device.memory_total)
    text += ", " + std::to_string(device.memory_total / (1024 * 1024)) + " MiB";
  std::string computes;
  for (const DTypeName& entry : kDTypes)
    if (device.computes(entry.dtype)) computes += std::string(" ") + entry.name;
  return text + (computes.empty() ? "" : ", computes" + computes) + "\n";
}

std::string describe(const ProbeReport& report) {
  if (report.verdict != ProbeVerdict::usable)
    return report.path.string() + ": " + name_of(report.verdict) + ": " + report.why + "\n";
  std::string text = report.name + " " + report.build + " (" + report.vendor + "), ABI " +
                     std::to_string(report.abi_major) + "." + std::to_string(report.abi_minor) +
                     ", " + report.path.string() + "\n";
  if (report.devices.empty())
    text += "  no device" + (report.why.empty() ? "" : ": " + report.why) + "\n";
  for (const DeviceInfo& device : report.devices) text += describe(device);
  return text;
}

}  // namespace weft::host
