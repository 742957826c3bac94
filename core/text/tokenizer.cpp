// Puts the parts of a tokenizer.json together.
#include "core/text/tokenizer.h"

#include <fstream>

#include "core/text/bpe.h"
#include "core/text/detokenizer.h"
#include "core/text/normalizer.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/tokenizer_json.h"
#include "core/text/tokenizer_post.h"

namespace weft::text {
namespace {

// The bytes of every id, end to end.
struct ByteTable {
  std::string bytes;
  std::vector<uint32_t> begins = {0};
};

Status check_model(const Field& model) {
  if (!model.present() || !model.value->is_object()) return wrong_value(model, "a BPE model");
  Field type = model.member("type");  // files older than the member hold BPE
  if (TRY(read_string(type, "BPE")) != "BPE") return wrong_value(type, "BPE");
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    Field affix = model.member(name);
    if (!TRY(read_string(affix, "")).empty()) return wrong_value(affix, "null, \"\"");
  }
  Field dropout = model.member("dropout");
  if (dropout.present() && *dropout.value != 0)
    return wrong_value(dropout, "null (a dropout makes ids random)");
  return {};
}

Result<BpeOptions> read_options(const Field& model) {
  BpeOptions options;
  options.unk_token = TRY(read_string(model.member("unk_token"), ""));
  options.fuse_unk = TRY(read_bool(model.member("fuse_unk"), false));
  options.byte_fallback = TRY(read_bool(model.member("byte_fallback"), false));
  options.ignore_merges = TRY(read_bool(model.member("ignore_merges"), false));
  return options;
}

Result<Bpe> build_bpe(TokenizerJson& json, const Field& model) {
  BpeOptions options = TRY(read_options(model));
  if (!json.has_vocab)
    return wrong_value(model.member("vocab"), "an object of tokens and their ids");
  if (!json.has_merges) return wrong_value(model.member("merges"), "an array of merges");
  BpeVocab vocab = TRY(BpeVocab::build(std::move(json.vocab_strings), json.vocab));
  std::string_view text = json.merge_strings;
  std::vector<Bpe::Merge> merges;
  merges.reserve(json.merges.size());
  for (const TokenizerJson::MergeText& m : json.merges)
    merges.push_back(
        {text.substr(m.begin, m.middle - m.begin), text.substr(m.middle, m.end - m.middle)});
  return Bpe::build(std::move(vocab), merges, options);
}

// An added token may be one of the vocabulary's, but then both must agree.
Status check_added(const AddedTokens& added, const BpeVocab& vocab) {
  for (const AddedToken& token : added.list()) {
    int32_t id = vocab.find(token.content);
    std::optional<std::string_view> holder = vocab.token(token.id);
    if (id >= 0 && id != token.id)
      return Error("added_tokens gives '" + token.content + "' the id " + std::to_string(token.id) +
                   ", model.vocab gives it " + std::to_string(id) + "; they must agree");
    if (holder && *holder != token.content)
      return Error("added_tokens gives the id " + std::to_string(token.id) + " to '" +
                   token.content + "', model.vocab to '" + std::string(*holder) +
                   "'; they must agree");
  }
  return {};
}

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
  Bpe bpe;
  TokenDecoder decoder;
  SpecialFrame frame;
  ByteTable table;
  int64_t id_limit = 0;

  std::optional<std::string_view> token(int64_t id) const {
    if (id < 0 || id >= id_limit) return std::nullopt;
    if (const AddedToken* token = added.find(static_cast<int32_t>(id))) return token->content;
    return bpe.vocab().token(id);
  }

  void fill_table() {
    table.begins.reserve(static_cast<size_t>(id_limit) + 1);
    for (int64_t id = 0; id < id_limit; ++id) {
      if (auto spelling = token(id)) table.bytes += decoder.token_bytes(*spelling);
      table.begins.push_back(static_cast<uint32_t>(table.bytes.size()));
    }
  }

  void encode_plain(std::string_view text, bool at_start, Bpe::Scratch& scratch,
                    std::vector<int64_t>& out) const {
    Words words = pre_tokenizer.cut(text, at_start);
    for (const Span& span : words.spans)
      bpe.encode_word(std::string_view(words.text).substr(span.begin, span.end - span.begin),
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
  Field model = root.member("model");
  auto parts = std::make_shared<Parts>();
  TRY(check_model(model));
  parts->normalizer = TRY(Normalizer::parse(root.member("normalizer")));
  parts->added = TRY(AddedTokens::parse(root.member("added_tokens"), parts->normalizer));
  parts->pre_tokenizer = TRY(PreTokenizer::parse(root.member("pre_tokenizer")));
  parts->decoder = TRY(TokenDecoder::parse(root.member("decoder")));
  parts->frame = TRY(parse_post_processor(root.member("post_processor")));
  parts->bpe = TRY(build_bpe(json, model));
  TRY(check_added(parts->added, parts->bpe.vocab()));
  parts->id_limit = parts->bpe.vocab().id_limit();
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
  Bpe::Scratch scratch;
  for (const AddedTokens::Piece& raw : parts_->added.cut(utf8, false, parse_special)) {
    if (raw.token) {
      out.push_back(raw.token->id);
      continue;
    }
    std::string normalized;
    std::string_view text = raw.text;
    if (!parts_->normalizer.empty()) text = normalized = parts_->normalizer.normalize(raw.text);
    bool at_start = raw.text.data() == utf8.data();
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
  int32_t id = parts_->bpe.vocab().find(token);
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
