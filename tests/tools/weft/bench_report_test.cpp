// bench_report.h and the figures of measurement.h: from times of repeats to rates and tables. No
// time is measured here.
#include "tools/weft/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace weft::cli {
namespace {

// 512 tokens in 500, 1000 and 250 ms: 1024, 512 and 2048 tokens a second.
Measurement prompt() { return {{true, 512, 0}, {{500, 1.0}, {1000, 2.0}, {250, 30.0}}, 4.4}; }

// 128 tokens in 640 ms: 200 a second, 5 ms each.
Measurement generation() { return {{false, 128, 1024}, {{640, std::nullopt}}, std::nullopt}; }

BenchReport report() {
  BenchRun run;
  run.threads = 2;
  run.backends = "cpu";
  run.placement = "9 of 9 nodes on cpu";
  run.peak_rss_bytes = int64_t{200} << 20;
  run.tests = {prompt(), generation()};
  return {"/models/a,b/", {run}};
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

TEST(Measurement, NamesTestsAsLlamaBenchDoes) {
  EXPECT_EQ(prompt().test.name(), "pp512");
  EXPECT_EQ(generation().test.name(), "tg128 @ d1024");
}

TEST(Measurement, AveragesRatesAndTimesOfRepeats) {
  EXPECT_DOUBLE_EQ(prompt().mean_rate(), (1024 + 512 + 2048) / 3.0);
  EXPECT_NEAR(prompt().rate_deviation(), 782.1, 0.1);
  EXPECT_DOUBLE_EQ(prompt().mean_ms(), 1750 / 3.0);
  EXPECT_DOUBLE_EQ(generation().mean_rate(), 200);
  EXPECT_DOUBLE_EQ(generation().mean_ms_per_token(), 5);
}

TEST(Measurement, HasNoDeviationOfOneRepeat) { EXPECT_EQ(generation().rate_deviation(), 0); }

TEST(BenchReport, TableHasARowForEachTestAndALineForEachThreadCount) {
  const auto table = lines(to_markdown(report()));
  ASSERT_EQ(table.size(), 6u);
  EXPECT_EQ(table[2], "| a,b | cpu | 2 | pp512 | 1194.67 ± 782.09 | 583.3 |  | 4% |");
  EXPECT_EQ(table[3], "| a,b | cpu | 2 | tg128 @ d1024 | 200.00 ± 0.00 |  | 5.00 | ? |");
  EXPECT_EQ(table[5], "2 threads: peak RSS 200.0 MiB; 9 of 9 nodes on cpu");
}

TEST(BenchReport, TableMarksARowThatOthersDisturbed) {
  BenchReport disturbed = report();
  disturbed.runs[0].tests[0].others_percent = 12.4;
  EXPECT_NE(to_markdown(disturbed).find("± 782.09 !12% |"), std::string::npos);
  disturbed.runs[0].tests[0].others_percent = 5.0;
  EXPECT_EQ(to_markdown(disturbed).find("!"), std::string::npos);
}

TEST(BenchReport, CsvHasAHeaderAndAsManyFieldsInEveryRow) {
  BenchReport plain = report();
  plain.model = "/models/ab";
  const auto table = lines(to_csv(plain));
  ASSERT_EQ(table.size(), 3u);
  for (const std::string& line : table)
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), 12) << line;
  EXPECT_EQ(table[1], "/models/ab,cpu,2,pp512,512,0,3,1194.667,782.093,583.333,,4.4,209715200");
  EXPECT_EQ(table[2], "/models/ab,cpu,2,tg128 @ d1024,128,1024,1,200.000,0.000,,5.0000,,209715200");
}

TEST(BenchReport, CsvQuotesACommaInAPath) {
  EXPECT_NE(to_csv(report()).find("\n\"/models/a,b/\",cpu,"), std::string::npos);
}

TEST(BenchReport, JsonKeepsEveryRepeatAndSaysWhatIsNotKnown) {
  const auto json = nlohmann::json::parse(to_json(report()));
  const auto& tests = json["runs"][0]["tests"];
  ASSERT_EQ(tests.size(), 2u);
  ASSERT_EQ(tests[0]["repeats"].size(), 3u);
  EXPECT_EQ(tests[0]["repeats"][2]["tokens_per_s"], 2048);
  EXPECT_EQ(tests[0]["repeats"][2]["others_percent"], 30);
  EXPECT_TRUE(tests[0]["tpot_ms"].is_null());
  EXPECT_EQ(tests[1]["tpot_ms"], 5);
  EXPECT_TRUE(tests[1]["ttft_ms"].is_null());
  EXPECT_TRUE(tests[1]["others_percent"].is_null());
}

}  // namespace
}  // namespace weft::cli
