#include "tools/weft/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/counters.h"
#include "tools/weft/linear_json.h"
#include "tools/weft/prompt_report.h"

namespace weft::cli {

namespace {

double mib(int64_t bytes) { return double(bytes) / (1 << 20); }

double rate(size_t tokens, double ms) { return ms > 0 ? double(tokens) * 1000 / ms : 0; }

size_t decoded(const Generation& generation) {
  return generation.ids.empty() ? 0 : generation.ids.size() - 1;
}

// What --compute asks for; the device's name says what it has.
const char* compute_line(const std::string& compute) {
  if (compute == "f32") return "f32";
  if (compute == "bf16") return "f32, and bf16 where a backend has it for products of many rows";
  if (compute == "int8") return "f32, and int8 where a backend has it for quantized weights";
  return "f32, and what a backend has fastest: int8 for quantized weights, bf16 for prompts";
}

}  // namespace

void print_stats(const RunReport& report) {
  const Generation& g = report.generation;
  const Engine& engine = *report.loaded.engine;
  const runtime::MemoryUse& memory = engine.memory();
  std::fprintf(stderr, "\nplacement   %s\n", engine.placement().line().c_str());
  for (const std::string& reason : engine.placement().reasons) {
    std::fprintf(stderr, "            %s\n", reason.c_str());
  }
  std::fprintf(stderr, "linears     %s of the prompt's multiply-adds\n",
               linears_line(engine.plan()).c_str());
  for (const std::string& failure : engine.failures())
    std::fprintf(stderr, "failed      %s\n", failure.c_str());
  std::fprintf(stderr, "compute     %s%s\n", compute_line(engine.options().compute),
               engine.deterministic() ? ", bit for bit equal over threads and chunks" : "");
  std::fprintf(stderr, "programs    %llu from the cache, %llu compiled\n",
               static_cast<unsigned long long>(engine.cached_programs()),
               static_cast<unsigned long long>(engine.compiled_programs()));
  std::fprintf(
      stderr, "load        import %.1f ms, prepare %.1f ms, first token %.0f ms after start\n",
      report.loaded.timings.import_ms, report.loaded.timings.prepare_ms, g.first_token_at_ms);
  std::fprintf(stderr, "prefill     %zu tokens, %.1f ms, %.1f tok/s\n", report.prompt.size(),
               g.prompt_ms, rate(report.prompt.size(), g.prompt_ms));
  print_prompt_report(engine, *report.loaded.session);
  std::fprintf(stderr, "decode      %zu tokens, %.1f ms, %.1f tok/s\n", decoded(g), g.decode_ms,
               rate(decoded(g), g.decode_ms));
  std::fprintf(
      stderr,
      "memory      weights %.1f MiB, cache %.1f MiB (%lld positions), activations %.1f MiB, "
      "scratch %.1f MiB, peak RSS %.1f MiB\n",
      mib(memory.weights), mib(memory.cache), static_cast<long long>(engine.options().capacity),
      mib(memory.arena), mib(memory.scratch), mib(peak_rss_bytes()));
  const double tokens = g.counted_tokens ? double(g.counted_tokens) : 1;
  std::fprintf(
      stderr,
      "per token   %.1f bytes copied outside kernels, %.2f heap allocations (over %llu tokens)\n",
      double(g.decode_copied_bytes) / tokens, double(g.decode_allocations) / tokens,
      static_cast<unsigned long long>(g.counted_tokens));
}

std::string to_json(const RunReport& report) {
  using nlohmann::ordered_json;
  const Generation& g = report.generation;
  const Engine& engine = *report.loaded.engine;
  const runtime::MemoryUse& memory = engine.memory();
  ordered_json out;
  out["model"] = report.flags.model.string();
  out["prompt_ids"] = report.prompt;
  out["output_ids"] = g.ids;
  out["text"] = report.text;
  out["stop"] = g.ended ? "end_token" : g.stopped ? "interrupted" : "length";
  out["timings"] = {{"import_ms", report.loaded.timings.import_ms},
                    {"prepare_ms", report.loaded.timings.prepare_ms},
                    {"prompt_ms", g.prompt_ms},
                    {"prompt_tokens_per_s", rate(report.prompt.size(), g.prompt_ms)},
                    {"decode_ms", g.decode_ms},
                    {"decode_tokens_per_s", rate(decoded(g), g.decode_ms)},
                    {"first_token_after_start_ms", g.first_token_at_ms}};
  out["memory"] = {{"weights_bytes", memory.weights},    {"cache_bytes", memory.cache},
                   {"arena_bytes", memory.arena},        {"scratch_bytes", memory.scratch},
                   {"peak_rss_bytes", peak_rss_bytes()}, {"capacity", engine.options().capacity}};
  ordered_json rows = ordered_json::array();
  for (const auto& row : engine.placement().rows) {
    rows.push_back({{"backend", row.backend}, {"nodes", row.nodes}, {"ops", row.ops}});
  }
  out["placement"] = {{"backends", rows},
                      {"reasons", engine.placement().reasons},
                      {"missing", engine.placement().missing}};
  out["failures"] = engine.failures();
  out["linears"] = linears_json(engine.plan());
  out["weight_copies"] = weight_copies_json(engine.plan());
  out["programs"] = {{"cached", engine.cached_programs()},
                     {"compiled", engine.compiled_programs()}};
  out["prompt"] = json_of_prompt(engine, *report.loaded.session);
  out["counters"] = {{"tokens", g.counted_tokens},
                     {"bytes_copied", g.decode_copied_bytes},
                     {"heap_allocations", g.decode_allocations},
                     {"counts_allocations", counters().counts_allocations.load()}};
  // Text that ends inside a character is shown with U+FFFD rather than refused.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace weft::cli
