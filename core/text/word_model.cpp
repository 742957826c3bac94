// Reads the model of a tokenizer.json.
#include "core/text/word_model.h"

#include "core/text/added_tokens.h"
#include "core/text/tokenizer_json.h"

namespace weft::text {
namespace {

constexpr std::string_view supported_types = "BPE, Unigram, WordPiece, WordLevel";
constexpr int64_t max_word_chars_limit = int64_t{1} << 30;

// An added token may be one of the vocabulary's, but then both must agree.
Status check_added(const AddedTokens& added, const Vocab& vocab) {
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

void hide_special(const AddedTokens& added, Vocab& vocab) {
  for (const AddedToken& token : added.list())
    if (token.special) vocab.hide(token.content);
}

Result<Vocab> take_vocab(TokenizerJson& json, const Field& model) {
  if (!json.has_vocab)
    return json.has_scores
               ? Error(
                     "model.vocab is an array; supported: an object of tokens and "
                     "their ids")
               : wrong_value(model.member("vocab"), "an object of tokens and their ids");
  return Vocab::build(std::move(json.vocab_strings), json.vocab);
}

Result<int32_t> read_unk(const Field& model, std::string_view fallback, const Vocab& vocab) {
  std::string token = TRY(read_string(model.member("unk_token"), std::string(fallback)));
  int32_t id = vocab.find(token);
  if (id < 0) return Error("model.unk_token is '" + token + "', which model.vocab does not hold");
  return id;
}

Result<Bpe> parse_bpe(TokenizerJson& json, const Field& model, const AddedTokens& added) {
  BpeOptions options;
  options.unk_token = TRY(read_string(model.member("unk_token"), ""));
  options.fuse_unk = TRY(read_bool(model.member("fuse_unk"), false));
  options.byte_fallback = TRY(read_bool(model.member("byte_fallback"), false));
  options.ignore_merges = TRY(read_bool(model.member("ignore_merges"), false));
  options.continuing_prefix = TRY(read_string(model.member("continuing_subword_prefix"), ""));
  options.word_suffix = TRY(read_string(model.member("end_of_word_suffix"), ""));
  Vocab vocab = TRY(take_vocab(json, model));
  if (!json.has_merges) return wrong_value(model.member("merges"), "an array of merges");
  TRY(check_added(added, vocab));
  std::string_view text = json.merge_strings;
  std::vector<Bpe::Merge> merges;
  merges.reserve(json.merges.size());
  for (const TokenizerJson::MergeText& m : json.merges)
    merges.push_back(
        {text.substr(m.begin, m.middle - m.begin), text.substr(m.middle, m.end - m.middle)});
  Bpe bpe = TRY(Bpe::build(std::move(vocab), merges, options));
  for (const AddedToken& token : added.list())
    if (token.special) bpe.hide(token.content);
  return bpe;
}

Result<Unigram> parse_unigram(TokenizerJson& json, const Field& model, const AddedTokens& added) {
  if (!json.has_scores)
    return json.has_vocab
               ? Error("model.vocab is an object; supported: an array of [\"token\", score]")
               : wrong_value(model.member("vocab"), "an array of [\"token\", score]");
  if (json.vocab.empty())
    return Error("model.vocab is empty; supported: a Unigram model of at least one token");
  Field unk_field = model.member("unk_id");
  int64_t unk_id = TRY(read_int(unk_field, -1));
  if (unk_field.present() && (unk_id < 0 || unk_id >= static_cast<int64_t>(json.vocab.size())))
    return Error("model.unk_id is " + std::to_string(unk_id) + ", and model.vocab holds " +
                 std::to_string(json.vocab.size()) + " tokens; supported: the id of one of them");
  Unigram::Options options;
  options.unk_id = static_cast<int32_t>(unk_id);
  options.byte_fallback = TRY(read_bool(model.member("byte_fallback"), false));
  Vocab vocab =
      TRY(Vocab::build(std::move(json.vocab_strings), json.vocab, Vocab::Repeats::later_id_found));
  TRY(check_added(added, vocab));
  options.byte_ids = byte_token_ids(vocab);
  hide_special(added, vocab);
  return Unigram::build(std::move(vocab), std::move(json.scores), options);
}

Result<WordPiece> parse_word_piece(TokenizerJson& json, const Field& model,
                                   const AddedTokens& added) {
  Vocab vocab = TRY(take_vocab(json, model));
  WordPiece::Options options;
  options.unk_id = TRY(read_unk(model, "[UNK]", vocab));
  options.continuing_prefix = TRY(read_string(model.member("continuing_subword_prefix"), "##"));
  Field limit = model.member("max_input_chars_per_word");
  options.max_word_chars = TRY(read_int(limit, 100));
  if (options.max_word_chars < 0 || options.max_word_chars > max_word_chars_limit)
    return wrong_value(limit, "0 to " + std::to_string(max_word_chars_limit));
  TRY(check_added(added, vocab));
  hide_special(added, vocab);
  return WordPiece::build(std::move(vocab), options);
}

Result<WordLevel> parse_word_level(TokenizerJson& json, const Field& model,
                                   const AddedTokens& added) {
  Vocab vocab = TRY(take_vocab(json, model));
  int32_t unk_id = TRY(read_unk(model, "<unk>", vocab));
  TRY(check_added(added, vocab));
  hide_special(added, vocab);
  return WordLevel(std::move(vocab), unk_id);
}

}  // namespace

void WordLevel::encode_word(std::string_view word, std::vector<int64_t>& out) const {
  int32_t id = vocab_.find(word);
  out.push_back(id >= 0 ? id : unk_id_);
}

Result<WordModel> WordModel::parse(TokenizerJson& json, const Field& field,
                                   const AddedTokens& added) {
  std::string supported = "a model of one of the types " + std::string(supported_types);
  if (!field.present() || !field.value->is_object()) return wrong_value(field, supported);
  // Files older than the member: the members tell.
  const char* usual = json.has_scores                                      ? "Unigram"
                      : field.member("max_input_chars_per_word").present() ? "WordPiece"
                                                                           : "BPE";
  Field type_field = field.member("type");
  std::string type = TRY(read_string(type_field, usual));
  if (type == "BPE") return WordModel(TRY(parse_bpe(json, field, added)));
  if (type == "Unigram") return WordModel(TRY(parse_unigram(json, field, added)));
  if (type == "WordPiece") return WordModel(TRY(parse_word_piece(json, field, added)));
  if (type == "WordLevel") return WordModel(TRY(parse_word_level(json, field, added)));
  return wrong_value(type_field, supported_types);
}

void WordModel::encode_word(std::string_view word, Scratch& scratch,
                            std::vector<int64_t>& out) const {
  if (const auto* bpe = std::get_if<Bpe>(&kind_)) {
    bpe->encode_word(word, scratch.bpe, out);
  } else if (const auto* unigram = std::get_if<Unigram>(&kind_)) {
    unigram->encode_word(word, scratch.unigram, out);
  } else if (const auto* pieces = std::get_if<WordPiece>(&kind_)) {
    pieces->encode_word(word, out);
  } else {
    std::get<WordLevel>(kind_).encode_word(word, out);
  }
}

const Vocab& WordModel::vocab() const {
  return std::visit([](const auto& model) -> const Vocab& { return model.vocab(); }, kind_);
}

}  // namespace weft::text
