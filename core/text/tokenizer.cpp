// Puts the parts of a tokenizer.json together.
#include "core/text/tokenizer.h"

#include <fstream>

#include "core/text/detokenizer.h"
#include "core/text/normalizer.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/tokenizer_json.h"
#include "core/text/tokenizer_post.h"
#include "core/text/word_model.h"

namespace weft::text {
namespace {

// The bytes of every id, end to end.
struct ByteTable {
  std::string bytes;
  std::vector<uint32_t> begins = {0};
};

Result<std::string> read_file(const std::filesystem::path& path) {
  std::error_code code;
  auto size = std::filesystem::file_size(path, code);
  if (code) return Error("cannot be read: " + code.message(), ErrorKind::usage);
  if (size > max_tokenizer_bytes)
    return Error("is " + std::to_string(size) + " bytes long; supported: up to " +
                 std::to_string(max_tokenizer_bytes));
  std::string out(static_cast<size_t>(size), '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(out.data(), static_cast<std::streamsize>(size)))
    return Error("cannot be read to its end", ErrorKind::usage);
  return out;
}

}  // namespace

struct Tokenizer::Parts {
  Normalizer normalizer;
  AddedTokens added;
  PreTokenizer pre_tokenizer;
  std::optional<WordModel> model;  // always there once parsed
  TokenDecoder decoder;
  SpecialFrame frame;
  ByteTable table;
  int64_t id_limit = 0;

  std::optional<std::string_view> token(int64_t id) const {
    if (id < 0 || id >= id_limit) return std::nullopt;
    if (const AddedToken* token = added.find(static_cast<int32_t>(id))) return token->content;
    return model->vocab().token(id);
  }

  void fill_table() {
    table.begins.reserve(static_cast<size_t>(id_limit) + 1);
    for (int64_t id = 0; id < id_limit; ++id) {
      if (auto spelling = token(id)) table.bytes += decoder.token_bytes(*spelling);
      table.begins.push_back(static_cast<uint32_t>(table.bytes.size()));
    }
  }

  void encode_plain(std::string_view text, bool at_start, WordModel::Scratch& scratch,
                    std::vector<int64_t>& out) const {
    Words words = pre_tokenizer.cut(text, at_start);
    for (const Span& span : words.spans)
      model->encode_word(std::string_view(words.text).substr(span.begin, span.end - span.begin),
                         scratch, out);
  }
};

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& tokenizer_json) {
  std::string name = "tokenizer '" + tokenizer_json.string() + "'";
  std::string json = TRY(read_file(tokenizer_json), name);
  return TRY(parse(json), name);
}

Result<Tokenizer> Tokenizer::parse(std::string_view text) {
  TokenizerJson json = TRY(read_tokenizer_json(text));
  if (!json.rest.is_object())
    return Error("the JSON is no object; supported: the object of a tokenizer.json");
  Field root{&json.rest, ""};
  auto parts = std::make_shared<Parts>();
  parts->normalizer = TRY(Normalizer::parse(root.member("normalizer")));
  parts->added = TRY(AddedTokens::parse(root.member("added_tokens"), parts->normalizer));
  parts->pre_tokenizer = TRY(PreTokenizer::parse(root.member("pre_tokenizer")));
  parts->decoder = TRY(TokenDecoder::parse(root.member("decoder")));
  parts->frame = TRY(parse_post_processor(root.member("post_processor")));
  parts->model = TRY(WordModel::parse(json, root.member("model"), parts->added));
  parts->id_limit = parts->model->vocab().id_limit();
  for (const AddedToken& token : parts->added.list())
    parts->id_limit = std::max(parts->id_limit, int64_t{token.id} + 1);
  for (const auto* ids : {&parts->frame.before, &parts->frame.after})
    for (int64_t id : *ids)
      if (!parts->token(id))
        return Error("post_processor names the id " + std::to_string(id) + ", which no token has");
  parts->fill_table();
  return Tokenizer(std::move(parts));
}

std::vector<int64_t> Tokenizer::encode(std::string_view utf8, bool parse_special,
                                       bool add_special_tokens) const {
  std::string cleaned;
  if (!is_valid_utf8(utf8)) {
    cleaned = clean_utf8(utf8);
    utf8 = cleaned;
  }
  std::vector<int64_t> out;
  out.reserve(utf8.size() / 3 + 4);
  if (add_special_tokens) out = parts_->frame.before;
  WordModel::Scratch scratch;
  for (const AddedTokens::Piece& raw : parts_->added.cut(utf8, false, parse_special)) {
    if (raw.token) {
      out.push_back(raw.token->id);
      continue;
    }
    std::string normalized;
    std::string_view text = raw.text;
    bool first_dropped = false;
    if (!parts_->normalizer.empty())
      text = normalized = parts_->normalizer.normalize(raw.text, &first_dropped);
    bool at_start = raw.text.data() == utf8.data() && !first_dropped;
    for (const AddedTokens::Piece& piece : parts_->added.cut(text, true, parse_special)) {
      if (piece.token) {
        out.push_back(piece.token->id);
      } else {
        parts_->encode_plain(piece.text, at_start && piece.text.data() == text.data(), scratch,
                             out);
      }
    }
  }
  if (add_special_tokens)
    out.insert(out.end(), parts_->frame.after.begin(), parts_->frame.after.end());
  return out;
}

std::string Tokenizer::decode(std::span<const int64_t> ids, bool skip_special) const {
  Detokenizer detokenizer(*this, skip_special);
  std::string out;
  for (int64_t id : ids) detokenizer.push(id, out);
  detokenizer.flush(out);
  return out;
}

std::optional<int64_t> Tokenizer::token_to_id(std::string_view token) const {
  if (const AddedToken* added = parts_->added.find(token)) return added->id;
  int32_t id = parts_->model->vocab().find(token);
  return id < 0 ? std::nullopt : std::optional<int64_t>(id);
}

std::optional<std::string_view> Tokenizer::id_to_token(int64_t id) const {
  return parts_->token(id);
}

std::string_view Tokenizer::token_bytes(int64_t id) const {
  if (id < 0 || id >= parts_->id_limit) return {};
  const ByteTable& table = parts_->table;
  uint32_t begin = table.begins[static_cast<size_t>(id)],
           end = table.begins[static_cast<size_t>(id) + 1];
  return std::string_view(table.bytes).substr(begin, end - begin);
}

int64_t Tokenizer::vocab_size() const { return parts_->id_limit; }

bool Tokenizer::is_special(int64_t id) const {
  if (id < 0 || id >= parts_->id_limit) return false;
  const AddedToken* token = parts_->added.find(static_cast<int32_t>(id));
  return token && token->special;
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const { return parts_->added.list(); }

const TokenDecoder& Tokenizer::decoder() const { return parts_->decoder; }

}  // namespace weft::text
