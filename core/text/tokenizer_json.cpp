// The one pass over tokenizer.json, as a handler of nlohmann's SAX events.
//
//   place      events go to
//   vocab      the members of model.vocab, where that is an object
//   pieces     the elements of model.vocab, where that is an array; piece_pair inside one
//   merges     the elements of model.merges; merge_pair inside one that is an array
//   document   everything else, to a JSON value built on a stack of open containers
#include "core/text/tokenizer_json.h"

namespace weft::text {
namespace {

constexpr size_t max_depth = 64;

class Reader {
 public:
  explicit Reader(size_t size_bytes) {
    out_.vocab_strings.reserve(size_bytes / 4);
    out_.merge_strings.reserve(size_bytes / 3);
  }

  bool null() { return value(Json(nullptr)); }
  bool boolean(bool v) { return value(Json(v)); }
  bool number_integer(int64_t v) {
    if (place_ == Place::piece_pair) return piece_score(static_cast<double>(v));
    return place_ == Place::vocab ? token(v, std::to_string(v)) : value(Json(v));
  }
  bool number_unsigned(uint64_t v) {
    if (place_ == Place::piece_pair) return piece_score(static_cast<double>(v));
    return place_ == Place::vocab
               ? token(v < static_cast<uint64_t>(max_token_id) ? static_cast<int64_t>(v) : -1,
                       std::to_string(v))
               : value(Json(v));
  }
  bool number_float(double v, const std::string& text) {
    if (place_ == Place::piece_pair) return piece_score(v);
    return place_ == Place::vocab ? token(-1, text) : value(Json(v));
  }
  bool binary(Json::binary_t&) { return fail("binary values are not JSON"); }

  bool string(std::string& text) {
    if (place_ == Place::merges) return merge_line(text);
    if (place_ == Place::merge_pair) return merge_part(text);
    if (place_ == Place::piece_pair) return piece_text(text);
    return value(Json(std::move(text)));
  }

  bool key(std::string& text) {
    if (place_ == Place::vocab) {
      token_begin_ = static_cast<uint32_t>(out_.vocab_strings.size());
      out_.vocab_strings += text;
    } else {
      key_ = std::move(text);
    }
    return true;
  }

  bool start_object(size_t) {
    if (in_model() && key_ == "vocab" && place_ == Place::document) {
      if (out_.has_vocab || out_.has_scores) return second_vocab();
      place_ = Place::vocab;
      return out_.has_vocab = true;
    }
    return open(Json::object());
  }

  bool start_array(size_t) {
    if (place_ == Place::merges) {
      place_ = Place::merge_pair;
      parts_ = 0;
      return true;
    }
    if (place_ == Place::pieces) {
      place_ = Place::piece_pair;
      parts_ = 0;
      return static_cast<int64_t>(out_.vocab.size()) < max_token_id || too_many_pieces();
    }
    if (in_model() && key_ == "vocab" && place_ == Place::document) {
      if (out_.has_vocab || out_.has_scores) return second_vocab();
      place_ = Place::pieces;
      return out_.has_scores = true;
    }
    if (in_model() && key_ == "merges" && place_ == Place::document) {
      if (out_.has_merges) return fail("model.merges occurs twice; it may occur once");
      place_ = Place::merges;
      return out_.has_merges = true;
    }
    return open(Json::array());
  }

  bool end_object() { return close(); }

  bool end_array() {
    if (place_ == Place::merge_pair) {
      place_ = Place::merges;
      return parts_ == 2 || bad_merge();
    }
    if (place_ == Place::piece_pair) {
      if (parts_ != 2) return bad_piece();
      out_.scores.push_back(score_);
      out_.vocab.push_back({token_begin_, static_cast<uint32_t>(out_.vocab_strings.size()),
                            static_cast<int32_t>(out_.vocab.size())});
      place_ = Place::pieces;
      return true;
    }
    return close();
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) {
    return fail("is not valid JSON: it breaks off or goes wrong at byte " +
                std::to_string(position));
  }

  Result<TokenizerJson> finish(bool parsed) {
    if (!parsed) return Error(error_.empty() ? "is not valid JSON" : error_);
    return std::move(out_);
  }

 private:
  enum class Place { document, vocab, pieces, piece_pair, merges, merge_pair };

  bool fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }

  bool bad_merge() {
    return fail("model.merges[" + std::to_string(out_.merges.size()) +
                "] is no merge; supported: \"a b\", [\"a\", \"b\"]");
  }

