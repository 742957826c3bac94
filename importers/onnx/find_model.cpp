// Looks for model files; see find_model.h.
#include "importers/onnx/find_model.h"

#include <algorithm>
#include <string>
#include <vector>

namespace weft::onnx {

namespace fs = std::filesystem;

static std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().extension() == ".onnx" && !fs::is_directory(it->path(), ignored))
      found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// What to do about a folder without a model, by what it holds instead.
static std::string what_else(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::string extension = it->path().extension().string();
    if (extension == ".gguf") return name + " is made an ONNX model by tools/gguf_to_onnx";
    if (extension == ".safetensors" || extension == ".bin")
      return name + " is weights without a graph: export the model to ONNX";
  }
  return "name the model's file";
}

Result<fs::path> find_model(const fs::path& path) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Error("there is no file or folder '" + path.string() + "'");
  if (!fs::is_directory(status)) return path;
  std::vector<fs::path> found = models_in(path);
  if (found.empty()) found = models_in(path / "onnx");
  if (found.size() == 1) return found[0];
  if (found.empty())
    return Error("folder '" + path.string() +
                 "' holds no .onnx file, nor does a subfolder onnx/; " + what_else(path));
  std::string list;
  for (const fs::path& candidate : found)
    list += (list.empty() ? "" : ", ") + candidate.filename().string();
  return Error("folder '" + found[0].parent_path().string() + "' holds several models (" + list +
               "); name one of them");
}

}  // namespace weft::onnx
