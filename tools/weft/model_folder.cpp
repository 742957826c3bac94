#include "tools/weft/model_folder.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace weft::cli {

namespace {

using nlohmann::json;

// The parsed file, or null when there is none.
Result<json> read_json(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return json();
  json parsed = json::parse(in, nullptr, false);
  if (parsed.is_discarded()) return Error{path.string() + " is not valid JSON"};
  return parsed;
}

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

void add_end_tokens(const json& object, std::vector<int64_t>& tokens) {
  const json* ids = member(object, "eos_token_id");
  if (!ids) return;
  const auto add = [&](const json& id) {
    if (!id.is_number_integer()) return;
    const int64_t token = id.get<int64_t>();
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  };
  if (ids->is_array()) {
    for (const json& id : *ids) add(id);
  } else {
    add(*ids);
  }
}

}  // namespace

Result<ModelFolder> open_model_folder(const std::filesystem::path& model) {
  ModelFolder out;
  std::error_code ignored;
  if (!std::filesystem::exists(model, ignored)) {
    return Error{"there is no model at '" + model.string() + "'", ErrorKind::usage};
  }
  out.folder = std::filesystem::is_directory(model, ignored) ? model : model.parent_path();
  if (out.folder.empty()) out.folder = ".";
  // Exports as on the Hub keep the graph in onnx/ and everything else above it.
  if (!std::filesystem::exists(out.folder / "tokenizer.json", ignored) &&
      std::filesystem::exists(out.folder.parent_path() / "tokenizer.json", ignored)) {
    out.folder = out.folder.parent_path();
  }
  const json config = TRY(read_json(out.folder / "config.json"));
  const json generation = TRY(read_json(out.folder / "generation_config.json"));
  const json genai = TRY(read_json(out.folder / "genai_config.json"));
  const json* genai_model = member(genai, "model");
  add_end_tokens(generation, out.end_tokens);
  if (genai_model) add_end_tokens(*genai_model, out.end_tokens);
  if (out.end_tokens.empty()) add_end_tokens(config, out.end_tokens);
  if (const json* n = member(config, "max_position_embeddings"); n && n->is_number_integer()) {
    out.longest_context = n->get<int64_t>();
  } else if (genai_model) {
    if (const json* m = member(*genai_model, "context_length"); m && m->is_number_integer()) {
      out.longest_context = m->get<int64_t>();
    }
  }
  return out;
}

}  // namespace weft::cli
