// Merges: by a scan over all neighbours for short words, by a heap for long ones (n log n, so that
// a megabyte without a word border is no way to stop the engine). Both pick the same merges.
#include "core/text/bpe.h"

#include <algorithm>
#include <bit>

#include "core/text/unicode.h"

namespace weft::text {
namespace {

constexpr size_t short_word = 32;  // symbols; the scan is the faster one up to about here

uint64_t pair_key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

size_t pair_slot(uint64_t key, size_t mask) { return (key * 0x9e3779b97f4a7c15u >> 32) & mask; }

std::string merge_name(const Bpe::Merge& merge, size_t rank) {
  return "model.merges[" + std::to_string(rank) + "] joins '" + std::string(merge.left) +
         "' and '" + std::string(merge.right) + "'";
}

}  // namespace

Result<Bpe> Bpe::build(Vocab vocab, const std::vector<Merge>& merges, const BpeOptions& options) {
  Bpe out;
  out.vocab_ = std::move(vocab);
  out.options_ = options;
  if (!options.unk_token.empty()) {
    out.unk_id_ = out.vocab_.find(options.unk_token);
    if (out.unk_id_ < 0)
      return Error("model.unk_token is '" + options.unk_token +
                   "', which model.vocab does not hold");
  }
  for (char32_t c = 0; c < out.char_ids_.size(); ++c) {
    std::string text;
    append_utf8(text, c);
    out.char_ids_[c] = out.vocab_.find(text);
  }
  out.byte_ids_ = byte_token_ids(out.vocab_);
  out.pairs_.resize(std::bit_ceil(merges.size() * 2 + 2));
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    joined.assign(merge.left)
        .append(merge.right.substr(std::min(options.continuing_prefix.size(), merge.right.size())));
    int32_t left = out.vocab_.find(merge.left), right = out.vocab_.find(merge.right);
    int32_t merged = out.vocab_.find(joined);
    if (left < 0 || right < 0 || merged < 0)
      return Error(merge_name(merge, rank) + "; model.vocab does not hold '" +
                   (left < 0    ? std::string(merge.left)
                    : right < 0 ? std::string(merge.right)
                                : joined) +
                   "'");
    out.insert(left, right, static_cast<uint32_t>(rank), merged);
  }
  return out;
}

void Bpe::insert(int32_t left, int32_t right, uint32_t rank, int32_t merged) {
  uint64_t key = pair_key(left, right);
  size_t mask = pairs_.size() - 1;
  size_t slot = pair_slot(key, mask);
  while (pairs_[slot].merged >= 0 && pairs_[slot].pair != key) slot = (slot + 1) & mask;
  pairs_[slot] = {key, rank, merged};  // of two equal merges the later holds
}

Bpe::Found Bpe::find_merge(int32_t left, int32_t right) const {
  uint64_t key = pair_key(left, right);
  size_t mask = pairs_.size() - 1;
  for (size_t slot = pair_slot(key, mask); pairs_[slot].merged >= 0; slot = (slot + 1) & mask)
    if (pairs_[slot].pair == key) return {pairs_[slot].rank, pairs_[slot].merged};
  return {};
}

int32_t Bpe::char_id(std::string_view character) const {
  char32_t code = utf8_at(character, 0).code;
  return code < char_ids_.size() ? char_ids_[code] : vocab_.find(character);
}

int32_t Bpe::char_id(std::string_view character, bool first, bool last) const {
  if ((first || options_.continuing_prefix.empty()) && (!last || options_.word_suffix.empty()))
    return char_id(character);
  std::string spelled = first ? std::string() : options_.continuing_prefix;
  spelled.append(character);
  if (last) spelled += options_.word_suffix;
  return vocab_.find(spelled);
}

bool Bpe::falls_back(std::string_view bytes) const {
  return options_.byte_fallback && std::all_of(bytes.begin(), bytes.end(), [&](char byte) {
           return byte_ids_[static_cast<uint8_t>(byte)] >= 0;
         });
}

