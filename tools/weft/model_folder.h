// What lies beside a model: tokenizer, chat template, end tokens, the longest context.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/base/result.h"

namespace weft::cli {

struct ModelFolder {
  std::filesystem::path folder;     // where the side files are
  std::vector<int64_t> end_tokens;  // from generation_config, genai_config and config .json
  int64_t longest_context = 0;      // 0: the files do not say
};

// `model` is a folder or an .onnx file. Side files that are missing are no error; files that do not
// parse are, naming the file.
Result<ModelFolder> open_model_folder(const std::filesystem::path& model);

}  // namespace weft::cli
