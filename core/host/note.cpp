// ELF64 as in the System V ABI, "Program Header" and "Note Section"; see note.h.
#include "core/host/note.h"

#include <elf.h>
#include <weft/plugin.h>

#include <bit>
#include <cstring>
#include <optional>

#include "core/base/mapped_file.h"

namespace weft::host {

static_assert(std::endian::native == std::endian::little, "other byte orders are not supported");

#if defined(__x86_64__)
static constexpr uint16_t kMachine = EM_X86_64;
static constexpr const char* kMachineName = "x86-64";
#elif defined(__aarch64__)
static constexpr uint16_t kMachine = EM_AARCH64;
static constexpr const char* kMachineName = "AArch64";
#elif defined(__riscv)
static constexpr uint16_t kMachine = EM_RISCV;
static constexpr const char* kMachineName = "RISC-V";
#else
#error "add this processor's ELF machine number"
#endif

// A plugin has a handful of segments and a few hundred bytes of notes; what exceeds these is not
// one.
static constexpr uint64_t kMostSegments = 1024;
static constexpr uint64_t kMostNoteBytes = 1 << 20;

using Bytes = std::span<const std::byte>;

static Error refused(std::string why) { return Error(std::move(why), ErrorKind::plugin); }

// Bytes [offset, offset + size) of `from`, if it has them.
static std::optional<Bytes> slice(Bytes from, uint64_t offset, uint64_t size) {
  if (offset > from.size() || size > from.size() - offset) return std::nullopt;
  return from.subspan(offset, size);
}

// A copy, so that alignment in the file does not matter.
template <typename T>
static std::optional<T> read(Bytes from, uint64_t offset) {
  const std::optional<Bytes> bytes = slice(from, offset, sizeof(T));
  if (!bytes) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

static std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_ARM:
      return "32-bit ARM";
    case EM_386:
      return "32-bit x86";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "machine " + std::to_string(machine);
  }
}

static Result<Elf64_Ehdr> read_header(Bytes file) {
  const std::optional<Bytes> magic = slice(file, 0, SELFMAG);
  if (!magic || std::memcmp(magic->data(), ELFMAG, SELFMAG) != 0)
    return refused("it is not a shared library (no ELF header)");
  const std::optional<Bytes> identity = slice(file, 0, EI_NIDENT);
  if (!identity) return refused("the file is cut short inside its ELF header");
  if (uint8_t((*identity)[EI_CLASS]) != ELFCLASS64)
    return refused("it is not a 64-bit library; Weft loads 64-bit ones");
  if (uint8_t((*identity)[EI_DATA]) != ELFDATA2LSB)
    return refused("it is a big-endian library; this machine is little-endian");
  const std::optional<Elf64_Ehdr> header = read<Elf64_Ehdr>(file, 0);
  if (!header) return refused("the file is cut short inside its ELF header");
  if (header->e_machine != kMachine)
    return refused("it is built for " + machine_name(header->e_machine) + "; this program is " +
                   kMachineName);
  if (header->e_type != ET_DYN) return refused("it is not a shared library but another ELF file");
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > kMostSegments)
    return refused("its program headers are damaged");
  return *header;
}

static uint64_t round_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

// Walks one note segment. Sizes are 32-bit and the segment is short, so no sum can wrap.
static std::optional<Note> find_in_segment(Bytes segment, uint64_t alignment) {
  constexpr size_t kNameSize = sizeof WEFT_NOTE_NAME;  // with its NUL
  uint64_t at = 0;
  while (const std::optional<Elf64_Nhdr> header = read<Elf64_Nhdr>(segment, at)) {
    const uint64_t name_at = at + sizeof *header;
    const uint64_t desc_at = round_up(name_at + header->n_namesz, alignment);
    const std::optional<Bytes> name = slice(segment, name_at, header->n_namesz);
    const std::optional<Bytes> desc = slice(segment, desc_at, header->n_descsz);
    if (!name || !desc) return std::nullopt;
    if (header->n_type == WEFT_NOTE_TYPE && name->size() == kNameSize &&
        std::memcmp(name->data(), WEFT_NOTE_NAME, kNameSize) == 0 &&
        desc->size() >= 4 * sizeof(uint32_t)) {
      return Note{*read<uint32_t>(*desc, 0), *read<uint32_t>(*desc, 4), *read<uint32_t>(*desc, 8)};
    }
    at = round_up(desc_at + header->n_descsz, alignment);
  }
  return std::nullopt;
}

Result<Note> parse_note(Bytes file) {
  const Elf64_Ehdr header = TRY(read_header(file));
  std::optional<Note> found;
  bool cut_short = false;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    // slice() first: an e_phoff near 2^64 would wrap in the sum.
    if (!slice(file, header.e_phoff, (i + 1) * sizeof(Elf64_Phdr)))
      return refused("the file is cut short: its program headers are missing");
    const Elf64_Phdr segment = *read<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
    const std::optional<Bytes> bytes = slice(file, segment.p_offset, segment.p_filesz);
    // A file that lost its tail: what is mapped but absent ends the process at first touch.
    if (segment.p_type == PT_LOAD && !bytes) cut_short = true;
    if (segment.p_type != PT_NOTE || !bytes || bytes->size() > kMostNoteBytes || found) continue;
    found = find_in_segment(*bytes, segment.p_align == 8 ? 8 : 4);
  }
  if (cut_short) return refused("the file is cut short: a segment ends behind its end");
  if (!found) return refused("it is a shared library without the note of a Weft plugin");
  return *found;
}

Result<Note> read_note(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return refused(std::move(file).error().message);
  return parse_note((*file)->bytes());
}

// weft/note.h would say the same, and put a note into this program.
uint32_t sanitizers_of_this_build() {
#if defined(__SANITIZE_ADDRESS__)
  return WEFT_NOTE_ADDRESS_SANITIZER;
#elif defined(__SANITIZE_THREAD__)
  return WEFT_NOTE_THREAD_SANITIZER;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return WEFT_NOTE_ADDRESS_SANITIZER;
#elif __has_feature(thread_sanitizer)
  return WEFT_NOTE_THREAD_SANITIZER;
#else
  return 0;
#endif
#else
  return 0;
#endif
}

Status check_note(const Note& note) {
  if (note.major != WEFT_VERSION_MAJOR || note.minor != WEFT_VERSION_MINOR)
    return refused("it speaks plugin ABI " + std::to_string(note.major) + "." +
                   std::to_string(note.minor) + "; this Weft accepts " +
                   std::to_string(WEFT_VERSION_MAJOR) + "." + std::to_string(WEFT_VERSION_MINOR) +
                   " only: rebuild the plugin");
  const uint32_t missing = note.flags & ~sanitizers_of_this_build();
  if (missing & WEFT_NOTE_ADDRESS_SANITIZER)
    return refused("it is built with AddressSanitizer; this program is not");
  if (missing & WEFT_NOTE_THREAD_SANITIZER)
    return refused("it is built with ThreadSanitizer; this program is not");
  if (missing) return refused("its note has flags this Weft does not know: rebuild one of the two");
  return {};
}

}  // namespace weft::host
