#include "core/host/loader.h"

#include <dlfcn.h>

#include <cstring>
#include <thread>

#include "tests/core/host/null_plugin.h"
#include "tests/core/host/scratch_folder.h"

namespace weft::host {
namespace {

std::string why_not(const std::filesystem::path& path) {
  Result<PluginPtr> plugin = load(path, one_thread());
  if (plugin.ok()) return "loaded";
  EXPECT_EQ(plugin.error().kind, ErrorKind::plugin);
  const std::string context = "plugin file '" + path.string() + "': ";
  EXPECT_EQ(plugin.error().message.rfind(context, 0), 0u) << plugin.error().message;
  return plugin.error().message.substr(std::min(context.size(), plugin.error().message.size()));
}

TEST(Loader, says_what_is_wrong_with_a_file) {
  EXPECT_EQ(why_not("/nonexistent/weft_x.so"), "it cannot be found: No such file or directory");
  EXPECT_EQ(why_not(bad_path("not_a_plugin")),
            "it is a shared library without the note of a Weft plugin");
  EXPECT_EQ(why_not(bad_path("other_version")),
            "it speaks plugin ABI 0.8; this Weft accepts 0.9 only: rebuild the plugin");
}

TEST(Loader, says_what_is_wrong_with_a_plugin) {
  EXPECT_EQ(why_not(bad_path("entry_fails")), "it refuses to start: the driver is too old");
  EXPECT_EQ(why_not(bad_path("lies_about_version")),
            "it answers with ABI 0.10 where 0.9 was asked for");
  EXPECT_EQ(why_not(bad_path("missing_function")),
            "its table lacks the mandatory function 'execute'");
  EXPECT_EQ(why_not(bad_path("half_a_pair")),
            "its table has one of 'event_create' and 'event_signal'; they come as a pair");
  EXPECT_EQ(why_not(bad_path("bad_name")),
            "its name 'Bad Name' is not 1 to 64 characters of a-z 0-9 _ and '.'");
}

TEST(Loader, repeats_what_dlopen_says) {
  // A plugin whose dynamic section names a library that does not exist: libc's name, spoilt.
  ScratchFolder folder;
  const std::filesystem::path spoilt = folder.copy(null_path(), "weft_spoilt.so");
  std::string bytes;
  {
    std::FILE* file = std::fopen(spoilt.c_str(), "rb");
    char part[4096];
    for (size_t got; (got = std::fread(part, 1, sizeof part, file)) > 0;) bytes.append(part, got);
    std::fclose(file);
  }
  const size_t at = bytes.find("libc.so.6");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'X';
  {
    std::FILE* file = std::fopen(spoilt.c_str(), "wb");
    ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
    std::fclose(file);
  }
  const std::string why = why_not(spoilt);
  EXPECT_EQ(why.rfind("it cannot be loaded: ", 0), 0u) << why;
  EXPECT_NE(why.find("Xibc.so.6"), std::string::npos) << why;
}

TEST(Loader, one_file_is_one_plugin_by_whatever_path) {
  ScratchFolder folder;
  std::filesystem::create_symlink(null_path(), folder.path() / "weft_link.so");
  auto first = load(null_path(), one_thread());
  auto second = load(folder.path() / "weft_link.so", one_thread());
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
}

TEST(Loader, a_copy_of_a_running_plugin_is_refused_by_its_name) {
  ScratchFolder folder;
  const std::filesystem::path copy = folder.copy(null_path(), "weft_copy.so");
  auto first = load(null_path(), one_thread());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(why_not(copy), "its name 'null' is taken by the plugin from '" +
                               std::filesystem::canonical(null_path()).string() + "'");
  *first = nullptr;
  EXPECT_EQ(why_not(copy), "loaded");
}

TEST(Loader, starts_a_plugin_again_after_its_end) {
  for (int i = 0; i < 3; ++i) {
    auto plugin = load(null_path(), one_thread());
    ASSERT_TRUE(plugin.ok()) << plugin.error().message;
    EXPECT_TRUE((*plugin)->open(0).ok());
  }
}

TEST(Loader, may_be_called_from_many_threads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (int round = 0; round < 20; ++round) {
        auto plugin = load(null_path(), one_thread());
        EXPECT_TRUE(plugin.ok() && (*plugin)->open(0).ok());
      }
    });
  for (std::thread& thread : threads) thread.join();
}

