// Equal contents have equal hashes wherever they lie; what is remembered is used, and only if
// sound.
#include "core/base/content_hash.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/core/host/scratch_folder.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

class ContentHash : public testing::Test {
 protected:
  Hash128 hash_of(const fs::path& path) const {
    const auto file = MappedFile::open(path);
    EXPECT_TRUE(file.ok());
    return content_hash(**file, memory);
  }
  fs::path only_memory() const { return fs::directory_iterator(memory)->path(); }
  fs::path write(const char* name, const std::string& text) const {
    std::ofstream(scratch.path() / name) << text;
    return scratch.path() / name;
  }

  host::ScratchFolder scratch;
  const fs::path memory = scratch.path() / "memory" / "below";
};

TEST_F(ContentHash, is_of_the_bytes_and_not_of_the_file) {
  const fs::path a = write("a", "weights"), b = write("b", "weights"), c = write("c", "Weights");
  EXPECT_EQ(hash_of(a), hash_of(b));
  EXPECT_NE(hash_of(a), hash_of(c));
  EXPECT_EQ(hash_of(a), hash128("weights"));
}

TEST_F(ContentHash, is_remembered_and_what_is_damaged_is_computed_anew) {
  const fs::path file = write("file", "weights");
  const Hash128 hash = hash_of(file);
  const fs::path entry = only_memory();
  EXPECT_EQ(fs::file_size(entry), 48u);
  for (int byte = 0; byte < 48; ++byte) {
    std::fstream stream(entry, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(byte);
    stream.put('~');
    stream.close();
    EXPECT_EQ(hash_of(file), hash) << "byte " << byte;
  }
  for (const size_t length : {size_t(0), size_t(20), size_t(47), size_t(60)}) {
    fs::resize_file(entry, length);
    EXPECT_EQ(hash_of(file), hash) << "length " << length;
  }
  EXPECT_EQ(fs::file_size(entry), 48u);
}

TEST_F(ContentHash, needs_no_folder_that_can_be_written) {
  const fs::path file = write("file", "weights");
  write("memory", "in the way");
  EXPECT_EQ(hash_of(file), hash128("weights"));
}

}  // namespace
}  // namespace weft
