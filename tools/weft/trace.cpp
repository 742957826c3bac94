#include "tools/weft/trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/new_file.h"

namespace weft::cli {

namespace {

const char* kind_name(uint32_t kind) {
  switch (kind) {
    case 1:
      return "kernel";
    case 2:
      return "copy";
    case 3:
      return "wait";
    default:
      return "host";
  }
}

}  // namespace

Trace::Trace() {
  sink_.struct_size = sizeof sink_;
  sink_.level = 2;
  sink_.ctx = this;
  sink_.record = record;
}

void WEFT_CALL Trace::record(void* ctx, const weft_prof_record* record) {
  auto& self = *static_cast<Trace*>(ctx);
  const std::lock_guard lock(self.mutex_);
  self.records_.push_back({record->label ? record->label : "", record->node, record->kind,
                           record->begin_ns, record->end_ns});
}

Status Trace::write(const std::filesystem::path& path) const {
  using nlohmann::ordered_json;
  const std::lock_guard lock(mutex_);
  uint64_t start = UINT64_MAX;
  for (const Record& r : records_) start = std::min(start, r.begin_ns);
  ordered_json events = ordered_json::array();
  for (const Record& r : records_) {
    events.push_back({{"name", r.label},
                      {"cat", kind_name(r.kind)},
                      {"ph", "X"},
                      {"ts", double(r.begin_ns - start) / 1000},
                      {"dur", double(r.end_ns - r.begin_ns) / 1000},
                      {"pid", 1},
                      {"tid", kind_name(r.kind)},
                      {"args", {{"node", r.node}}}});
  }
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  TRY(file.write(ordered_json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump(
      -1, ' ', false, ordered_json::error_handler_t::replace)));
  TRY(file.write("\n"));
  return file.finish();
}

}  // namespace weft::cli
