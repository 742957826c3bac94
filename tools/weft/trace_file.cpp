#include "tools/weft/trace_file.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/new_file.h"
#include "tools/weft/prompt_report.h"

namespace weft::cli {

using nlohmann::ordered_json;

namespace {

constexpr int kKernels = 1, kSchedule = 2;  // processes of the trace

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

const char* kind_name(runtime::TaskRecord::Kind kind) {
  if (kind == runtime::TaskRecord::Kind::copy) return "copy";
  return kind == runtime::TaskRecord::Kind::wait ? "wait" : "stage";
}

ordered_json name_event(const char* what, int pid, uint32_t tid, const std::string& name) {
  return {{"ph", "M"}, {"name", what}, {"pid", pid}, {"tid", tid}, {"args", {{"name", name}}}};
}

// `from_us` moves the schedule to where it began in the trace.
void add_schedule(ordered_json& events, const ScheduleTrace& trace, double from_us) {
  events.push_back(name_event("process_name", kSchedule, 0, "schedule"));
  for (uint32_t p = 0; p < trace.processors.size(); ++p)
    events.push_back(name_event("thread_name", kSchedule, p, trace.processors[p]));
  for (const ScheduleTrace::Span& span : trace.spans) {
    ordered_json args = {{"chunk", span.chunk}, {"stage", span.stage}};
    if (span.kind == "copy") args["bytes"] = span.bytes;
    events.push_back({{"name", span.name},
                      {"cat", span.kind},
                      {"ph", "X"},
                      {"ts", from_us + span.begin_us},
                      {"dur", span.end_us - span.begin_us},
                      {"pid", kSchedule},
                      {"tid", span.processor},
                      {"args", args}});
  }
}

ordered_json facts_of(const ScheduleTrace& trace) {
  return {{"title", trace.title},
          {"modelled", trace.modelled},
          {"rows", trace.rows},
          {"padded_rows", trace.padded_rows}};
}

Status write_file(const std::filesystem::path& path, const ordered_json& events,
                  const ScheduleTrace& trace) {
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  TRY(file.write(ordered_json{
      {"traceEvents", events}, {"displayTimeUnit", "ms"}, {"otherData", facts_of(trace)}}
                     .dump(-1, ' ', false, ordered_json::error_handler_t::replace)));
  TRY(file.write("\n"));
  return file.finish();
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

void Trace::watch(runtime::Session& session) {
  session.profile(&sink_);
  session.record_tasks(&tasks_);
}

ScheduleTrace Trace::schedule(const runtime::Session& session) const {
  ScheduleTrace out;
  const runtime::PromptReport* report = session.prompt_report();
  if (!report || tasks_.empty()) return out;
  out.processors = session.stages().names;
  out.title = std::to_string(report->rows) + " tokens, " + name_of(report->policy) + ", " +
              std::to_string(report->in_flight) + " chunks in flight";
  out.rows = report->rows;
  out.padded_rows = report->padded_rows;
  int64_t start = INT64_MAX;
  for (const runtime::TaskRecord& task : tasks_) start = std::min(start, task.begin_ns);
  for (const runtime::TaskRecord& task : tasks_) {
    const std::string kind = kind_name(task.kind);
    const std::string stage = session.stages().stages[task.stage].name;
    const std::string name = kind == "stage" ? stage : kind == "copy" ? "copy" : "wait";
    out.spans.push_back({kind, name, task.processor, task.chunk, task.stage,
                         double(task.begin_ns - start) / 1000, double(task.end_ns - start) / 1000,
                         task.bytes});
  }
  return out;
}

Status Trace::write(const std::filesystem::path& path, const runtime::Session& session) const {
  const std::lock_guard lock(mutex_);
  uint64_t start = UINT64_MAX, tasks_start = UINT64_MAX;
  for (const Record& r : records_) start = std::min(start, r.begin_ns);
  for (const auto& task : tasks_) tasks_start = std::min(tasks_start, uint64_t(task.begin_ns));
  start = std::min(start, tasks_start);
  ordered_json events = ordered_json::array();
  events.push_back(name_event("process_name", kKernels, 0, "kernels"));
  for (const Record& r : records_) {
    events.push_back({{"name", r.label},
                      {"cat", kind_name(r.kind)},
                      {"ph", "X"},
                      {"ts", double(r.begin_ns - start) / 1000},
                      {"dur", double(r.end_ns - r.begin_ns) / 1000},
                      {"pid", kKernels},
                      {"tid", kind_name(r.kind)},
                      {"args", {{"node", r.node}}}});
  }
  const ScheduleTrace trace = schedule(session);
  if (!trace.spans.empty()) add_schedule(events, trace, double(tasks_start - start) / 1000);
  return write_file(path, events, trace);
}

Status write_schedule(const std::filesystem::path& path, const ScheduleTrace& trace) {
  ordered_json events = ordered_json::array();
  add_schedule(events, trace, 0);
  return write_file(path, events, trace);
}

ScheduleTrace trace_of(const schedule::Simulator& simulator, std::string title) {
  ScheduleTrace out;
  const schedule::TaskGraph& graph = simulator.graph();
  out.processors = {"CPU", "NPU"};
  out.title = std::move(title);
  out.modelled = true;
  constexpr const char* kNames[] = {"norm", "QKV", "attention", "O", "norm", "FFN"};
  for (uint32_t task = 0; task < graph.size(); ++task) {
    const schedule::Task& t = graph[task];
    out.spans.push_back({"stage",
                         "layer " + std::to_string(t.index / 6) + " " + kNames[t.index % 6],
                         t.processor, t.chunk, t.index, double(simulator.start_ns(task)) / 1000,
                         double(simulator.end_ns(task)) / 1000, 0});
  }
  return out;
}

Result<ScheduleTrace> read_schedule(const std::filesystem::path& path) {
  const auto refused = [&](const char* why) {
    return Error{path.string() + " " + why, ErrorKind::usage};
  };
  std::ifstream in(path, std::ios::binary);
  if (!in) return refused("cannot be read");
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (json.is_discarded() || !json.is_object() || !json.contains("traceEvents"))
    return refused("is no trace; `weft run --trace` writes one");
  ScheduleTrace out;
  try {
    const auto facts = json.value("otherData", nlohmann::json::object());
    out.title = facts.value("title", "");
    out.modelled = facts.value("modelled", false);
    out.rows = facts.value("rows", int64_t{0});
    out.padded_rows = facts.value("padded_rows", int64_t{0});
    for (const auto& event : json.at("traceEvents")) {
      if (event.value("pid", 0) != kSchedule) continue;
      const std::string phase = event.at("ph"), name = event.at("name");
      if (phase == "M" && name == "thread_name")
        out.processors.push_back(event.at("args").at("name"));
      if (phase != "X") continue;
      const double begin = event.at("ts"), length = event.at("dur");
      const auto& args = event.at("args");
      out.spans.push_back({event.at("cat"), name, event.at("tid"), args.at("chunk"),
                           args.at("stage"), begin, begin + length,
                           args.value("bytes", uint64_t{0})});
    }
  } catch (const nlohmann::json::exception&) {
    return refused("is no trace that weft wrote");
  }
  for (const ScheduleTrace::Span& span : out.spans)
    if (span.processor >= out.processors.size()) return refused("is no trace that weft wrote");
  if (out.spans.empty())
    return refused(
        "holds no schedule: no prompt was run on a device beside the host (--prefill names one)");
  double start = out.spans[0].begin_us;
  for (const ScheduleTrace::Span& span : out.spans) start = std::min(start, span.begin_us);
  for (ScheduleTrace::Span& span : out.spans) {
    span.begin_us -= start;
    span.end_us -= start;
  }
  return out;
}

}  // namespace weft::cli
