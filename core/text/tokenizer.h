// Text to token ids and back, as a Hugging Face tokenizer.json says.
//
//   text ─► added tokens, raw ─► normalizer ─► added tokens, normalized ─► pre-tokenizer ─►
//   word model ─► ids
//   ids ─► decoder ─► bytes ─► valid UTF-8
//
// The file's truncation and padding are not applied: they concern batches
// for training.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/text/added_tokens.h"
#include "core/text/tokenizer_decoder.h"

namespace weft::text {

// A cheap handle on an immutable tokenizer: copies share it, and any number of threads may use it.
class Tokenizer {
 public:
  // Reads the file. Fails with one sentence that names the file, the member of the JSON, what was
  // found there and what is supported.
  static Result<Tokenizer> load(const std::filesystem::path& tokenizer_json);
  // The same from the file's contents.
  static Result<Tokenizer> parse(std::string_view json);

  // The ids of a text. Bytes that are no UTF-8 count as U+FFFD. With `parse_special`, special
  // tokens spelled out in the text become their ids; without it they are text like any other (the
  // rule for text from users). With `add_special_tokens`, the ids are framed as the file's
  // post-processor says (often a leading <s>). A regular expression of the file that runs into its
  // limit on backtracking leaves the rest of that piece in one word: other ids, but ids of the same
  // text.
  std::vector<int64_t> encode(std::string_view utf8, bool parse_special,
                              bool add_special_tokens = false) const;

  // The text of ids: valid UTF-8. Ids that no token has are passed over; special tokens too on
  // request.
  std::string decode(std::span<const int64_t> ids, bool skip_special) const;

  // The id of a token in the file's spelling ("Ġthe", "<|im_end|>").
  std::optional<int64_t> token_to_id(std::string_view token) const;
  // The spelling of an id; the view lives as long as a copy of this tokenizer.
  std::optional<std::string_view> id_to_token(int64_t id) const;
  // The bytes an id stands for in the middle of a text; parts of characters where the token is one.
  // Empty where no token has the id.
  std::string_view token_bytes(int64_t id) const;

  // One above the highest id; a model's vocabulary may be padded beyond it.
  int64_t vocab_size() const;
  bool is_special(int64_t id) const;
  // The added tokens in file order, special or not.
  const std::vector<AddedToken>& added_tokens() const;
  const TokenDecoder& decoder() const;

 private:
  struct Parts;
  explicit Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

}  // namespace weft::text
