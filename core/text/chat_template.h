// Turns a conversation into the text a model is prompted with, by the Jinja template that ships
// with the model.
//
// The template language is the one Hugging Face runs chat templates in; what is supported, and the
// few places where it differs, is listed in chat_template.cpp. A template is foreign code: a
// rendering is bounded in steps, text and depth, and cannot reach files, time zones or the host.
// Errors read "chat template, line 12: ...".
#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

// JSON whose objects keep their order: templates print tools in the order they were given.
using SharedJson = std::shared_ptr<const nlohmann::ordered_json>;

struct ChatMessage {
  std::string role;
  std::string content;
  // Null or an object with further fields ("tool_calls", "name"); its "role" or "content", if any,
  // replaces the one above (content can be null or a list of parts).
  SharedJson extra = nullptr;
};

struct ChatOptions {
  // Ask for the text that opens the assistant's next turn.
  bool add_generation_prompt = true;
  // Replace the tokens found beside the template.
  std::optional<std::string> bos_token = std::nullopt, eos_token = std::nullopt;
  // Null or an object with further variables ("tools", "documents", "enable_thinking"). Without
  // them, tools and documents are none.
  SharedJson variables = nullptr;
  // What strftime_now tells; local time if absent.
  std::optional<std::tm> now = std::nullopt;
  // What one rendering may use: nodes evaluated (and elements or 16 bytes made), and text made.
  int64_t steps_max = 20'000'000;
  int64_t output_bytes_max = int64_t{64} << 20;
};

// A parsed template. Cheap to copy; rendering is const and safe from several threads at once.
class ChatTemplate {
 public:
  // `name` tells templates of one model apart in errors; it may be empty. Fails on a syntax error.
  static Result<ChatTemplate> parse(std::string source, std::string name);

  // Fails if the template refuses the conversation (raise_exception), misuses a value or exceeds
  // the limits in `options`.
  Result<std::string> render(const std::vector<ChatMessage>& messages,
                             const ChatOptions& options) const;

  // Variables such as bos_token that every rendering sees unless its options replace them.
  std::map<std::string, std::string> special_tokens;

  const std::string& source() const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
};

// The template of the model in a folder: the file chat_template.jinja, else `chat_template` of
// tokenizer_config.json (a text, or a list of named ones of which "default" is taken), with the
// special tokens of tokenizer_config.json. Fails with one sentence if there is none.
Result<ChatTemplate> load_chat_template(const std::filesystem::path& model_folder);

}  // namespace weft::text