void Bpe::to_symbols(std::string_view word, std::vector<int32_t>& ids) const {
  ids.clear();
  bool unknown = false;  // an unk_token is due
  for (size_t at = 0; at < word.size();) {
    std::string_view character = word.substr(at, utf8_at(word, at).size_bytes);
    bool first = at == 0;
    at += character.size();
    bool last = at == word.size();
    int32_t id = char_id(character, first, last);
    if (id >= 0) {
      if (unknown) ids.push_back(unk_id_);
      unknown = false;
      ids.push_back(id);
      continue;
    }
    if (falls_back(character) && (!last || falls_back(options_.word_suffix)) &&
        (first || falls_back(options_.continuing_prefix))) {
      // A due unk_token stays due: files are trained with a reader that puts it behind the bytes.
      auto put = [&](std::string_view bytes) {
        for (char byte : bytes) ids.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
      };
      if (!first) put(options_.continuing_prefix);
      put(character);
      if (last) put(options_.word_suffix);
      continue;
    }
    if (unk_id_ < 0) continue;
    if (unknown && !options_.fuse_unk) ids.push_back(unk_id_);
    unknown = true;
  }
  if (unknown) ids.push_back(unk_id_);
}

void Bpe::merge_short(Scratch& scratch) const {
  std::vector<int32_t>& ids = scratch.ids;
  std::vector<uint32_t>& ranks = scratch.ranks;  // of the pair (i, i + 1)
  std::vector<int32_t>& merged = scratch.merged;
  size_t count = ids.size();
  ranks.assign(count, no_rank);
  merged.assign(count, -1);
  auto look_up = [&](size_t i) {
    Found found = find_merge(ids[i], ids[i + 1]);
    ranks[i] = found.rank;
    merged[i] = found.merged;
  };
  for (size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    auto end = ranks.begin() + static_cast<ptrdiff_t>(count - 1);
    auto best = std::min_element(ranks.begin(), end);
    if (*best == no_rank) break;
    auto i = static_cast<size_t>(best - ranks.begin());
    ids[i] = merged[i];
    auto close = [&](auto& v, size_t at) {
      std::copy(v.begin() + static_cast<ptrdiff_t>(at + 1),
                v.begin() + static_cast<ptrdiff_t>(count), v.begin() + static_cast<ptrdiff_t>(at));
    };
    close(ids, i + 1);
    close(ranks, i);
    close(merged, i);
    --count;
    if (i > 0) look_up(i - 1);
    if (i + 1 < count) look_up(i);
  }
  ids.resize(count);
}

void Bpe::merge_long(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  auto later = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  auto symbol = [&](int64_t i) -> Scratch::Symbol& { return symbols[static_cast<size_t>(i)]; };
  auto offer = [&](int64_t left) {
    Found found = find_merge(symbol(left).id, symbol(symbol(left).next).id);
    if (found.rank == no_rank) return;
    heap.push_back({found.rank, found.merged, left});
    std::push_heap(heap.begin(), heap.end(), later);
  };
  auto count = static_cast<int64_t>(scratch.ids.size());
  symbols.resize(scratch.ids.size());
  for (int64_t i = 0; i < count; ++i)
    symbol(i) = {scratch.ids[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1};
  heap.clear();
  for (int64_t i = 0; i + 1 < count; ++i) offer(i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Scratch::Candidate best = heap.back();
    heap.pop_back();
    Scratch::Symbol& left = symbol(best.position);
    // A candidate is stale once one of its two symbols has been merged otherwise.
    if (left.id < 0 || left.next < 0) continue;
    Found now = find_merge(left.id, symbol(left.next).id);
    if (now.rank != best.rank || now.merged != best.merged) continue;
    Scratch::Symbol& right = symbol(left.next);
    left.id = best.merged;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbol(left.next).previous = best.position;
    if (left.previous >= 0) offer(left.previous);
    if (left.next >= 0) offer(best.position);
  }
  scratch.ids.clear();
  for (int64_t i = 0; i >= 0; i = symbol(i).next) scratch.ids.push_back(symbol(i).id);
}

void Bpe::encode_word(std::string_view word, Scratch& scratch, std::vector<int64_t>& out) const {
  if (word.empty()) return;
  if (options_.ignore_merges) {
    int32_t id = vocab_.find(word);
    if (id >= 0) {
      out.push_back(id);
      return;
    }
  }
  to_symbols(word, scratch.ids);
  if (scratch.ids.size() > short_word) {
    merge_long(scratch);
  } else {
    merge_short(scratch);
  }
  out.insert(out.end(), scratch.ids.begin(), scratch.ids.end());
}

}  // namespace weft::text
