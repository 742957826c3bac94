// Pre-tokenizers. A step either cuts words further (the text stays) or rewrites the text word by
// word.
#include "core/text/pre_tokenizer.h"

#include "core/text/pre_tokenizer_split.h"
#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

constexpr std::string_view supported_types =
    "ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit, "
    "Metaspace, "
    "BertPreTokenizer, Sequence";

// How GPT-2 cuts text (Radford et al., 2019): contractions, letters, numbers, the rest, white
// space.
constexpr std::string_view gpt2_words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Result<SplitBehavior> read_behavior(const Field& field,
                                    std::optional<SplitBehavior> fallback = {}) {
  if (!field.present() && fallback) return *fallback;
  std::string name = TRY(read_string(field));
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  return wrong_value(field, "Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous");
}

// Cuts every word where find(word, match) reports matches, in offsets from the word's first byte.
template <typename Find>
void cut_words(Words& words, SplitBehavior behavior, bool invert, Find find) {
  std::vector<Span> cut;
  cut.reserve(words.text.size() / 4 + 1);
  SplitParts parts;
  for (const Span& span : words.spans) {
    parts.start(span);
    find(std::string_view(words.text).substr(span.begin, span.end - span.begin),
         [&](size_t begin, size_t end) { parts.match(span.begin + begin, span.begin + end); });
    parts.finish(behavior, invert, cut);
  }
  words.spans = std::move(cut);
}

// Rewrites every word with rewrite(word, out); the words are then adjacent in the new text.
template <typename Rewrite>
void rewrite_words(Words& words, Rewrite rewrite) {
  std::string text;
  text.reserve(words.text.size() + words.text.size() / 8 + words.spans.size() + 8);
  for (Span& span : words.spans) {
    size_t begin = text.size();
    rewrite(span, std::string_view(words.text).substr(span.begin, span.end - span.begin), text);
    span = {begin, text.size()};
  }
  words.text = std::move(text);
}

}  // namespace

Result<PreTokenizer> PreTokenizer::parse(const Field& field) {
  PreTokenizer out;
  if (field.present()) TRY(out.add(field, 0));
  return out;
}

Status PreTokenizer::add(const Field& field, int depth) {
  using Class = CharSplit::Class;
  std::string type = TRY(read_string(field.member("type")));
  if (type == "Sequence") {
    if (depth >= max_sequence_depth) return Error(field.path + " nests too deeply");
    for (const Field& step : TRY(read_array(field.member("pretokenizers"))))
      TRY(add(step, depth + 1));
  } else if (type == "ByteLevel") {
    steps_.push_back(TRY(parse_byte_level(field)));
  } else if (type == "Split") {
    steps_.push_back(TRY(parse_split(field)));
  } else if (type == "Metaspace") {
    steps_.push_back(TRY(parse_metaspace(field)));
  } else if (type == "Digits") {
    bool single = TRY(read_bool(field.member("individual_digits"), false));
    steps_.push_back(
        CharSplit{Class::numeric, 0, single ? SplitBehavior::isolated : SplitBehavior::contiguous});
  } else if (type == "Punctuation") {
    SplitBehavior behavior = TRY(read_behavior(field.member("behavior"), SplitBehavior::isolated));
    steps_.push_back(CharSplit{Class::punctuation, 0, behavior});
  } else if (type == "Whitespace") {
    steps_.push_back(WordRuns{});
  } else if (type == "WhitespaceSplit") {
    steps_.push_back(CharSplit{Class::whitespace, 0, SplitBehavior::removed});
  } else if (type == "CharDelimiterSplit") {
    char32_t delimiter = TRY(read_char(field.member("delimiter")));
    steps_.push_back(CharSplit{Class::delimiter, delimiter, SplitBehavior::removed});
  } else if (type == "BertPreTokenizer") {
    steps_.push_back(CharSplit{Class::whitespace, 0, SplitBehavior::removed});
    steps_.push_back(CharSplit{Class::punctuation, 0, SplitBehavior::isolated});
  } else {
    return wrong_value(field.member("type"), supported_types);
  }
  return {};
}

Result<PreTokenizer::Step> PreTokenizer::parse_split(const Field& field) const {
  Split split;
  split.pattern = TRY(Pattern::parse(field.member("pattern")));
  split.behavior = TRY(read_behavior(field.member("behavior")));
  split.invert = TRY(read_bool(field.member("invert"), false));
  return Step(std::move(split));
}

