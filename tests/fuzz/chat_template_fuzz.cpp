// Feeds arbitrary text to the chat template engine and renders what parses, within small limits:
// any input ends in text or an error.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string source(reinterpret_cast<const char*>(data), size);
  const auto parsed = weft::text::ChatTemplate::parse(source, "");
  if (!parsed.ok()) return 0;
  weft::text::ChatOptions options;
  options.steps_max = 20'000;
  options.output_bytes_max = 1 << 20;
  (void)parsed->render({{"system", "be brief"}, {"user", "hello"}}, options).ok();
  return 0;
}
