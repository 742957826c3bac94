// Typed access to a parsed tokenizer.json.
#include "core/text/tokenizer_fields.h"

#include "core/text/unicode.h"

namespace weft::text {
namespace {

// The value as JSON text, cut where it is long.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

}  // namespace

Field Field::member(std::string_view name) const {
  Field out{nullptr, path.empty() ? std::string(name) : path + "." + std::string(name)};
  if (value && value->is_object()) {
    auto it = value->find(std::string(name));
    if (it != value->end()) out.value = &*it;
  }
  return out;
}

Field Field::element(size_t i) const {
  return {&(*value)[i], path + "[" + std::to_string(i) + "]"};
}

Error wrong_value(const Field& field, std::string_view supported) {
  return Error(field.path + (field.value ? " is " + shown(*field.value) : " is missing") +
               "; supported: " + std::string(supported));
}

Result<bool> read_bool(const Field& field, std::optional<bool> fallback) {
  if (!field.present() && fallback) return *fallback;
  if (!field.present() || !field.value->is_boolean()) return wrong_value(field, "true, false");
  return field.value->get<bool>();
}

Result<int64_t> read_int(const Field& field, std::optional<int64_t> fallback) {
  if (!field.present() && fallback) return *fallback;
  constexpr uint64_t limit = uint64_t{1} << 62;
  if (!field.present() || !field.value->is_number_integer() ||
      (field.value->is_number_unsigned() && field.value->get<uint64_t>() > limit))
    return wrong_value(field, "an integer");
  return field.value->get<int64_t>();
}

Result<std::string> read_string(const Field& field, std::optional<std::string> fallback) {
  if (!field.present() && fallback) return *std::move(fallback);
  if (!field.present() || !field.value->is_string()) return wrong_value(field, "a string");
  return field.value->get<std::string>();
}

Result<char32_t> read_char(const Field& field, std::optional<char32_t> fallback) {
  if (!field.present() && fallback) return *fallback;
  if (field.present() && field.value->is_string()) {
    const auto& text = field.value->get_ref<const std::string&>();
    if (!text.empty()) {
      Utf8Char c = utf8_at(text, 0);
      if (c.size_bytes == text.size()) return c.code;
    }
  }
  return wrong_value(field, "a string of one character");
}

Result<std::vector<Field>> read_array(const Field& field) {
  if (!field.present() || !field.value->is_array()) return wrong_value(field, "an array");
  std::vector<Field> out;
  for (size_t i = 0; i < field.value->size(); ++i) out.push_back(field.element(i));
  return out;
}

Result<int32_t> read_token_id(const Field& field) {
  int64_t id = TRY(read_int(field));
  if (id < 0 || id >= max_token_id)
    return wrong_value(field, "token ids from 0 to " + std::to_string(max_token_id - 1));
  return static_cast<int32_t>(id);
}

}  // namespace weft::text
