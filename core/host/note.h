// Reads what a plugin says about itself from its file, before any of its code can run.
//
//   ELF header -> program headers -> PT_NOTE segments -> the note "WEFT": {major, minor, flags, 0}
//
// A static constructor of a library runs inside dlopen, so a file that is not a plugin must be
// recognised without it (weft/note.h writes the note). Only program headers are read: they are what
// the loader uses, and they survive strip. Every offset and size is checked against the file, for
// the file is not trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "core/base/result.h"

namespace weft::host {

struct Note {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t flags = 0;  // WEFT_NOTE_*: the sanitizers it was compiled with

  bool operator==(const Note&) const = default;
};

// The note of an ELF64 shared library in memory. Fails with ErrorKind::plugin: not an ELF file, cut
// short, of another class, byte order or machine, not a shared library, or without the note.
Result<Note> parse_note(std::span<const std::byte> file);
// The same from a file; the message does not repeat the path.
Result<Note> read_note(const std::filesystem::path& path);

// Whether this build can load a plugin with that note: it takes exactly its own 0.x version, and no
// sanitizer that this program lacks. The message names what it has and what is accepted.
Status check_note(const Note& note);
// The WEFT_NOTE_* flags of this build.
uint32_t sanitizers_of_this_build();

}  // namespace weft::host