  bool bad_piece() {
    return fail("model.vocab[" + std::to_string(out_.vocab.size()) +
                "] is no token with a score; supported: [\"a\", -1.5]");
  }

  bool second_vocab() { return fail("model.vocab occurs twice; it may occur once"); }

  bool too_many_pieces() {
    return fail("model.vocab is longer than " + std::to_string(max_token_id) +
                " tokens; supported: up to that");
  }

  // What the place takes instead of the value that came.
  bool misplaced() {
    return place_ == Place::pieces || place_ == Place::piece_pair ? bad_piece() : bad_merge();
  }

  bool in_model() const { return open_.size() == 2 && open_names_[1] == "model"; }

  Json* put(Json v) {
    if (open_.empty()) return &(out_.rest = std::move(v));
    Json& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(v));
      return &container.back();
    }
    return &(container[key_] = std::move(v));
  }

  bool value(Json v) {
    if (place_ == Place::vocab) return token(-1, v.is_string() ? "a string" : v.dump());
    if (place_ != Place::document) return misplaced();
    put(std::move(v));
    return true;
  }

  bool open(Json container) {
    if (place_ == Place::vocab) return token(-1, "an object or array");
    if (place_ != Place::document) return misplaced();
    if (open_.size() >= max_depth) return fail("nests too deeply");
    open_.push_back(put(std::move(container)));
    open_names_.push_back(key_);
    return true;
  }

  bool close() {
    if (place_ == Place::document) {
      open_.pop_back();
      open_names_.pop_back();
    }
    place_ = Place::document;
    return true;
  }

  // `id` is negative where what was found cannot be an id.
  bool token(int64_t id, const std::string& found) {
    std::string_view text = std::string_view(out_.vocab_strings).substr(token_begin_);
    if (id < 0 || id >= max_token_id)
      return fail("model.vocab['" + std::string(text) + "'] is " + found +
                  "; supported: token ids from 0 to " + std::to_string(max_token_id - 1));
    out_.vocab.push_back({token_begin_, static_cast<uint32_t>(token_begin_ + text.size()),
                          static_cast<int32_t>(id)});
    return true;
  }

  bool merge_line(const std::string& text) {
    if (text.starts_with("#version")) return true;  // the first line of a merges.txt
    size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      return bad_merge();
    auto begin = static_cast<uint32_t>(out_.merge_strings.size());
    out_.merge_strings.append(text, 0, space).append(text, space + 1);
    out_.merges.push_back({begin, static_cast<uint32_t>(begin + space),
                           static_cast<uint32_t>(out_.merge_strings.size())});
    return true;
  }

  bool merge_part(const std::string& text) {
    if (parts_ >= 2) {
      out_.merges.pop_back();  // so that the message counts right
      return bad_merge();
    }
    auto begin = static_cast<uint32_t>(out_.merge_strings.size());
    out_.merge_strings += text;
    auto end = static_cast<uint32_t>(out_.merge_strings.size());
    if (parts_++ == 0) {
      first_begin_ = begin;
      first_end_ = end;
    } else {
      out_.merges.push_back({first_begin_, first_end_, end});
    }
    return true;
  }

  bool piece_text(const std::string& text) {
    if (parts_++ != 0) return bad_piece();
    token_begin_ = static_cast<uint32_t>(out_.vocab_strings.size());
    out_.vocab_strings += text;
    return true;
  }

  bool piece_score(double score) {
    if (parts_++ != 1) return bad_piece();
    score_ = score;
    return true;
  }

  TokenizerJson out_;
  std::string error_;
  Place place_ = Place::document;
  std::vector<Json*> open_;  // the open containers, outermost first; valid while they are open
  std::vector<std::string> open_names_;
  std::string key_;
  uint32_t token_begin_ = 0;
  double score_ = 0;
  uint32_t first_begin_ = 0, first_end_ = 0;
  int parts_ = 0;
};

}  // namespace

Result<TokenizerJson> read_tokenizer_json(std::string_view json) {
  if (json.size() > max_tokenizer_bytes)
    return Error("is " + std::to_string(json.size()) + " bytes long; supported: up to " +
                 std::to_string(max_tokenizer_bytes));
  Reader reader(json.size());
  bool parsed = Json::sax_parse(json.begin(), json.end(), &reader);
  return reader.finish(parsed);
}

}  // namespace weft::text
