// Viterbi over byte offsets. Equal scores keep the way found first, and sums are in double, so that
// ties fall as they do in the library the files are made with.
#include "core/text/unigram.h"

#include <algorithm>

#include "core/text/unicode.h"

namespace weft::text {
namespace {

constexpr double unknown_penalty = 10.0;

}  // namespace

Unigram Unigram::build(Vocab vocab, std::vector<double> scores, const Options& options) {
  Unigram out;
  out.vocab_ = std::move(vocab);
  out.scores_ = std::move(scores);
  out.options_ = options;
  if (!out.scores_.empty())
    out.unknown_score_ =
        *std::min_element(out.scores_.begin(), out.scores_.end()) - unknown_penalty;
  std::vector<std::pair<std::string_view, int32_t>> tokens;
  for (int64_t id = 0; id < out.vocab_.id_limit(); ++id) {
    auto token = out.vocab_.token(id);
    if (token && out.vocab_.find(*token) == id) tokens.emplace_back(*token, id);
  }
  out.trie_ = TokenTrie::build(std::move(tokens));
  return out;
}

void Unigram::find_best(std::string_view word, Scratch& scratch) const {
  std::vector<Scratch::Best>& best = scratch.best;
  best.assign(word.size() + 1, {});
  auto offer = [&](size_t begin, size_t end, double score, int32_t id) {
    Scratch::Best& there = best[end];
    double sum = score + best[begin].score;
    if (there.begin < 0 || sum > there.score) there = {sum, static_cast<int64_t>(begin), id};
  };
  for (size_t begin = 0; begin < word.size();) {
    size_t char_end = begin + utf8_at(word, begin).size_bytes;
    bool has_char = false;  // a token is just this character
    TokenTrie::Node node = TokenTrie::root;
    for (size_t at = begin; at < word.size(); ++at) {
      node = trie_.step(node, word[at]);
      ++scratch.steps;
      if (node == TokenTrie::none) break;
      int32_t id = trie_.id(node);
      if (id < 0) continue;
      offer(begin, at + 1, scores_[static_cast<size_t>(id)], id);
      has_char |= at + 1 == char_end;
    }
    if (!has_char) offer(begin, char_end, unknown_score_, -1);
    begin = char_end;
  }
}

void Unigram::put_unknown(std::string_view piece, std::vector<int64_t>& out) const {
  auto byte_id = [&](char byte) { return options_.byte_ids[static_cast<uint8_t>(byte)]; };
  int32_t id = vocab_.find(piece);  // a token whose score lost against its unknown parts
  if (id >= 0) {
    out.push_back(id);
  } else if (options_.byte_fallback && std::all_of(piece.begin(), piece.end(),
                                                   [&](char byte) { return byte_id(byte) >= 0; })) {
    for (char byte : piece) out.push_back(byte_id(byte));
  } else if (options_.unk_id >= 0) {
    out.push_back(options_.unk_id);
  }
}

void Unigram::encode_word(std::string_view word, Scratch& scratch,
                          std::vector<int64_t>& out) const {
  if (word.empty()) return;
  find_best(word, scratch);
  scratch.ends.clear();
  for (auto end = static_cast<int64_t>(word.size()); end > 0;
       end = scratch.best[static_cast<size_t>(end)].begin)
    scratch.ends.push_back(end);
  size_t unknown_begin = 0, done = 0;
  auto end_unknown = [&] {
    if (unknown_begin < done) put_unknown(word.substr(unknown_begin, done - unknown_begin), out);
  };
  for (size_t i = scratch.ends.size(); i-- > 0;) {
    auto end = static_cast<size_t>(scratch.ends[i]);
    int32_t id = scratch.best[end].id;
    if (id >= 0 && id != options_.unk_id) {
      end_unknown();
      out.push_back(id);
      unknown_begin = end;
    }
    done = end;
  }
  end_unknown();
}

}  // namespace weft::text
