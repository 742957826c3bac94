// Fuzz entry of the note reader: any bytes end in a note or an error.
//
//   clang++ -fsanitize=fuzzer,address ... tests/fuzz/note_fuzz.cpp core/host/note.cpp
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/host/note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto note = weft::host::parse_note(std::as_bytes(std::span(data, size)));
  if (note.ok()) (void)weft::host::check_note(*note).ok();
  return 0;
}
