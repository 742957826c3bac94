// weft trace: what a trace says about the schedule of a prompt, as a table and as a picture; and
// schedules on the modelled clock of a phone.
#include <cstdio>
#include <memory>

#include "core/base/new_file.h"
#include "tools/weft/model_clock.h"
#include "tools/weft/schedule_picture.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct TraceFlags {
  std::filesystem::path in, out;
  bool svg = false, model_clock = false;
  std::string model, order = "auto";
  int64_t tokens = 1024, chunk = 256;
};

Status write_text(const std::filesystem::path& path, const std::string& text) {
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  TRY(file.write(text));
  return file.finish();
}

Status trace(const TraceFlags& flags) {
  const auto usage = [](const char* text) { return Error{text, ErrorKind::usage}; };
  if (flags.model_clock == !flags.in.empty())
    return usage("`weft trace` takes a trace file, or --model-clock");
  if (flags.svg && flags.out.empty()) return usage("--svg needs a file to write: -o OUT.svg");
  if (flags.model_clock && flags.model.empty()) {
    if (!flags.out.empty()) return usage("-o needs one schedule: --shape names a model");
    std::fputs(model_clock_table(flags.chunk).c_str(), stdout);
    return {};
  }
  const ScheduleTrace found =
      TRY(flags.model_clock ? model_clock_trace(flags.model, flags.tokens, flags.chunk, flags.order)
                            : read_schedule(flags.in));
  std::fputs(table_of(found).c_str(), stdout);
  if (flags.out.empty()) return {};
  return flags.svg ? write_text(flags.out, svg_of(found)) : write_schedule(flags.out, found);
}

}  // namespace

void add_trace(Program& program) {
  auto* verb = program.app.add_subcommand("trace", "Show the schedule that a trace holds");
  auto flags = std::make_shared<TraceFlags>();
  verb->add_option("trace", flags->in, "A trace that `weft run --trace` wrote");
  verb->add_flag("--svg", flags->svg, "Draw the schedule (-o names the file)");
  verb->add_option("-o,--output", flags->out, "The file to write: a picture, else a trace");
  verb->add_flag("--model-clock", flags->model_clock,
                 "Schedules of prompts on a modelled phone: a table, or one with --shape");
  verb->add_option("--shape", flags->model, "A model of the modelled clock, such as Qwen1.5-1.8B");
  verb->add_option("--tokens", flags->tokens, "Tokens of its prompt")
      ->check(CLI::Range(int64_t{1}, int64_t{65536}));
  verb->add_option("-u,--chunk", flags->chunk, "Tokens of a chunk")
      ->check(CLI::Range(int64_t{1}, int64_t{65536}));
  verb->add_option("--schedule", flags->order, "serial, in-order, out-of-order or auto");
  verb->callback([&program, flags] { program.finish(trace(*flags)); });
}

}  // namespace weft::cli
