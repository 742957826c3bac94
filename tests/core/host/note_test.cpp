#include "core/host/note.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <weft/plugin.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/core/host/null_plugin.h"

namespace weft::host {
namespace {

std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string why(const std::vector<std::byte>& file) {
  Result<Note> note = parse_note(file);
  return note.ok() ? "accepted" : note.error().message;
}

template <typename T>
void patch(std::vector<std::byte>& file, size_t at, T value) {
  ASSERT_LE(at + sizeof value, file.size());
  std::memcpy(file.data() + at, &value, sizeof value);
}

TEST(Note, is_read_from_a_built_plugin) {
  Result<Note> note = read_note(null_path());
  ASSERT_TRUE(note.ok()) << note.error().message;
  EXPECT_EQ(*note, (Note{WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, sanitizers_of_this_build()}));
  EXPECT_TRUE(check_note(*note).ok());
}

TEST(Note, of_another_version_says_what_it_has_and_what_is_accepted) {
  Result<Note> note = read_note(bad_path("other_version"));
  ASSERT_TRUE(note.ok()) << note.error().message;
  Status fits = check_note(*note);
  ASSERT_FALSE(fits.ok());
  EXPECT_EQ(fits.error().message,
            "it speaks plugin ABI 0.8; this Weft accepts 0.9 only: rebuild the plugin");
  EXPECT_EQ(fits.error().kind, ErrorKind::plugin);
}

TEST(Note, with_a_sanitizer_that_this_program_lacks_is_refused) {
  const uint32_t ours = sanitizers_of_this_build();
  EXPECT_TRUE(check_note({WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, 0}).ok());
  EXPECT_TRUE(check_note({WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, ours}).ok());
  for (const uint32_t flag : {WEFT_NOTE_ADDRESS_SANITIZER, WEFT_NOTE_THREAD_SANITIZER, 0x80000000u})
    if (!(flag & ours)) {
      EXPECT_FALSE(check_note({WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, flag}).ok()) << flag;
    }
}

TEST(Note, is_missing_from_other_libraries) {
  Result<Note> note = read_note(bad_path("not_a_plugin"));
  ASSERT_FALSE(note.ok());
  EXPECT_EQ(note.error().message, "it is a shared library without the note of a Weft plugin");
}

TEST(Note, a_file_that_is_no_library_is_named_as_such) {
  EXPECT_EQ(why({}), "it is not a shared library (no ELF header)");
  EXPECT_EQ(why(bytes_of(__FILE__)), "it is not a shared library (no ELF header)");
  EXPECT_FALSE(read_note("/nonexistent/weft_x.so").ok());
}

TEST(Note, every_shorter_file_is_refused_and_none_crashes) {
  const std::vector<std::byte> whole = bytes_of(null_path());
  // What dlopen maps ends here; section headers behind it are not needed to load.
  size_t needed = 0;
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof header);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, whole.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD)
      needed = std::max(needed, size_t(segment.p_offset + segment.p_filesz));
  }
  ASSERT_GT(needed, 1000u);
  for (size_t size = 0; size < needed; size += size < 2000 ? 1 : 97) {
    // A copy of exactly that size, so that a read past the end is seen by AddressSanitizer.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + long(size));
    EXPECT_NE(why(cut), "accepted") << size;
  }
  EXPECT_EQ(why({whole.begin(), whole.begin() + long(needed)}), "accepted");
  EXPECT_EQ(why({whole.begin(), whole.begin() + long(needed) - 1}),
            "the file is cut short: a segment ends behind its end");
}

TEST(Note, other_machines_classes_and_kinds_are_named) {
  const std::vector<std::byte> whole = bytes_of(null_path());
  std::vector<std::byte> file = whole;
  patch(file, offsetof(Elf64_Ehdr, e_machine), uint16_t(EM_ARM));
  EXPECT_NE(why(file).find("it is built for 32-bit ARM; this program is "), std::string::npos);
  file = whole;
  patch(file, EI_CLASS, uint8_t(ELFCLASS32));
  EXPECT_EQ(why(file), "it is not a 64-bit library; Weft loads 64-bit ones");
  file = whole;
  patch(file, EI_DATA, uint8_t(ELFDATA2MSB));
  EXPECT_EQ(why(file), "it is a big-endian library; this machine is little-endian");
  file = whole;
  patch(file, offsetof(Elf64_Ehdr, e_type), uint16_t(ET_REL));
  EXPECT_EQ(why(file), "it is not a shared library but another ELF file");
}

TEST(Note, hostile_offsets_and_sizes_are_refused_and_none_crashes) {
  const std::vector<std::byte> whole = bytes_of(null_path());
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof header);
  for (const uint64_t offset : {UINT64_MAX, UINT64_MAX - 55, uint64_t(whole.size()),
                                uint64_t(whole.size()) - 1, uint64_t(1) << 63}) {
    std::vector<std::byte> file = whole;
    patch(file, offsetof(Elf64_Ehdr, e_phoff), offset);
    EXPECT_NE(why(file), "accepted");
    for (size_t i = 0; i < header.e_phnum; ++i) {
      const size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
      Elf64_Phdr segment;
      std::memcpy(&segment, whole.data() + at, sizeof segment);
      if (segment.p_type != PT_NOTE && segment.p_type != PT_LOAD) continue;
      for (const size_t field : {offsetof(Elf64_Phdr, p_offset), offsetof(Elf64_Phdr, p_filesz)}) {
        file = whole;
        patch(file, at + field, offset);
        const bool fits = field == offsetof(Elf64_Phdr, p_filesz) && segment.p_offset == 0 &&
                          offset <= whole.size();
        if (segment.p_type == PT_LOAD && !fits) {
          EXPECT_NE(why(file), "accepted");
        } else {
          (void)why(file);  // another note segment may still hold it
        }
      }
    }
  }
  // Sizes inside the note itself.
  for (size_t at = 0; at + 24 <= whole.size(); at += 4) {
    if (std::memcmp(whole.data() + at, "\5\0\0\0\20\0\0\0\1\0\0\0WEFT", 16) != 0) continue;
    for (const uint32_t size : {0u, 4u, 6u, 0x7fffffffu, 0xfffffffcu, 0xffffffffu})
      for (const size_t field : {0u, 4u}) {
        if (field == 4 && size >= 16 && size < 100) continue;
        std::vector<std::byte> file = whole;
        patch(file, at + field, size);
        EXPECT_NE(why(file), "accepted") << field << " " << size;
      }
  }
}

}  // namespace
}  // namespace weft::host
