// Chat templates on top of the Jinja engine of jinja_*.h.
//
// Supported: text, {{ }}, {% %}, {# #}, white space control with trim_blocks and lstrip_blocks; if,
// for (with if, else, break, continue, loop), set (also blocks and namespaces), macro, call,
// filter, with, raw, {% generation %}; all operators; the filters, tests and methods of the tables
// in jinja_*filters.cpp, jinja_tests.cpp and jinja_methods.cpp; range, dict, namespace,
// raise_exception, strftime_now. Files (include, import, extends), blocks and recursive loops are
// refused. It differs from Jinja2 in that integers have 64 bits, what lazy filters give can be
// walked twice, escaped text is ordinary text, and unknown filters are reported when they run.
#include "core/text/chat_template.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/text/jinja_eval.h"
#include "core/text/jinja_parser.h"

namespace weft::text {
namespace {

using Json = nlohmann::ordered_json;

Error with_name(const std::string& name, Error error) {
  const std::string who =
      name.empty() || name == "default" ? "chat template" : "chat template '" + name + "'";
  const bool has_place = error.message.starts_with("line ");
  error.message = who + (has_place ? ", " : ": ") + error.message;
  return error;
}

Result<jinja::Value> from_json(const Json& json, int depth) {
  if (depth > jinja::max_value_depth) return Error("the variables nest too deep");
  switch (json.type()) {
    case Json::value_t::boolean:
      return jinja::Value(json.get<bool>());
    case Json::value_t::number_integer:
      return jinja::Value(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
        return Error("the number " + json.dump() + " in the variables exceeds 64 bits");
      return jinja::Value(json.get<int64_t>());
    case Json::value_t::number_float:
      return jinja::Value(json.get<double>());
    case Json::value_t::string:
      return jinja::Value(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      auto list = std::make_shared<jinja::List>();
      for (const Json& item : json) {
        list->items.push_back(TRY(from_json(item, depth + 1)));
        list->depth = std::max(list->depth, list->items.back().depth() + 1);
      }
      return jinja::Value(std::shared_ptr<const jinja::List>(std::move(list)));
    }
    case Json::value_t::object: {
      auto dict = std::make_shared<jinja::Dict>();
      for (const auto& [key, value] : json.items())
        TRY(dict->set(jinja::Value(key), TRY(from_json(value, depth + 1))));
      return jinja::Value(std::shared_ptr<const jinja::Dict>(std::move(dict)));
    }
    default:
      return jinja::Value(jinja::None{});
  }
}

Json message_json(const ChatMessage& message) {
  Json json = {{"role", message.role}, {"content", message.content}};
  if (message.extra && message.extra->is_object())
    for (const auto& [key, value] : message.extra->items()) json[key] = value;
  return json;
}

// What the interpreter's variables are made of, later entries over earlier ones.
Json variables_json(const std::vector<ChatMessage>& messages, const ChatOptions& options,
                    const std::map<std::string, std::string>& special_tokens) {
  Json all = Json::object();
  for (const auto& [name, token] : special_tokens) all[name] = token;
  if (options.bos_token) all["bos_token"] = *options.bos_token;
  if (options.eos_token) all["eos_token"] = *options.eos_token;
  all["messages"] = Json::array();
  for (const ChatMessage& message : messages) all["messages"].push_back(message_json(message));
  all["add_generation_prompt"] = options.add_generation_prompt;
  all["tools"] = nullptr;
  all["documents"] = nullptr;
  if (options.variables && options.variables->is_object())
    for (const auto& [key, value] : options.variables->items()) all[key] = value;
  return all;
}

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm out{};
  localtime_r(&now, &out);
  return out;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad()) return Error(path.string() + " cannot be read");
  return text;
}

// A token of tokenizer_config.json: its text, or an object that holds it as "content".
std::optional<std::string> token_text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || !json.contains("content") || !json["content"].is_string()) return {};
  return json["content"].get<std::string>();
}

std::optional<std::string> configured_template(const Json& config) {
  if (!config.contains("chat_template")) return {};
  const Json& found = config["chat_template"];
  if (found.is_string()) return found.get<std::string>();
  if (!found.is_array()) return {};
  for (const Json& entry : found) {
    const bool named = entry.is_object() && entry.contains("name") && entry["name"] == "default";
    if (named && entry.contains("template") && entry["template"].is_string())
      return entry["template"].get<std::string>();
  }
  return {};
}

}  // namespace

struct ChatTemplate::Parsed {
  std::string name, source;
  jinja::Nodes nodes;
};

Result<ChatTemplate> ChatTemplate::parse(std::string source, std::string name) {
  auto nodes = jinja::parse(source);
  if (!nodes.ok()) return with_name(name, std::move(nodes).error());
  auto parsed = std::make_shared<Parsed>();
  parsed->name = std::move(name);
  parsed->source = std::move(source);
  parsed->nodes = *std::move(nodes);
  ChatTemplate made;
  made.parsed_ = std::move(parsed);
  return made;
}

const std::string& ChatTemplate::source() const { return parsed_->source; }

Result<std::string> ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                         const ChatOptions& options) const {
  jinja::Limits limits;
  limits.steps = options.steps_max;
  limits.output_bytes = options.output_bytes_max;
  jinja::Interpreter interpreter(limits, options.now ? *options.now : local_time());
  const Json variables = variables_json(messages, options, special_tokens);
  for (const auto& [name, json] : variables.items()) {
    auto value = from_json(json, 0);
    if (!value.ok()) return with_name(parsed_->name, std::move(value).error());
    interpreter.define(name, *std::move(value));
  }
  auto text = interpreter.run(parsed_->nodes);
  if (!text.ok()) return with_name(parsed_->name, std::move(text).error());
  return text;
}

Result<ChatTemplate> load_chat_template(const std::filesystem::path& model_folder) {
  std::error_code ignored;
  const std::filesystem::path own_file = model_folder / "chat_template.jinja",
                              config_file = model_folder / "tokenizer_config.json";
  Json config = Json::object();
  if (std::filesystem::exists(config_file, ignored)) {
    config = Json::parse(TRY(read_file(config_file)), nullptr, false);
    if (!config.is_object()) return Error(config_file.string() + " is not a JSON object");
  }
  std::optional<std::string> source;
  if (std::filesystem::exists(own_file, ignored))
    source = TRY(read_file(own_file));
  else
    source = configured_template(config);
  if (!source)
    return Error(model_folder.string() +
                 " has no chat template: it needs chat_template.jinja, or a chat_template (a text, "
                 "or a list with one named 'default') in tokenizer_config.json");
  ChatTemplate made = TRY(ChatTemplate::parse(*std::move(source), ""), model_folder.string());
  for (const auto& [key, json] : config.items()) {
    if (!key.ends_with("_token")) continue;
    if (std::optional<std::string> text = token_text(json)) made.special_tokens[key] = *text;
  }
  return made;
}

}  // namespace weft::text
