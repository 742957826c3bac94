// Reads typed members of tokenizer.json; every failure names the member by its path, what was found
// and what would work: "pre_tokenizer.pretokenizers[1].behavior is 'Foo'; supported: Isolated,
// Removed".
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

using Json = nlohmann::json;

// One value and where it stands in the file. The value outlives the Field.
struct Field {
  const Json* value = nullptr;  // null where the member is absent
  std::string path;

  bool present() const { return value && !value->is_null(); }
  // A member of an object; absent where this is no object or has none of that name.
  Field member(std::string_view name) const;
  // An element of an array; requires i < value->size().
  Field element(size_t i) const;
};

Error wrong_value(const Field& field, std::string_view supported);

// The value, or `fallback` where the member is absent or null. Fails when it is of another type.
Result<bool> read_bool(const Field& field, std::optional<bool> fallback = {});
Result<int64_t> read_int(const Field& field, std::optional<int64_t> fallback = {});
Result<std::string> read_string(const Field& field, std::optional<std::string> fallback = {});
// A string that is exactly one character.
Result<char32_t> read_char(const Field& field, std::optional<char32_t> fallback = {});
// The elements of an array.
Result<std::vector<Field>> read_array(const Field& field);
// A token id: 0 <= id < max_token_id.
Result<int32_t> read_token_id(const Field& field);

// Ids at and above this are refused: no tokenizer comes near, and tables are sized by the highest
// id.
inline constexpr int64_t max_token_id = int64_t{1} << 22;
// Sequences inside sequences deeper than this are refused.
inline constexpr int max_sequence_depth = 16;

}  // namespace weft::text
