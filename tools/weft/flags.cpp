#include "tools/weft/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace weft::cli {

void add_shared_flags(CLI::App& verb, Flags& flags) {
  verb.add_option("-m,--model", flags.model, "Model folder, or an .onnx file in one")->required();
  verb.add_option("--backend", flags.backends, "Backends, most wanted first (a,b,c)")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--prefill", flags.prefill, "Backends for the prompt")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--decode", flags.decode, "Backends for generated tokens")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--device", flags.devices,
                  "A backend's device by its number in `weft plugins probe`, as opencl=1")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--priority", flags.priority,
                  "low, normal or high: gives way to, or goes before, others on the same device");
  verb.add_option("--throttle", flags.throttle_ms,
                  "Milliseconds of work that a device is given at once (0: no bound; default: 8 "
                  "with --priority low)");
  verb.add_option("--require", flags.require, "Fail (exit 6) if any node lands on another backend");
  verb.add_option("--compute", flags.compute,
                  "Products with weights: f32, bf16 (prompts), int8 (quantized weights), or auto: "
                  "what is fastest");
  verb.add_option("-u,--chunk,--ubatch-size", flags.chunk, "Most prompt tokens of one run")
      ->check(CLI::Range(int64_t{1}, int64_t{65536}))
      ->each([&flags](const std::string&) { flags.chunk_given = true; });
  verb.add_option("--schedule", flags.schedule,
                  "Chunks of a prompt on devices beside the host: serial, in-order, out-of-order "
                  "or auto");
  verb.add_option("--in-flight", flags.in_flight,
                  "Chunks of a prompt that are begun and not ended (0: as many as pay and fit)")
      ->check(CLI::Range(int64_t{0}, int64_t{256}));
  verb.add_option("-c,--ctx-size", flags.context,
                  "Positions of the KV cache (0: as many as needed)");
  verb.add_option("--memory", flags.memory,
                  "Memory of activations: max (for the longest run, once) or elastic (grows)");
  verb.add_option("-t,--threads", flags.threads, "Threads (0: all this process may use)");
  verb.add_option("--cache-type-k", flags.cache_key_type,
                  "Element type of cached keys: f32, f16 or q8_0");
  verb.add_option("--cache-type-v", flags.cache_value_type,
                  "Element type of cached values: f32, f16 or q8_0");
  verb.add_flag("--strict", flags.strict, "Bit-for-bit equal over threads and chunks");
  verb.add_flag("--stats", flags.stats, "Say on stderr what happened: times, memory, placement");
  verb.add_flag("--json", flags.json, "One JSON object on stdout instead of text");
  verb.add_flag("--no-cache", flags.no_cache, "Neither read nor write the preparation cache");
  verb.add_option("--plugin", flags.plugins, "A plugin file to load besides those found")
      ->allow_extra_args(false);
}

std::optional<runtime::ScheduleMode> schedule_mode(const std::string& name) {
  if (name == "serial") return runtime::ScheduleMode::serial;
  if (name == "in-order") return runtime::ScheduleMode::in_order;
  if (name == "out-of-order") return runtime::ScheduleMode::out_of_order;
  if (name == "auto") return runtime::ScheduleMode::automatic;
  return {};
}

std::optional<ir::DType> cache_type(const std::string& name) {
  if (name == "f32") return ir::DType::f32;
  if (name == "f16") return ir::DType::f16;
  if (name == "q8_0") return ir::DType::i8;
  return {};
}

std::optional<std::pair<std::string, uint32_t>> device_choice(const std::string& text) {
  const size_t equals = text.find('=');
  uint32_t number = 0;
  const char* end = text.data() + text.size();
  if (equals == std::string::npos || equals == 0) return {};
  const auto [stop, error] = std::from_chars(text.data() + equals + 1, end, number);
  if (error != std::errc() || stop != end) return {};
  return std::pair(text.substr(0, equals), number);
}

// A kernel takes half of what is on the device at once, so that two can follow each other; the
// pause is an eighth.
host::Courtesy courtesy(const Flags& flags) {
  host::Courtesy out;
  out.priority = flags.priority == "low" ? -1 : flags.priority == "high" ? 1 : 0;
  const double ms = flags.throttle_ms.value_or(out.priority < 0 ? 8.0 : 0.0);
  out.in_flight = std::chrono::nanoseconds(int64_t(ms * 1e6));
  out.kernel = out.in_flight / 2;
  out.pause = out.in_flight / 8;
  return out;
}

Status check(const Flags& flags) {
  const auto usage = [](std::string text) { return Error{std::move(text), ErrorKind::usage}; };
  if (flags.compute != "f32" && flags.compute != "bf16" && flags.compute != "int8" &&
      flags.compute != "auto")
    return usage("--compute " + flags.compute + " is not available; f32, bf16, int8 and auto are");
  if (flags.strict && flags.compute == "bf16")
    return usage(
        "--strict does not go with --compute bf16, whose results depend on the chunk; "
        "f32 and int8 do not");
  if (flags.memory != "max" && flags.memory != "elastic")
    return usage("--memory " + flags.memory + " is not available; max and elastic are");
  if (!schedule_mode(flags.schedule))
    return usage("--schedule " + flags.schedule +
                 " is not available; serial, in-order, out-of-order and auto are");
  if (flags.priority != "low" && flags.priority != "normal" && flags.priority != "high")
    return usage("--priority " + flags.priority + " is not available; low, normal and high are");
  if (flags.throttle_ms && !(*flags.throttle_ms >= 0 && *flags.throttle_ms <= 10000))
    return usage("--throttle takes 0 to 10000 milliseconds");
  for (const std::string& device : flags.devices) {
    const auto choice = device_choice(device);
    if (!choice)
      return usage("--device takes a backend and a number, such as opencl=1, not '" + device + "'");
    const auto names = [&](const std::vector<std::string>& list) {
      return std::find(list.begin(), list.end(), choice->first) != list.end();
    };
    if (!names(flags.backends) && !names(flags.prefill) && !names(flags.decode))
      return usage("--device " + device + " is for a backend that is not asked for");
  }
  for (const std::string& type : {flags.cache_key_type, flags.cache_value_type}) {
    if (!type.empty() && !cache_type(type))
      return usage("KV caches of type '" + type + "' are not available; f32, f16 and q8_0 are");
  }
  if (flags.backends.empty()) return usage("--backend names no backend");
  if (flags.threads < 0) return usage("-t takes 0 or a number of threads");
  if (flags.context < 0) return usage("-c takes 0 or a number of positions");
  return {};
}

}  // namespace weft::cli