// ---- negotiation, by calling the entry of null as hosts of other sizes and versions would

class Entry : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(load(null_path(), one_thread()).ok());  // and ended again: the entry is free
    void* library = ::dlopen(null_path().c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr);
    entry_ = reinterpret_cast<weft_plugin_entry_fn>(::dlsym(library, WEFT_ENTRY_SYMBOL));
    ASSERT_NE(entry_, nullptr);
    host_.struct_size = sizeof host_;
    host_.version_minor = WEFT_VERSION_MINOR;
    args_.struct_size = sizeof args_;
    args_.min_minor = WEFT_VERSION_MINOR;
    args_.host = &host_;
    error_.struct_size = sizeof error_;
  }
  weft_status call(weft_api* api) {
    args_.api = api;
    return entry_(&args_, &error_);
  }

  weft_plugin_entry_fn entry_ = nullptr;
  weft_host host_{};
  weft_entry_args args_{};
  weft_error error_{};
};

TEST_F(Entry, writes_nothing_past_a_shorter_table) {
  weft_api api;
  std::memset(&api, 0x55, sizeof api);
  api.struct_size = offsetof(weft_api, execute);
  std::memset(&api.version_major, 0, api.struct_size - sizeof(uint32_t));
  ASSERT_EQ(call(&api), WEFT_OK);
  EXPECT_TRUE(WEFT_HAS(weft_api, &api, queue_destroy));
  EXPECT_FALSE(WEFT_HAS(weft_api, &api, execute));
  const auto* bytes = reinterpret_cast<const unsigned char*>(&api);
  for (size_t i = api.struct_size; i < sizeof api; ++i) ASSERT_EQ(bytes[i], 0x55) << i;
}

TEST_F(Entry, leaves_zero_in_the_tail_of_a_longer_table) {
  struct {
    weft_api api{};
    uint64_t tail[4] = {0, 0, 0, 0};
    uint64_t guard = 0x5555;
  } longer;
  longer.api.struct_size = sizeof longer.api + sizeof longer.tail;
  ASSERT_EQ(call(&longer.api), WEFT_OK);
  EXPECT_NE(longer.api.device_close, nullptr);
  for (const uint64_t word : longer.tail) EXPECT_EQ(word, 0u);
  EXPECT_EQ(longer.guard, 0x5555u);
}

TEST_F(Entry, refuses_versions_it_does_not_speak_with_a_sentence) {
  struct Case {
    uint32_t major, minor, min_major, min_minor;
    weft_status expected;
  };
  for (const Case& c : {Case{0, 9, 0, 9, WEFT_OK}, Case{0, 10, 0, 9, WEFT_OK},
                        Case{0, 10, 0, 10, WEFT_E_VERSION}, Case{0, 8, 0, 8, WEFT_E_VERSION},
                        Case{1, 0, 1, 0, WEFT_E_VERSION}, Case{1, 0, 0, 9, WEFT_E_VERSION}}) {
    host_.version_major = c.major;
    host_.version_minor = c.minor;
    args_.min_major = c.min_major;
    args_.min_minor = c.min_minor;
    error_.message[0] = 0;
    weft_api api{};
    api.struct_size = sizeof api;
    EXPECT_EQ(call(&api), c.expected) << c.major << "." << c.minor;
    if (c.expected == WEFT_OK) {
      EXPECT_EQ(api.version_minor, 9u);
    } else {
      EXPECT_STRNE(error_.message, "");
      EXPECT_EQ(api.name, nullptr) << "an error leaves out-parameters alone";
    }
  }
}

}  // namespace
}  // namespace weft::host
