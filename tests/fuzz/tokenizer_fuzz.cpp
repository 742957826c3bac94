// Feeds arbitrary bytes to the tokenizer reader, and text to what it read: any input ends in an
// error or in ids that decode.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = weft::text::Tokenizer::parse(text);
  if (tokenizer.ok()) (void)tokenizer->decode(tokenizer->encode(text.substr(0, 256), true), false);
  return 0;
}
