// Which file is meant when a folder is named.
#pragma once

#include <filesystem>

#include "core/base/result.h"

namespace weft::onnx {

// The .onnx file for `path`: itself, the only one in the folder, or the only one in its onnx/
// subfolder. Fails with the list when there are several, and says what the folder holds when there
// are none.
Result<std::filesystem::path> find_model(const std::filesystem::path& path);

}  // namespace weft::onnx
