#include "tools/weft/text_tokens.h"

#include "core/base/mapped_file.h"
#include "core/text/tokenizer.h"

namespace weft::cli {

Result<std::vector<int64_t>> tokens_of(const std::filesystem::path& model_folder,
                                       const std::filesystem::path& text_file) {
  const auto tokenizer =
      TRY(text::Tokenizer::load(model_folder / "tokenizer.json"), "the model folder's tokenizer");
  const auto file = MappedFile::open(text_file);
  if (!file.ok()) return Error{"the text " + file.error().message, ErrorKind::usage};
  const auto bytes = (*file)->bytes();
  return tokenizer.encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false);
}

Result<std::vector<int64_t>> windows_of(const std::filesystem::path& model_folder,
                                        const std::filesystem::path& text_file, int64_t wanted,
                                        int64_t window) {
  std::vector<int64_t> ids = TRY(tokens_of(model_folder, text_file));
  const int64_t whole = int64_t(ids.size()) / window;
  const int64_t windows = wanted > 0 ? wanted : whole;
  if (windows == 0 || windows > whole) {
    return Error{text_file.string() + " has " + std::to_string(ids.size()) + " tokens, which is " +
                     std::to_string(whole) + " windows of " + std::to_string(window) +
                     (windows == 0 ? "; a smaller --window or a longer text gives one"
                                   : ", not " + std::to_string(windows)),
                 ErrorKind::usage};
  }
  ids.resize(size_t(windows * window));
  return ids;
}

}  // namespace weft::cli
