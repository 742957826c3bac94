// The charsmap of SentencePiece, which tokenizer.json carries as the normalizer "Precompiled":
// characters and short sequences of them, and what each becomes.
//
//   bytes   little-endian u32 n | n bytes of a double-array trie, u32 units | texts, NUL-terminated
//   unit    bits 0-7 label, 31 set in values; 8 a value hangs below; 9 and 10-30 the offset
//   value   bits 0-30: where the text that a key becomes starts
//
// The trie is Darts-clone's. Text is taken cluster by cluster (UAX #29): a cluster of up to five
// bytes becomes what its shortest prefix in the map becomes, other clusters go character by
// character. That is what the tokenizers library does, and models are run on; SentencePiece itself
// takes longest matches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

class Charsmap {
 public:
  // From the bytes in base64, as they stand in the file. Fails on text that is no base64 and on
  // bytes that hold no such map. Units are not checked here: a walk leaves the array at no unit.
  static Result<Charsmap> parse(std::string_view base64);

  // Takes and returns valid UTF-8.
  std::string normalize(std::string_view text) const;

 private:
  // What the shortest key that `text` begins with becomes; nothing where there is none.
  std::optional<std::string_view> find(std::string_view text) const;

  std::vector<uint32_t> units_;
  std::string texts_;
};

// The bytes of base64 (RFC 4648, section 4, padding optional), or nothing where it is none.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace weft::text
