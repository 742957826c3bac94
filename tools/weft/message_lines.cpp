#include "tools/weft/message_lines.h"

#include <utility>

namespace weft::cli {

namespace {

constexpr std::string_view kQuotes = "\"\"\"";

}  // namespace

bool MessageLines::add(std::string_view line) {
  const bool begins = !pending_;
  if (begins) was_block_ = in_block_ = line.starts_with(kQuotes);
  pending_ = true;
  if (in_block_) {
    add_to_block(begins ? line.substr(kQuotes.size()) : line, begins);
  } else {
    if (!begins) text_ += '\n';
    pending_ = line.ends_with('\\');
    text_ += line.substr(0, line.size() - (pending_ ? 1 : 0));
  }
  return !pending_;
}

// The line breaks beside the quotes are not of the message.
void MessageLines::add_to_block(std::string_view line, bool begins) {
  const bool ends = line.ends_with(kQuotes);
  if (ends) line.remove_suffix(kQuotes.size());
  if (begins && line.starts_with('\n')) line.remove_prefix(1);
  if (!begins && !text_.empty()) text_ += '\n';
  text_ += line;
  if (!ends) return;
  if (text_.ends_with('\n')) text_.pop_back();
  in_block_ = pending_ = false;
}

std::string MessageLines::take() {
  pending_ = in_block_ = false;
  return std::exchange(text_, {});
}

}  // namespace weft::cli
