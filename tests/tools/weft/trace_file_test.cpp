// Schedules as files: what is written is what is read, and what is no trace is refused.
#include "tools/weft/trace_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/core/host/scratch_folder.h"
#include "tools/weft/model_clock.h"
#include "tools/weft/schedule_picture.h"

namespace weft::cli {
namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

ScheduleTrace modelled() {
  auto trace = model_clock_trace("qwen1.5-1.8b", 512, 256, "in-order");
  EXPECT_TRUE(trace.ok());
  return *trace;
}

TEST(TraceFile, gives_back_the_schedule_that_was_written) {
  const host::ScratchFolder folder;
  const ScheduleTrace trace = modelled();
  ASSERT_TRUE(write_schedule(folder.path() / "t.json", trace).ok());
  const auto read = read_schedule(folder.path() / "t.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->processors, trace.processors);
  EXPECT_EQ(read->title, trace.title);
  EXPECT_TRUE(read->modelled);
  ASSERT_EQ(read->spans.size(), 288u) << "two chunks of 24 layers of 6 steps";
  for (size_t i = 0; i < trace.spans.size(); ++i) {
    EXPECT_EQ(read->spans[i].name, trace.spans[i].name);
    EXPECT_EQ(read->spans[i].chunk, trace.spans[i].chunk);
    EXPECT_NEAR(read->spans[i].end_us, trace.spans[i].end_us, 1e-6);
  }
}

TEST(TraceFile, refuses_what_is_no_trace_in_one_sentence) {
  const host::ScratchFolder folder;
  const auto refusal = [&](const char* text) {
    std::ofstream(folder.path() / "t.json") << text;
    const auto read = read_schedule(folder.path() / "t.json");
    return read.ok() ? std::string() : read.error().message;
  };
  EXPECT_NE(refusal("[1, 2").find("is no trace; `weft run --trace` writes one"), std::string::npos);
  EXPECT_NE(refusal("{}").find("is no trace"), std::string::npos);
  EXPECT_NE(refusal(R"({"traceEvents": []})").find("holds no schedule"), std::string::npos);
  EXPECT_NE(refusal(R"({"traceEvents": [{"pid": 2, "ph": 3}]})").find("that weft wrote"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"traceEvents": [{"pid": 2, "ph": "X", "name": "a", "cat": "stage", "ts": 0,
                        "dur": 1, "tid": 7, "args": {"chunk": 0, "stage": 0}}]})")
                .find("that weft wrote"),
            std::string::npos)
      << "a processor without a name";
}

TEST(SchedulePicture, draws_every_stage_and_says_its_name) {
  const std::string svg = svg_of(modelled());
  EXPECT_EQ(count(svg, "<title>"), 288u);
  EXPECT_EQ(count(svg, "<title>layer 23 FFN, chunk 1"), 1u);
  EXPECT_NE(svg.find("(modelled time)"), std::string::npos);
  EXPECT_EQ(count(svg, "<svg "), count(svg, "</svg>"));
}

TEST(SchedulePicture, counts_idle_time_copies_waits_and_padding) {
  ScheduleTrace trace;
  trace.processors = {"host", "npu <1>"};
  trace.title = "a & b";
  trace.rows = 30;
  trace.padded_rows = 10;
  trace.spans = {{"stage", "x", 0, 0, 0, 0, 1000, 0},
                 {"copy", "copy", 0, 0, 0, 200, 300, 1 << 20},
                 {"stage", "y", 1, 0, 1, 1000, 4000, 0},
                 {"wait", "wait", 0, 0, 1, 1000, 4000, 0}};
  const std::string table = table_of(trace);
  EXPECT_NE(table.find("| host idle | 3.00 | 75.0 % |"), std::string::npos) << table;
  EXPECT_NE(table.find("| npu <1> idle | 1.00 | 25.0 % |"), std::string::npos);
  EXPECT_NE(table.find("| 1 copies of 1.0 MiB | 0.10 | 2.5 % |"), std::string::npos);
  EXPECT_NE(table.find("| 1 waits of the host for a device | 3.00 | 75.0 % |"), std::string::npos);
  EXPECT_NE(table.find("| padding: 10 of 40 rows | | 25.0 % |"), std::string::npos);
  const std::string svg = svg_of(trace);
  EXPECT_NE(svg.find("npu &lt;1&gt;"), std::string::npos);
  EXPECT_NE(svg.find("a &amp; b"), std::string::npos);
}

TEST(ModelClock, says_that_it_is_modelled_and_what_it_does_not_know) {
  const std::string table = model_clock_table(256);
  EXPECT_NE(table.find("Modelled milliseconds"), std::string::npos);
  EXPECT_NE(table.find("| Llama-2-7B | 1024 |"), std::string::npos);
  const auto unknown = model_clock_trace("gpt-9", 512, 256, "auto");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("there are Qwen1.5-1.8B, Gemma-2B, Llama-2-7B"),
            std::string::npos);
  EXPECT_FALSE(model_clock_trace("Gemma-2B", 512, 256, "fast").ok());
}

}  // namespace
}  // namespace weft::cli