Result<PreTokenizer::Step> PreTokenizer::parse_byte_level(const Field& field) const {
  ByteLevel step;
  step.add_prefix_space = TRY(read_bool(field.member("add_prefix_space"), true));
  step.use_regex = TRY(read_bool(field.member("use_regex"), true));
  if (step.use_regex) step.words = TRY(Regex::compile(gpt2_words));
  return Step(std::move(step));
}

Result<PreTokenizer::Step> PreTokenizer::parse_metaspace(const Field& field) const {
  Metaspace step;
  append_utf8(step.mark, TRY(read_char(field.member("replacement"), U'\u2581')));
  step.split = TRY(read_bool(field.member("split"), true));
  bool prefix = TRY(read_bool(field.member("add_prefix_space"), true));
  Field scheme = field.member("prepend_scheme");
  std::string name = TRY(read_string(scheme, prefix ? "always" : "never"));
  if (name == "always") {
    step.prepend = Metaspace::Prepend::always;
  } else if (name == "first") {
    step.prepend = Metaspace::Prepend::first;
  } else if (name == "never") {
    step.prepend = Metaspace::Prepend::never;
  } else {
    return wrong_value(scheme, "always, first, never");
  }
  return Step(std::move(step));
}

void PreTokenizer::apply(const Split& step, Words& words) {
  cut_words(words, step.behavior, step.invert,
            [&](std::string_view word, auto match) { step.pattern.for_each_match(word, match); });
}

void PreTokenizer::apply(const CharSplit& step, Words& words) {
  auto matches = [&](char32_t c) {
    switch (step.kind) {
      case CharSplit::Class::numeric:
        return is_numeric(c);
      case CharSplit::Class::punctuation:
        return is_punctuation(c);
      case CharSplit::Class::whitespace:
        return is_whitespace(c);
      case CharSplit::Class::delimiter:
        break;
    }
    return c == step.delimiter;
  };
  cut_words(words, step.behavior, false, [&](std::string_view word, auto match) {
    for (size_t at = 0; at < word.size();) {
      Utf8Char c = utf8_at(word, at);
      if (matches(c.code)) match(at, at + c.size_bytes);
      at += c.size_bytes;
    }
  });
}

void PreTokenizer::apply(const WordRuns&, Words& words) {
  enum class Run { word, other, space };
  auto run_of = [](char32_t c) {
    return is_word(c) ? Run::word : is_whitespace(c) ? Run::space : Run::other;
  };
  std::vector<Span> cut;
  for (const Span& span : words.spans) {
    Run run = Run::space;
    for (size_t at = span.begin; at < span.end;) {
      Utf8Char c = utf8_at(words.text, at);
      Run next = run_of(c.code);
      if (next != run && next != Run::space) cut.push_back({at, at});
      if (next != Run::space) cut.back().end = at + c.size_bytes;
      run = next;
      at += c.size_bytes;
    }
  }
  words.spans = std::move(cut);
}

void PreTokenizer::apply(const ByteLevel& step, Words& words) {
  if (step.add_prefix_space)
    rewrite_words(words, [](Span, std::string_view word, std::string& out) {
      if (word[0] != ' ') out.push_back(' ');
      out.append(word);
    });
  if (step.use_regex)
    cut_words(words, SplitBehavior::isolated, false,
              [&](std::string_view word, auto match) { step.words.for_each_match(word, match); });
  rewrite_words(words, [](Span, std::string_view word, std::string& out) {
    for (char byte : word) append_utf8(out, byte_to_char(static_cast<uint8_t>(byte)));
  });
}

void PreTokenizer::apply(const Metaspace& step, Words& words) {
  rewrite_words(words, [&](Span span, std::string_view word, std::string& out) {
    bool prepend = step.prepend == Metaspace::Prepend::always ||
                   (step.prepend == Metaspace::Prepend::first && words.at_start && span.begin == 0);
    if (prepend && word[0] != ' ' && !word.starts_with(step.mark)) out.append(step.mark);
    for (char c : word) {
      if (c == ' ') {
        out.append(step.mark);
      } else {
        out.push_back(c);
      }
    }
  });
  if (!step.split) return;
  cut_words(words, SplitBehavior::merged_with_next, false, [&](std::string_view word, auto match) {
    for (size_t at = word.find(step.mark); at != std::string_view::npos;
         at = word.find(step.mark, at + step.mark.size()))
      match(at, at + step.mark.size());
  });
}

Words PreTokenizer::cut(std::string_view text, bool at_start) const {
  Words words;
  words.text = text;
  words.at_start = at_start;
  if (!text.empty()) words.spans.push_back({0, text.size()});
  for (const Step& step : steps_) std::visit([&](const auto& s) { apply(s, words); }, step);
  return words;
}

}  // namespace weft::text
