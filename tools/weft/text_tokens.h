// A text file as the token ids of a model, and as many of them as fill windows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/base/result.h"

namespace weft::cli {

// The text as it is, without a chat template, special tokens or a leading <s>.
Result<std::vector<int64_t>> tokens_of(const std::filesystem::path& model_folder,
                                       const std::filesystem::path& text_file);

// The first `windows` windows of `window` tokens (0: all that the text fills). Fails with
// ErrorKind::usage when the text is shorter.
Result<std::vector<int64_t>> windows_of(const std::filesystem::path& model_folder,
                                        const std::filesystem::path& text_file, int64_t windows,
                                        int64_t window);

}  // namespace weft::cli
