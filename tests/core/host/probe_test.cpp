#include "core/host/probe.h"

#include "tests/core/host/null_plugin.h"

namespace weft::host {
namespace {

// No verdict but "hung" depends on it.
constexpr std::chrono::minutes kPatience{2};

TEST(Probe, reports_a_plugin_and_its_devices_from_either_side_of_a_fork) {
  for (const ProbeReport& report :
       {probe(null_path(), one_thread()), probe_in_child(null_path(), kPatience)}) {
    EXPECT_EQ(report.verdict, ProbeVerdict::usable) << report.why;
    EXPECT_EQ(report.name, "null");
    EXPECT_EQ(report.abi_minor, WEFT_VERSION_MINOR);
    ASSERT_EQ(report.devices.size(), 1u);
    EXPECT_EQ(report.devices[0].driver, "null 0.1.0");
    EXPECT_EQ(describe(report), "null 0.1.0 (Weft), ABI 0.9, " +
                                    std::filesystem::canonical(null_path()).string() +
                                    "\n  device 0: null device, CPU, driver null 0.1.0, computes "
                                    "f32\n");
  }
}

TEST(Probe, a_refused_plugin_keeps_its_reason) {
  const ProbeReport report = probe_in_child(bad_path("entry_fails"), kPatience);
  EXPECT_EQ(report.verdict, ProbeVerdict::refused);
  EXPECT_NE(report.why.find("it refuses to start: the driver is too old"), std::string::npos);
  EXPECT_NE(describe(report).find(": refused: plugin file "), std::string::npos);
}

TEST(Probe, a_plugin_without_a_device_is_usable_and_says_why) {
  const ProbeReport report = probe_in_child(bad_path("no_device"), kPatience);
  EXPECT_EQ(report.verdict, ProbeVerdict::usable) << report.why;
  EXPECT_TRUE(report.devices.empty());
  EXPECT_NE(describe(report).find("\n  no device: no driver is installed\n"), std::string::npos)
      << describe(report);
}

TEST(Probe, an_exception_out_of_the_entry_is_a_verdict) {
  const ProbeReport report = probe_in_child(bad_path("throws"), kPatience);
  EXPECT_NE(report.verdict, ProbeVerdict::usable);
  EXPECT_FALSE(report.why.empty());
}

}  // namespace
}  // namespace weft::host
