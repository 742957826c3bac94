// Lines of input become messages: most lines are one, some go on.
//
//   a line that ends in \        goes on in the next line; the \ becomes the line break
//   """ ... """                  everything between, over any number of lines
//
// A line may hold line breaks of its own (a paste).
#pragma once

#include <string>
#include <string_view>

namespace weft::cli {

class MessageLines {
 public:
  // Takes a line without its end; true when the message is complete, which take() then gives.
  bool add(std::string_view line);
  // The message so far; the next line begins another.
  std::string take();

  // Whether a message has begun and is not complete.
  bool pending() const { return pending_; }
  bool in_block() const { return in_block_; }
  // Whether the last message taken was a block, which is never a command.
  bool was_block() const { return was_block_; }

 private:
  void add_to_block(std::string_view line, bool begins);

  std::string text_;
  bool pending_ = false, in_block_ = false, was_block_ = false;
};

}  // namespace weft::cli
