#include "core/host/host_table.h"

#include <gtest/gtest.h>

#include "core/base/log.h"

namespace weft::host {
namespace {

std::shared_ptr<HostServices> services(int threads, const std::string& cache = "") {
  HostOptions options;
  options.threads = threads;
  options.cache_dir = cache;
  return HostServices::create(options);
}

TEST(HostTable, describes_the_host) {
  HostTable table(services(2, "/cache"), "test");
  const weft_host& host = table.table();
  EXPECT_EQ(host.struct_size, sizeof(weft_host));
  EXPECT_EQ(host.version_major, WEFT_VERSION_MAJOR);
  EXPECT_EQ(host.version_minor, WEFT_VERSION_MINOR);
  EXPECT_EQ(host.thread_count, 2u);
  EXPECT_STREQ(host.cache_dir, "/cache");
  EXPECT_EQ(HostTable(services(1), "test").table().cache_dir, nullptr);
  EXPECT_EQ(host.get_extension(host.ctx, "weft.host.trace/1"), nullptr);
}

TEST(HostTable, runs_work_on_the_pool) {
  HostTable table(services(2), "test");
  const weft_host& host = table.table();
  std::atomic<uint32_t> sum{0};
  const auto add = [](void* arg, uint32_t i) {
    static_cast<std::atomic<uint32_t>*>(arg)->fetch_add(i + 1);
  };
  EXPECT_EQ(host.parallel_for(host.ctx, 10, add, &sum), WEFT_OK);
  EXPECT_EQ(sum.load(), 55u);
  EXPECT_EQ(host.run_team(host.ctx, 2, add, &sum), WEFT_OK);
  EXPECT_EQ(sum.load(), 58u);
  EXPECT_EQ(host.run_team(host.ctx, 3, add, &sum), WEFT_E_BUSY);
}

TEST(HostTable, logs_under_the_name_of_the_plugin) {
  const log::Level before = log::level();
  log::set_level(log::Level::info);
  HostTable table(services(1), "file name");
  table.set_label("acme");
  testing::internal::CaptureStderr();
  table.table().log(table.table().ctx, WEFT_LOG_WARN, "hot {}");
  table.table().log(table.table().ctx, WEFT_LOG_DEBUG, "not shown");
  table.table().log(table.table().ctx, WEFT_LOG_ERROR, nullptr);
  const std::string shown = testing::internal::GetCapturedStderr();
  log::set_level(before);
  EXPECT_EQ(shown, "weft: warning: acme: hot {}\nweft: error: acme: \n");
}

}  // namespace
}  // namespace weft::host
