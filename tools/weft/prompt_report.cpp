#include "tools/weft/prompt_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace weft::cli {

namespace {

using runtime::PromptReport;

double ms(int64_t ns) { return double(ns) / 1e6; }
double mib(uint64_t bytes) { return double(bytes) / (1 << 20); }
double percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * double(part) / double(whole) : 0;
}

}  // namespace

std::string name_of(const schedule::Policy& policy) {
  switch (policy.order) {
    case schedule::Order::serial:
      return "serial";
    case schedule::Order::in_order:
      return "in-order";
    case schedule::Order::out_of_order:
      return "out-of-order";
    case schedule::Order::random:
      return "random";
    case schedule::Order::wavefront:
      break;
  }
  return "wavefront of " + std::to_string(policy.lag) + (policy.hold ? ", held" : "");
}

ChunkSharing chunk_sharing(const Engine& engine, uint32_t chunks) {
  ChunkSharing out;
  const runtime::Programs& programs = engine.prefill_programs();
  const auto& islands = engine.plan().prefill().islands();
  for (size_t i = 0; i < islands.size(); ++i) {
    if (islands[i].fixed_slots.empty()) continue;
    ++out.programs;
    out.bytes += programs.programs[i]->info().constant_bytes;
  }
  out.unshared_bytes = out.bytes * std::max(chunks, 1u);
  return out;
}

void print_prompt_report(const Engine& engine, const runtime::Session& session) {
  const PromptReport* report = session.prompt_report();
  if (!report) return;
  std::fprintf(stderr, "chunks      %u of %u stages each, %u in flight, %s: %.1f ms",
               report->chunks, report->stages, report->in_flight, name_of(report->policy).c_str(),
               ms(report->wall_ns));
  if (report->expected_ns > 0)
    std::fprintf(stderr, ", %.1f ms expected by what was measured before", ms(report->expected_ns));
  std::fprintf(stderr, "\n");
  for (const PromptReport::Processor& processor : report->processors) {
    std::fprintf(stderr, "            %s: %.1f ms in %llu stages, idle %.1f %%\n",
                 processor.name.c_str(), ms(processor.busy_ns),
                 static_cast<unsigned long long>(processor.stages),
                 100 - percent(processor.busy_ns, report->wall_ns));
  }
  std::fprintf(
      stderr,
      "            %llu copies of %.1f MiB in %.1f ms, %llu waits of %.1f ms, padding %.1f "
      "%% of rows\n",
      static_cast<unsigned long long>(report->copies), mib(report->copied_bytes),
      ms(report->copy_ns), static_cast<unsigned long long>(report->waits), ms(report->wait_ns),
      percent(report->padded_rows, report->rows + report->padded_rows));
  const ChunkSharing sharing = chunk_sharing(engine, report->chunks);
  if (sharing.programs == 0) return;
  std::fprintf(stderr,
               "            %llu programs at fixed shapes hold %.1f MiB for all chunks; programs "
               "per chunk would hold %.1f MiB\n",
               static_cast<unsigned long long>(sharing.programs), mib(sharing.bytes),
               mib(sharing.unshared_bytes));
}

nlohmann::ordered_json json_of_prompt(const Engine& engine, const runtime::Session& session) {
  using nlohmann::ordered_json;
  const PromptReport* report = session.prompt_report();
  if (!report) return nullptr;
  ordered_json processors = ordered_json::array();
  for (const PromptReport::Processor& processor : report->processors) {
    processors.push_back({{"name", processor.name},
                          {"stages", processor.stages},
                          {"busy_ms", ms(processor.busy_ns)},
                          {"idle_percent", 100 - percent(processor.busy_ns, report->wall_ns)}});
  }
  const ChunkSharing sharing = chunk_sharing(engine, report->chunks);
  return {{"chunks", report->chunks},
          {"stages", report->stages},
          {"in_flight", report->in_flight},
          {"policy", name_of(report->policy)},
          {"wall_ms", ms(report->wall_ns)},
          {"expected_ms",
           report->expected_ns > 0 ? ordered_json(ms(report->expected_ns)) : ordered_json(nullptr)},
          {"processors", processors},
          {"copies", report->copies},
          {"copied_bytes", report->copied_bytes},
          {"copy_ms", ms(report->copy_ns)},
          {"waits", report->waits},
          {"wait_ms", ms(report->wait_ns)},
          {"rows", report->rows},
          {"padded_rows", report->padded_rows},
          {"fixed_programs", sharing.programs},
          {"fixed_program_bytes", sharing.bytes},
          {"unshared_program_bytes", sharing.unshared_bytes}};
}

}  // namespace weft::cli
