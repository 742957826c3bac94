// Entries come back whole or not at all, whatever happened to the file and whoever else writes.
#include "core/runtime/program_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "tests/core/host/scratch_folder.h"

namespace weft::runtime {
namespace {

namespace fs = std::filesystem;

const Hash128 kKey = {1, 2};

std::vector<std::byte> payload_of(size_t size, uint8_t seed = 1) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = std::byte(uint8_t(i * 31 + seed));
  return bytes;
}

// Writes `bytes` in pieces, as plugins do.
Status store(const ProgramCache& cache, const Hash128& key, const std::vector<std::byte>& bytes) {
  return cache.store(key, [&](const ProgramCache::Sink& sink) -> Status {
    const std::span<const std::byte> all = bytes;
    const size_t half = all.size() / 2;
    TRY(sink(all.first(half)));
    TRY(sink({}));
    return sink(all.subspan(half));
  });
}

bool holds(const std::optional<CachedBlob>& blob, const std::vector<std::byte>& bytes) {
  return blob && std::equal(blob->bytes.begin(), blob->bytes.end(), bytes.begin(), bytes.end());
}

size_t files_in(const fs::path& folder) {
  return size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

class Cache : public testing::Test {
 protected:
  void overwrite(size_t offset, char flip) {
    std::fstream file(entry, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(std::streamoff(offset));
    const char old = char(file.get());
    file.seekp(std::streamoff(offset));
    file.put(char(old ^ flip));
  }

  host::ScratchFolder scratch;
  const fs::path folder = scratch.path() / "a" / "b";
  const fs::path entry = folder / (hex(kKey) + ".weftblob");
  const ProgramCache cache{folder};
  const std::vector<std::byte> payload = payload_of(1000);
};

TEST_F(Cache, gives_back_what_was_stored) {
  EXPECT_FALSE(cache.find(kKey));
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  const auto found = cache.find(kKey);
  ASSERT_TRUE(holds(found, payload));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(found->bytes.data()) % 64, 0u);
  EXPECT_FALSE(cache.find({2, 1}));
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(Cache, replaces_an_entry_while_the_old_one_is_in_use) {
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  const auto old = cache.find(kKey);
  const auto other = payload_of(2000, 9);
  ASSERT_TRUE(store(cache, kKey, other).ok());
  EXPECT_TRUE(holds(cache.find(kKey), other));
  EXPECT_TRUE(holds(old, payload));
}

TEST_F(Cache, keeps_an_empty_payload) {
  ASSERT_TRUE(store(cache, kKey, {}).ok());
  const auto found = cache.find(kKey);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->bytes.empty());
}

TEST_F(Cache, finds_no_entry_in_which_any_bit_changed) {
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  // The header, the description and what fills it up, then the payload.
  for (size_t offset = 0; offset < fs::file_size(entry); offset += offset < 200 ? 1 : 37) {
    overwrite(offset, 0x04);
    EXPECT_FALSE(cache.find(kKey)) << "byte " << offset;
    overwrite(offset, 0x04);
  }
  EXPECT_TRUE(holds(cache.find(kKey), payload));
}

TEST_F(Cache, finds_no_entry_of_another_length) {
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  const size_t whole = fs::file_size(entry);
  for (const size_t length : {size_t(0), size_t(1), size_t(63), size_t(64), size_t(65), size_t(100),
                              whole / 2, whole - 1, whole + 1, size_t(10'000)}) {
    ASSERT_TRUE(store(cache, kKey, payload).ok());
    ASSERT_TRUE(cache.find(kKey));
    fs::resize_file(entry, length);
    EXPECT_FALSE(cache.find(kKey)) << "length " << length;
  }
}

TEST_F(Cache, finds_no_entry_of_another_key) {
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  fs::rename(entry, folder / (hex({3, 4}) + ".weftblob"));
  EXPECT_FALSE(cache.find({3, 4}));
}

// Sets when an entry was last used, in seconds since 1970.
void set_used(const fs::path& file, int64_t seconds) {
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

// Entries that another process filed: what this one files it keeps.
void store_elsewhere(const ProgramCache& cache, const std::vector<Hash128>& keys,
                     const std::vector<std::byte>& bytes) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool ok = true;
    for (const Hash128& key : keys) ok = ok && store(cache, key, bytes).ok();
    ::_exit(ok ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(Cache, makes_room_by_the_time_of_the_last_use) {
  store_elsewhere(cache, {{1, 0}, {2, 0}, {3, 0}}, payload);
  for (uint64_t i = 1; i <= 3; ++i)
    set_used(folder / (hex({i, 0}) + ".weftblob"), 1'000'000'000 + int64_t(i));
  EXPECT_TRUE(cache.find({1, 0}));  // used just now
  const int64_t size = list_cache(folder)[0].size_bytes;
  const ProgramCache small(folder, 3 * size);
  ASSERT_TRUE(store(small, {4, 0}, payload).ok());
  EXPECT_TRUE(small.find({1, 0}));
  EXPECT_FALSE(small.find({2, 0}));
  EXPECT_TRUE(small.find({3, 0}));
  EXPECT_TRUE(small.find({4, 0}));
}

TEST_F(Cache, keeps_what_this_process_uses_whatever_the_limit_says) {
  store_elsewhere(cache, {{5, 0}, {6, 0}}, payload);
  const auto used = cache.find({5, 0});
  ASSERT_TRUE(used);
  for (const uint64_t i : {5, 6}) set_used(folder / (hex({i, 0}) + ".weftblob"), 1'000'000'000);
  const int64_t size = list_cache(folder)[0].size_bytes;
  const ProgramCache tiny(folder, size);
  ASSERT_TRUE(store(tiny, {7, 0}, payload).ok());
  ASSERT_TRUE(store(tiny, {8, 0}, payload).ok());
  EXPECT_TRUE(tiny.find({5, 0}));
  EXPECT_FALSE(tiny.find({6, 0}));
  EXPECT_TRUE(tiny.find({7, 0}));
  EXPECT_TRUE(tiny.find({8, 0}));
}

TEST_F(Cache, refuses_an_entry_that_is_larger_than_the_limit) {
  const ProgramCache tiny(folder, 500);
  const Status refused = store(tiny, kKey, payload);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("WEFT_CACHE_LIMIT"), std::string::npos);
  EXPECT_EQ(files_in(folder), 0u);
}

TEST_F(Cache, an_entry_stays_whole_for_who_has_it_when_it_is_removed) {
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  const auto found = cache.find(kKey);
  fs::remove(entry);
  EXPECT_TRUE(holds(found, payload));
  EXPECT_FALSE(cache.find(kKey));
}

TEST_F(Cache, removes_what_killed_processes_left_long_ago) {
  fs::create_directories(folder);
  std::ofstream(folder / "old.partial") << "half";
  std::ofstream(folder / "new.partial") << "half";
  set_used(folder / "old.partial", 1'000'000'000);
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  EXPECT_FALSE(fs::exists(folder / "old.partial"));
  EXPECT_TRUE(fs::exists(folder / "new.partial"));
}

TEST_F(Cache, says_what_its_entries_are) {
  const ProgramCache named(folder, kDefaultCacheLimit, "a\nmodel");
  CacheDescription description;
  description.plugin = "cpu (1)";
  description.nodes = 7;
  ASSERT_TRUE(
      named
          .store(
              kKey, [&](const ProgramCache::Sink& sink) { return sink(payload); }, description)
          .ok());
  std::ofstream(folder / "damaged.weftblob") << "WEFTBLOB but not quite";
  set_used(folder / "damaged.weftblob", 1'000'000'000);
  const auto files = list_cache(folder);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_TRUE(files[0].readable);
  EXPECT_EQ(files[0].description.model, "a model");
  EXPECT_EQ(files[0].description.plugin, "cpu (1)");
  EXPECT_EQ(files[0].description.nodes, 7);
  EXPECT_GT(files[0].description.created, 1'000'000'000);
  EXPECT_FALSE(files[1].readable);
  EXPECT_EQ(files[1].size_bytes, 22);
}

TEST(CacheLimit, is_a_number_with_a_unit_or_none) {
  EXPECT_EQ(*parse_cache_limit("123"), 123);
  EXPECT_EQ(*parse_cache_limit("2K"), 2048);
  EXPECT_EQ(*parse_cache_limit("500M"), int64_t{500} << 20);
  EXPECT_EQ(*parse_cache_limit("8G"), int64_t{8} << 30);
  EXPECT_EQ(*parse_cache_limit("none"), kNoCacheLimit);
  for (const char* wrong :
       {"", "G", "-1", "1T", "1 G", " 1G", "99999999999999999999", "9999999999G"})
    EXPECT_FALSE(parse_cache_limit(wrong).ok()) << wrong;
}

TEST_F(Cache, finds_no_entry_that_is_a_folder) {
  fs::create_directories(entry);
  EXPECT_FALSE(cache.find(kKey));
}

TEST_F(Cache, leaves_nothing_when_the_writer_fails) {
  const Status failed = cache.store(kKey, [&](const ProgramCache::Sink& sink) -> Status {
    TRY(sink(payload));
    return Error{"the plugin gave up"};
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message, "the plugin gave up");
  EXPECT_FALSE(cache.find(kKey));
  EXPECT_EQ(files_in(folder), 0u);
}

TEST_F(Cache, keeps_the_old_entry_when_the_writer_fails) {
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  ASSERT_FALSE(cache.store(kKey, [](const auto&) -> Status { return Error{"no"}; }).ok());
  EXPECT_TRUE(holds(cache.find(kKey), payload));
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(Cache, leaves_nothing_when_the_name_is_taken_by_a_folder) {
  fs::create_directories(entry / "in the way");
  const Status failed = store(cache, kKey, payload);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find(entry.string()), std::string::npos);
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(Cache, says_which_folder_it_cannot_make) {
  std::ofstream(scratch.path() / "file") << "in the way";
  const ProgramCache blocked(scratch.path() / "file" / "cache");
  const Status failed = store(blocked, kKey, payload);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("cannot make the cache folder"), std::string::npos);
  EXPECT_FALSE(blocked.find(kKey));
}

TEST_F(Cache, is_not_blocked_by_what_a_killed_process_left) {
  fs::create_directories(folder);
  std::ofstream(folder / (hex(kKey) + "." + std::to_string(::getpid()) + ".partial")) << "half";
  ASSERT_TRUE(store(cache, kKey, payload).ok());
  EXPECT_TRUE(holds(cache.find(kKey), payload));
}

TEST_F(Cache, without_a_folder_stores_and_finds_nothing) {
  const ProgramCache none{fs::path()};
  EXPECT_FALSE(none.enabled());
  bool called = false;
  EXPECT_TRUE(none.store(kKey,
                         [&](const auto&) -> Status {
                           called = true;
                           return {};
                         })
                  .ok());
  EXPECT_FALSE(called);
  EXPECT_FALSE(none.find(kKey));
}

// Stores and finds under one key; false when anything but a whole payload is ever found.
bool contend(const ProgramCache& cache, uint8_t seed, const std::vector<std::byte>& a,
             const std::vector<std::byte>& b) {
  for (int i = 0; i < 100; ++i) {
    if (!store(cache, kKey, seed == 1 ? a : b).ok()) return false;
    const auto found = cache.find(kKey);
    if (!holds(found, a) && !holds(found, b)) return false;
  }
  return true;
}

TEST_F(Cache, is_whole_for_processes_that_store_and_find_at_once) {
  const auto a = payload_of(30'000, 1), b = payload_of(50'000, 2);
  std::vector<pid_t> children;
  for (const uint8_t seed : {1, 2}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(contend(cache, seed, a, b) ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(Cache, is_whole_for_threads_that_store_and_find_at_once) {
  const auto a = payload_of(3'000, 1), b = payload_of(5'000, 2);
  bool first = false, second = false;
  std::thread thread([&] { first = contend(cache, 1, a, b); });
  second = contend(cache, 2, a, b);
  thread.join();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_EQ(files_in(folder), 1u);
}

// An environment variable as it was before, again, at the end.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(DefaultCacheFolder, is_the_first_that_the_environment_names) {
  const Variable weft("WEFT_CACHE_DIR", "/w"), xdg("XDG_CACHE_HOME", "/x"), home("HOME", "/h");
  EXPECT_EQ(default_cache_folder(), "/w");
  const Variable no_weft("WEFT_CACHE_DIR", "");
  EXPECT_EQ(default_cache_folder(), "/x/weft");
  const Variable no_xdg("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(default_cache_folder(), "/h/.cache/weft");
  const Variable no_home("HOME", nullptr);
  EXPECT_EQ(default_cache_folder(), "");
}

}  // namespace
}  // namespace weft::runtime
