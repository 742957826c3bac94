#include "tools/weft/bench_report.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace weft::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kNoticedPercent = 5;

std::string file_name(const std::string& model) {
  const std::filesystem::path path(model);
  return path.filename().empty() ? path.parent_path().filename() : path.filename();
}

std::string mebibytes(int64_t bytes) {
  return fmt::format("{:.1f} MiB", double(bytes) / (1 << 20));
}

// A field that holds a comma, a quote or a line's end, quoted as RFC 4180 says.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_of(const Measurement& m) {
  Json repeats = Json::array();
  for (const TimedRun& repeat : m.repeats) {
    repeats.push_back({{"tokens_per_s", m.rate(repeat)},
                       {"ms", repeat.ms},
                       {"others_percent", or_null(repeat.others_percent)}});
  }
  const bool prompt = m.test.prompt;
  return {{"test", m.test.name()},
          {"tokens", m.test.tokens},
          {"depth", m.test.depth},
          {"tokens_per_s", m.mean_rate()},
          {"stddev", m.rate_deviation()},
          {"ttft_ms", prompt ? Json(m.mean_ms()) : Json(nullptr)},
          {"tpot_ms", prompt ? Json(nullptr) : Json(m.mean_ms_per_token())},
          {"others_percent", or_null(m.others_percent)},
          {"repeats", repeats}};
}

std::string markdown_row(const std::string& model, const BenchRun& run, const Measurement& m) {
  const std::string ttft = m.test.prompt ? fmt::format("{:.1f}", m.mean_ms()) : "";
  const std::string tpot = m.test.prompt ? "" : fmt::format("{:.2f}", m.mean_ms_per_token());
  const std::string others = m.others_percent ? fmt::format("{:.0f}%", *m.others_percent) : "?";
  const bool noticed = m.others_percent && *m.others_percent > kNoticedPercent;
  return fmt::format("| {} | {} | {} | {} | {:.2f} ± {:.2f}{} | {} | {} | {} |\n", model,
                     run.backends, run.threads, m.test.name(), m.mean_rate(), m.rate_deviation(),
                     noticed ? " !" + others : "", ttft, tpot, others);
}

}  // namespace

std::string to_markdown(const BenchReport& report) {
  std::string out =
      "| model | backend | threads | test | t/s | TTFT ms | TPOT ms | others |\n"
      "|---|---|--:|--:|--:|--:|--:|--:|\n";
  for (const BenchRun& run : report.runs) {
    for (const Measurement& test : run.tests)
      out += markdown_row(file_name(report.model), run, test);
  }
  out += "\n";
  for (const BenchRun& run : report.runs) {
    out += fmt::format(
        "{} {}: peak RSS {}; {}\n", run.threads, run.threads == 1 ? "thread" : "threads",
        run.peak_rss_bytes > 0 ? mebibytes(run.peak_rss_bytes) : "not known", run.placement);
  }
  return out;
}

std::string to_csv(const BenchReport& report) {
  std::string out =
      "model,backend,threads,test,tokens,depth,repeats,tokens_per_s,stddev,ttft_ms,tpot_ms,"
      "others_percent,peak_rss_bytes\n";
  for (const BenchRun& run : report.runs) {
    for (const Measurement& m : run.tests) {
      out +=
          fmt::format("{},{},{},{},{},{},{},{:.3f},{:.3f},{},{},{},{}\n", csv_field(report.model),
                      csv_field(run.backends), run.threads, m.test.name(), m.test.tokens,
                      m.test.depth, m.repeats.size(), m.mean_rate(), m.rate_deviation(),
                      m.test.prompt ? fmt::format("{:.3f}", m.mean_ms()) : "",
                      m.test.prompt ? "" : fmt::format("{:.4f}", m.mean_ms_per_token()),
                      m.others_percent ? fmt::format("{:.1f}", *m.others_percent) : "",
                      run.peak_rss_bytes > 0 ? std::to_string(run.peak_rss_bytes) : "");
    }
  }
  return out;
}

std::string to_json(const BenchReport& report) {
  Json runs = Json::array();
  for (const BenchRun& run : report.runs) {
    Json tests = Json::array();
    for (const Measurement& test : run.tests) tests.push_back(json_of(test));
    runs.push_back(
        {{"threads", run.threads},
         {"placement", run.placement},
         {"import_ms", run.import_ms},
         {"prepare_ms", run.prepare_ms},
         {"peak_rss_bytes", run.peak_rss_bytes > 0 ? Json(run.peak_rss_bytes) : Json(nullptr)},
         {"tests", tests}});
  }
  return Json{{"model", report.model}, {"runs", runs}}.dump(2) + "\n";
}

}  // namespace weft::cli
