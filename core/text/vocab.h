// The strings of a vocabulary and their ids, both ways.
//
// Strings lie end to end in one block; an open-addressed table of ids finds them by hash. 49
// thousand tokens are ready in about 2 ms, where a node-based map needs several times that.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

class Vocab {
 public:
  // A token as read: its string is bytes [begin, end) of `strings`.
  struct Entry {
    uint32_t begin = 0, end = 0;
    int32_t id = 0;
  };

  // What a string that occurs twice means: a broken file, or that the later id is the one found.
  enum class Repeats { refused, later_id_found };

  // Takes the strings over. Fails when an id occurs twice, or a string where that is refused.
  // Requires 0 <= id < max_token_id.
  static Result<Vocab> build(std::string strings, const std::vector<Entry>& entries,
                             Repeats repeats = Repeats::refused);

  // From now on find() does not see the token (one that find() sees); token() still does.
  void hide(std::string_view token);

  // The id of a token, or -1.
  int32_t find(std::string_view token) const;
  // The string of an id, or nothing where the id is unused or out of range.
  std::optional<std::string_view> token(int64_t id) const;
  // One above the highest id.
  int64_t id_limit() const { return static_cast<int64_t>(by_id_.size()); }

 private:
  struct Text {
    uint32_t begin = unused, end = 0;
  };
  static constexpr uint32_t unused = ~uint32_t{0};

  std::string_view at(int32_t id) const {
    const Text& text = by_id_[static_cast<size_t>(id)];
    return std::string_view(strings_).substr(text.begin, text.end - text.begin);
  }

  struct Slot {
    uint32_t hash = 0;  // the upper half; the lower picks the slot
    int32_t id = -1;
  };

  // The slot of a token, or slots_.size().
  size_t find_slot(std::string_view token) const;

  std::string strings_;
  std::vector<Text> by_id_;
  std::vector<Slot> slots_;
};

// The ids of the tokens <0x00>..<0xFF>, -1 where there is none.
std::array<int32_t, 256> byte_token_ids(const Vocab& vocab);

}  // namespace weft::text
