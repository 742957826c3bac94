// weft bench: tokens per second of reading a prompt (pp) and of generating (tg), in llama-bench's
// form.
//
// Each number of threads gets plugins, an engine and a session of its own, one after the other;
// each test runs once unmeasured, then -r times.
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "core/host/threads.h"
#include "tools/weft/bench_report.h"
#include "tools/weft/load.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct BenchFlags : Flags {
  std::vector<int64_t> prompts{512};
  std::vector<int64_t> generations{128};
  std::vector<int64_t> depths{0};
  std::vector<int> thread_counts{0};
  int repeats = 5;
  std::string output = "md";
};

// Depth by depth, prompts before generation; a length of 0 is no test.
std::vector<Test> tests_of(const BenchFlags& flags) {
  std::vector<Test> tests;
  for (const int64_t depth : flags.depths) {
    for (const bool prompt : {true, false}) {
      for (const int64_t count : prompt ? flags.prompts : flags.generations) {
        if (count > 0) tests.push_back({prompt, count, depth});
      }
    }
  }
  return tests;
}

std::string backends(const PlacementSummary& placement) {
  std::string text;
  for (const PlacementSummary::Row& row : placement.rows) {
    text += (text.empty() ? "" : "+") + row.backend;
  }
  return text;
}

// Lets the peak of this process start again at what is resident now. Where that is not allowed the
// peak stays that of all runs so far.
void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << 5; }

Result<BenchRun> run_with(Flags flags, int threads, int repeats, const std::vector<Test>& tests,
                          int64_t capacity) {
  flags.threads = threads;
  reset_peak_rss();
  const Loaded loaded = TRY(load(flags, capacity));
  BenchRun run;
  run.threads = threads > 0 ? threads : host::default_thread_count();
  run.backends = backends(loaded.engine->placement());
  run.placement = loaded.engine->placement().line();
  run.import_ms = loaded.timings.import_ms;
  run.prepare_ms = loaded.timings.prepare_ms;
  for (const Test& test : tests) {
    run.tests.push_back(TRY(measure(*loaded.session, test, repeats)));
  }
  run.peak_rss_bytes = peak_rss_bytes();
  return run;
}

std::string text_of(const BenchReport& report, const std::string& form) {
  if (form == "json") return to_json(report);
  return form == "csv" ? to_csv(report) : to_markdown(report);
}

Status check_bench(const BenchFlags& flags) {
  const auto usage = [](std::string text) { return Error{std::move(text), ErrorKind::usage}; };
  TRY(check(flags));
  if (flags.output != "md" && flags.output != "csv" && flags.output != "json") {
    return usage("-o " + flags.output + " is not available; md, csv and json are");
  }
  for (const auto* lengths : {&flags.prompts, &flags.generations, &flags.depths}) {
    if (std::any_of(lengths->begin(), lengths->end(), [](int64_t n) { return n < 0; }))
      return usage("-p, -n and -d take 0 or numbers of tokens");
  }
  const auto& threads = flags.thread_counts;
  if (std::any_of(threads.begin(), threads.end(), [](int n) { return n < 0; }))
    return usage("-t takes 0 or numbers of threads");
  return {};
}

Status bench(const BenchFlags& flags) {
  TRY(check_bench(flags));
  const std::vector<Test> tests = tests_of(flags);
  if (tests.empty()) return Error{"-p 0 and -n 0 leave nothing to measure", ErrorKind::usage};
  int64_t needed = 0;
  for (const Test& test : tests) needed = std::max(needed, test.depth + test.tokens);
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  const int64_t capacity = TRY(choose_capacity(flags, folder, needed));
  BenchReport report;
  report.model = flags.model.string();
  for (const int threads : flags.thread_counts)
    report.runs.push_back(TRY(run_with(flags, threads, flags.repeats, tests, capacity)));
  std::fputs(text_of(report, flags.output).c_str(), stdout);
  return {};
}

}  // namespace

void add_bench(Program& program) {
  auto* verb = program.app.add_subcommand("bench", "Measure prompt and generation speed");
  auto flags = std::make_shared<BenchFlags>();
  add_shared_flags(*verb, *flags);
  verb->remove_option(verb->get_option("--threads"));
  verb->add_option("-t,--threads", flags->thread_counts,
                   "Numbers of threads, one run for each (0: all this process may use)")
      ->delimiter(',');
  verb->add_option("-p,--n-prompt", flags->prompts, "Prompt lengths (0: none)")->delimiter(',');
  verb->add_option("-n,--n-gen", flags->generations, "Tokens to generate (0: none)")
      ->delimiter(',');
  verb->add_option("-d,--n-depth", flags->depths, "Tokens in the cache before each test")
      ->delimiter(',');
  verb->add_option("-r,--repetitions", flags->repeats, "Measured repeats of each test")
      ->check(CLI::Range(1, 1000));
  verb->add_option("-o,--output", flags->output, "md, csv or json");
  verb->callback([&program, flags] { program.finish(bench(*flags)); });
}

}  // namespace weft::cli
