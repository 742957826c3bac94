// weft bench: tokens per second of reading a prompt (pp) and of generating (tg), in llama-bench's
// form.
//
// Tokenizing and sampling are not inside the times. Each test runs once unmeasured, then -r times;
// the figure is the mean with the standard deviation of the repeats.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/weft/clock.h"
#include "tools/weft/load.h"

namespace weft::cli {

namespace {

struct BenchFlags : Flags {
  std::vector<int64_t> prompts{512};
  std::vector<int64_t> generations{128};
  std::vector<int64_t> depths{0};
  int repeats = 5;
  std::string output = "md";
};

struct Row {
  std::string test;
  int64_t tokens = 0;
  std::vector<double> rates;  // tokens per second, one per repeat

  double mean() const {
    double sum = 0;
    for (const double rate : rates) sum += rate;
    return sum / double(rates.size());
  }
  double deviation() const {
    if (rates.size() < 2) return 0;
    double sum = 0;
    for (const double rate : rates) sum += (rate - mean()) * (rate - mean());
    return std::sqrt(sum / double(rates.size() - 1));
  }
};

// Ids that look like text to the caches: spread over the vocabulary, the same in every run.
std::vector<int64_t> tokens(int64_t count, int64_t vocabulary) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back((i * 7919 + 17) % vocabulary);
  return ids;
}

Status feed(runtime::Session& session, int64_t count) {
  TRY(session.feed(tokens(count, session.vocabulary()), 1));
  return {};
}

Result<double> seconds_to_read(runtime::Session& session, int64_t count) {
  const auto start = Clock::now();
  TRY(feed(session, count));
  return ms_since(start) / 1000;
}

Result<double> seconds_to_generate(runtime::Session& session, int64_t count) {
  const std::vector<int64_t> ids = tokens(count, session.vocabulary());
  const auto start = Clock::now();
  for (const int64_t& id : ids) TRY(session.feed(std::span(&id, 1), 1));
  return ms_since(start) / 1000;
}

Result<Row> measure(runtime::Session& session, const BenchFlags& flags, bool prompt, int64_t count,
                    int64_t depth) {
  Row row;
  row.test = (prompt ? "pp" : "tg") + std::to_string(count);
  if (depth > 0) row.test += " @ d" + std::to_string(depth);
  row.tokens = count;
  TRY(session.truncate(0));
  if (depth > 0) TRY(feed(session, depth));
  for (int i = 0; i <= flags.repeats; ++i) {
    TRY(session.truncate(depth));
    const double seconds =
        prompt ? TRY(seconds_to_read(session, count)) : TRY(seconds_to_generate(session, count));
    if (i > 0) row.rates.push_back(double(count) / seconds);
  }
  return row;
}

// Who computes, in the order of their first nodes: "cpu+opencl".
std::string backends(const PlacementSummary& placement) {
  std::string text;
  for (const PlacementSummary::Row& row : placement.rows) {
    text += (text.empty() ? "" : "+") + row.backend;
  }
  return text;
}

void print_markdown(const BenchFlags& flags, const Loaded& loaded, const std::vector<Row>& rows) {
  std::printf("| model | backend | threads | test | t/s |\n|---|---|--:|--:|--:|\n");
  const std::string model = flags.model.filename().empty() ? flags.model.parent_path().filename()
                                                           : flags.model.filename();
  for (const Row& row : rows) {
    std::printf("| %s | %s | %s | %s | %.2f ± %.2f |\n", model.c_str(),
                backends(loaded.engine->placement()).c_str(),
                flags.threads ? std::to_string(flags.threads).c_str() : "auto", row.test.c_str(),
                row.mean(), row.deviation());
  }
  std::printf("\npeak RSS %.1f MiB; %s\n", double(peak_rss_bytes()) / (1 << 20),
              loaded.engine->placement().line().c_str());
}

void print_json(const BenchFlags& flags, const Loaded& loaded, const std::vector<Row>& rows) {
  nlohmann::ordered_json tests = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    tests.push_back({{"test", row.test},
                     {"tokens", row.tokens},
                     {"tokens_per_s", row.mean()},
                     {"stddev", row.deviation()},
                     {"repeats", row.rates}});
  }
  nlohmann::ordered_json out = {{"model", flags.model.string()},
                                {"threads", flags.threads},
                                {"placement", loaded.engine->placement().line()},
                                {"import_ms", loaded.timings.import_ms},
                                {"prepare_ms", loaded.timings.prepare_ms},
                                {"peak_rss_bytes", peak_rss_bytes()},
                                {"tests", tests}};
  std::printf("%s\n", out.dump(2).c_str());
}

Status bench(const BenchFlags& flags) {
  TRY(check(flags));
  if (flags.output != "md" && flags.output != "json") {
    return Error{"-o " + flags.output + " is not available; md and json are", ErrorKind::usage};
  }
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  int64_t needed = 0;
  for (const int64_t depth : flags.depths) {
    for (const int64_t count : flags.prompts) needed = std::max(needed, depth + count);
    for (const int64_t count : flags.generations) needed = std::max(needed, depth + count);
  }
  Loaded loaded = TRY(load(flags, TRY(choose_capacity(flags, folder, needed))));
  std::vector<Row> rows;
  for (const int64_t depth : flags.depths) {
    for (const bool prompt : {true, false}) {
      for (const int64_t count : prompt ? flags.prompts : flags.generations) {
        if (count > 0) rows.push_back(TRY(measure(*loaded.session, flags, prompt, count, depth)));
      }
    }
  }
  if (flags.output == "json") {
    print_json(flags, loaded, rows);
  } else {
    print_markdown(flags, loaded, rows);
  }
  return {};
}

}  // namespace

void add_bench(Program& program) {
  auto* verb = program.app.add_subcommand("bench", "Measure prompt and generation speed");
  auto flags = std::make_shared<BenchFlags>();
  add_shared_flags(*verb, *flags);
  verb->add_option("-p,--n-prompt", flags->prompts, "Prompt lengths (0: none)")->delimiter(',');
  verb->add_option("-n,--n-gen", flags->generations, "Tokens to generate (0: none)")
      ->delimiter(',');
  verb->add_option("-d,--n-depth", flags->depths, "Tokens in the cache before each test")
      ->delimiter(',');
  verb->add_option("-r,--repetitions", flags->repeats, "Measured repeats of each test")
      ->check(CLI::Range(1, 1000));
  verb->add_option("-o,--output", flags->output, "md or json");
  verb->callback([&program, flags] { program.finish(bench(*flags)); });
}

}  // namespace weft::cli
