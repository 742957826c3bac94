// A plugin that ends or stops its process, looked at from outside.
#include "core/host/probe.h"
#include "tests/core/host/null_plugin.h"

namespace weft::host {
namespace {

// No verdict but "hung" depends on it.
constexpr std::chrono::minutes kPatience{2};

TEST(ProbeChild, a_crash_is_a_verdict_with_its_signal_and_last_words) {
  const ProbeReport report = probe_in_child(bad_path("aborts"), kPatience);
  EXPECT_EQ(report.verdict, ProbeVerdict::crashed);
  EXPECT_NE(report.why.find("it ended by signal 6"), std::string::npos) << report.why;
  EXPECT_NE(report.why.find("the device caught fire"), std::string::npos) << report.why;
}

TEST(ProbeChild, leaving_the_process_is_a_crash) {
  const ProbeReport report = probe_in_child(bad_path("exits"), kPatience);
  EXPECT_EQ(report.verdict, ProbeVerdict::crashed);
  EXPECT_EQ(report.why, "it ended the process with exit code 3");
}

TEST(ProbeChild, a_hang_ends_at_the_limit) {
  const ProbeReport report = probe_in_child(bad_path("hangs"), std::chrono::milliseconds(300));
  EXPECT_EQ(report.verdict, ProbeVerdict::hung);
  EXPECT_EQ(report.why, "it did not answer within 300 ms");
  EXPECT_STREQ(name_of(report.verdict), "hung");
}

TEST(ProbeChild, leaves_this_process_without_the_plugin) {
  ASSERT_EQ(probe_in_child(null_path(), kPatience).verdict, ProbeVerdict::usable);
  // It starts as for the first time, with services of its own.
  HostOptions options;
  options.threads = 2;
  auto plugin = load(null_path(), HostServices::create(options));
  ASSERT_TRUE(plugin.ok()) << plugin.error().message;
}

}  // namespace
}  // namespace weft::host
