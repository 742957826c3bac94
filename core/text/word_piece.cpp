// Longest match by a walk down the trie; words go on below the node of the prefix.
#include "core/text/word_piece.h"

#include "core/text/unicode.h"

namespace weft::text {

WordPiece WordPiece::build(Vocab vocab, const Options& options) {
  WordPiece out;
  out.vocab_ = std::move(vocab);
  out.options_ = options;
  std::vector<std::pair<std::string_view, int32_t>> tokens;
  for (int64_t id = 0; id < out.vocab_.id_limit(); ++id) {
    auto token = out.vocab_.token(id);
    if (token && out.vocab_.find(*token) == id) tokens.emplace_back(*token, id);
  }
  out.trie_ = TokenTrie::build(std::move(tokens));
  out.continued_ = out.trie_.walk(TokenTrie::root, options.continuing_prefix);
  return out;
}

void WordPiece::encode_word(std::string_view word, std::vector<int64_t>& out) const {
  int64_t chars = 0;
  for (size_t at = 0; at < word.size() && chars <= options_.max_word_chars; ++chars)
    at += utf8_at(word, at).size_bytes;
  size_t start = out.size();
  for (size_t begin = 0; begin < word.size();) {
    TokenTrie::Node node = begin == 0 ? TokenTrie::root : continued_;
    size_t end = begin;
    int32_t longest = -1;
    for (size_t at = begin; at < word.size() && node != TokenTrie::none; ++at) {
      node = trie_.step(node, word[at]);
      if (node == TokenTrie::none || trie_.id(node) < 0) continue;
      longest = trie_.id(node);
      end = at + 1;
    }
    if (longest < 0 || chars > options_.max_word_chars) {
      out.resize(start);
      out.push_back(options_.unk_id);
      return;
    }
    out.push_back(longest);
    begin = end;
  }
}

}  // namespace weft::text
