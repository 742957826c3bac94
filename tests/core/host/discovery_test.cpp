#include "core/host/discovery.h"

#include <unistd.h>

#include <fstream>

#include "tests/core/host/null_plugin.h"
#include "tests/core/host/scratch_folder.h"

namespace weft::host {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names(const std::vector<Candidate>& found) {
  std::vector<std::string> list;
  for (const Candidate& candidate : found) list.push_back(candidate.path.filename().string());
  return list;
}

TEST(Discovery, looks_at_named_files_then_the_variable_then_the_folder) {
  ScratchFolder named, first, second, usual;
  SearchPlaces places;
  places.files = {named.copy(null_path(), "weft_a.so")};
  second.copy(null_path(), "weft_e.so");
  second.copy(null_path(), "weft_d.so");
  second.copy(null_path(), "notes.txt");
  places.path_variable =
      first.copy(null_path(), "weft_c.so").string() + "::" + second.path().string() + ":";
  usual.copy(null_path(), "weft_b.so");
  places.folder = usual.path();
  const std::vector<Candidate> found = discover(places);
  EXPECT_EQ(names(found), (std::vector<std::string>{"weft_a.so", "weft_c.so", "weft_d.so",
                                                    "weft_e.so", "weft_b.so"}));
  for (const Candidate& candidate : found) {
    EXPECT_EQ(candidate.verdict, Verdict::accepted) << candidate.why;
    EXPECT_EQ(candidate.note->minor, WEFT_VERSION_MINOR);
  }
  EXPECT_EQ(found[0].source, "--plugin");
  EXPECT_EQ(found[1].source, "WEFT_PLUGIN_PATH");
  EXPECT_EQ(found[4].source, usual.path().string());
}

TEST(Discovery, a_missing_folder_is_reported_only_when_it_was_asked_for) {
  SearchPlaces places;
  places.folder = "/nonexistent/weft/plugins";
  EXPECT_TRUE(discover(places).empty());
  places.path_variable = "/nonexistent/a";
  places.files = {"/nonexistent/b.so"};
  const std::vector<Candidate> found = discover(places);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].verdict, Verdict::refused);
  EXPECT_EQ(found[0].why, "it cannot be found: No such file or directory");
}

TEST(Discovery, never_searches_the_current_folder) {
  SearchPlaces places;
  places.path_variable = ".:plugins";
  const std::vector<Candidate> found = discover(places);
  ASSERT_EQ(found.size(), 2u);
  for (const Candidate& candidate : found) {
    EXPECT_EQ(candidate.verdict, Verdict::refused);
    EXPECT_NE(candidate.why.find("not an absolute path"), std::string::npos) << candidate.why;
  }
}

TEST(Discovery, a_link_is_the_same_file_and_a_copy_is_not) {
  ScratchFolder folder;
  const fs::path original = folder.copy(null_path(), "weft_a.so");
  fs::create_symlink(original, folder.path() / "weft_b.so");
  fs::create_hard_link(original, folder.path() / "weft_c.so");
  folder.copy(null_path(), "weft_d.so");
  SearchPlaces places;
  places.folder = folder.path();
  const std::vector<Candidate> found = discover(places);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].verdict, Verdict::accepted);
  EXPECT_EQ(found[1].verdict, Verdict::duplicate);
  EXPECT_EQ(found[2].verdict, Verdict::duplicate);
  EXPECT_EQ(found[2].why,
            "it is the same file as '" + original.string() + "' from " + folder.path().string());
  EXPECT_EQ(found[3].verdict, Verdict::accepted);
}

TEST(Discovery, refuses_what_others_may_change) {
  ScratchFolder folder;
  const fs::path plugin = folder.copy(null_path(), "weft_a.so");
  EXPECT_EQ(examine(plugin, "test").verdict, Verdict::accepted) << examine(plugin, "test").why;
  fs::permissions(plugin, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(examine(plugin, "test").why,
            "the file '" + plugin.string() + "' can be written by anyone");
  fs::permissions(plugin, fs::perms::others_write, fs::perm_options::remove);
  fs::permissions(folder.path(), fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(examine(plugin, "test").why,
            "the folder '" + folder.path().string() + "' can be written by anyone");
  fs::permissions(folder.path(), fs::perms::others_write, fs::perm_options::remove);
  // Giving a file away takes root; where that is lacking, the rule cannot be put to the test.
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(plugin.c_str(), 12345, gid_t(-1)), 0);
    EXPECT_EQ(examine(plugin, "test").why, "the file '" + plugin.string() +
                                               "' belongs to another user (id 12345), neither "
                                               "root nor you");
  }
}

TEST(Discovery, refuses_folders_pipes_and_files_that_are_no_plugins) {
  ScratchFolder folder;
  fs::create_directory(folder.path() / "weft_a.so");
  ASSERT_EQ(::mkfifo((folder.path() / "weft_b.so").c_str(), 0600), 0);
  std::ofstream(folder.path() / "weft_c.so") << "text";
  SearchPlaces places;
  places.folder = folder.path();
  const std::vector<Candidate> found = discover(places);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].why, "it is not a regular file");
  EXPECT_EQ(found[1].why, "it is not a regular file");
  EXPECT_EQ(found[2].why, "it is not a shared library (no ELF header)");
}

TEST(Discovery, runs_no_code_of_what_it_looks_at) {
  ScratchFolder folder;
  const fs::path mark = folder.path() / "mark";
  ASSERT_EQ(::setenv("WEFT_TEST_MARK", mark.c_str(), 1), 0);
  const Candidate candidate = examine(bad_path("not_a_plugin"), "test");
  EXPECT_EQ(candidate.verdict, Verdict::refused);
  EXPECT_FALSE(load(bad_path("not_a_plugin"), one_thread()).ok());
  EXPECT_FALSE(fs::exists(mark));
  ::unsetenv("WEFT_TEST_MARK");
}

TEST(Discovery, usual_places_are_the_variable_and_the_folder_beside_the_program) {
  ASSERT_EQ(::setenv("WEFT_PLUGIN_PATH", "/somewhere", 1), 0);
  const SearchPlaces places = usual_places({"/a.so"});
  ::unsetenv("WEFT_PLUGIN_PATH");
  EXPECT_EQ(places.files, std::vector<fs::path>{"/a.so"});
  EXPECT_EQ(places.path_variable, "/somewhere");
  // The test program lies in <build>/tests, so its prefix is the build folder.
  EXPECT_EQ(places.folder, fs::canonical(WEFT_BINARY_DIR) / "lib/weft/plugins");
  EXPECT_TRUE(usual_places().path_variable.empty());
}

}  // namespace
}  // namespace weft::host
