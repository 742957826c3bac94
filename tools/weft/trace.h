// A trace of every kernel of a run, in the JSON form that Perfetto and Chrome open.
#pragma once

#include <weft/plugin.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace weft::cli {

// Collects the records of a session (Session::profile) and writes them out at the end.
// Threads: records may come from any thread.
class Trace {
 public:
  Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const weft_prof_sink* sink() const { return &sink_; }
  // The file appears under its name when it is whole.
  Status write(const std::filesystem::path& path) const;

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
};

}  // namespace weft::cli
