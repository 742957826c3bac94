// A trace of a run, in the JSON form that Perfetto and Chrome open, and back.
//
//   process "kernels"    what backends recorded, by kind
//   process "schedule"   a row per processor: the stages of a prompt's chunks, and on the host's
//                        row the copies and the times it waited for a device
//
// The schedule alone can be read back: `weft trace` draws it and counts.
#pragma once

#include <weft/plugin.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/runtime/session.h"
#include "core/schedule/simulate.h"

namespace weft::cli {

// What a trace says of a schedule, in microseconds from its start.
struct ScheduleTrace {
  struct Span {
    std::string kind;  // "stage", "copy" or "wait"
    std::string name;
    uint32_t processor = 0, chunk = 0, stage = 0;
    double begin_us = 0, end_us = 0;
    uint64_t bytes = 0;  // copy
  };
  std::vector<std::string> processors;
  std::vector<Span> spans;
  std::string title;  // model, prompt, order; for people
  bool modelled = false;
  int64_t rows = 0, padded_rows = 0;
};

// The schedule of a prompt on the modelled clock; the simulator has just run it.
ScheduleTrace trace_of(const schedule::Simulator& simulator, std::string title);

// Reads what write() wrote; fails in one sentence where it is no trace, or has no schedule.
Result<ScheduleTrace> read_schedule(const std::filesystem::path& path);

// Collects the records of a session (Session::profile, Session::record_tasks) and writes them out
// at the end. Threads: records of kernels may come from any thread.
class Trace {
 public:
  Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void watch(runtime::Session& session);
  // The schedule of what was watched; empty where no prompt was run in stages.
  ScheduleTrace schedule(const runtime::Session& session) const;
  // The file appears under its name when it is whole.
  Status write(const std::filesystem::path& path, const runtime::Session& session) const;

 private:
  struct Record {
    std::string label;
    uint32_t node, kind;
    uint64_t begin_ns, end_ns;
  };
  static void WEFT_CALL record(void* ctx, const weft_prof_record* record);

  weft_prof_sink sink_{};
  mutable std::mutex mutex_;
  std::vector<Record> records_;
  std::vector<runtime::TaskRecord> tasks_;
};

// A schedule alone, as a trace file.
Status write_schedule(const std::filesystem::path& path, const ScheduleTrace& trace);

}  // namespace weft::cli
