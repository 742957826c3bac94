// A line of input from a terminal, edited with libedit: Unicode, history, pastes of many lines, and
// signals that arrive while the user types.
//
//   LineEditor editor(...);
//   LineEditor::Line line = editor.read("> ");
//
// libedit reads through a function of this class rather than by itself, because only then
//   - Ctrl-C ends the line instead of the program,
//   - a new size of the terminal redraws the line at once,
//   - Ctrl-Z leaves a sane terminal to the shell.
// Pastes arrive between ESC[200~ and ESC[201~ (the terminal is asked for that) and are inserted as
// they are, line breaks included: only Enter sends.
//
// Between reads the terminal is in its usual mode, so Ctrl-C is a signal. One at a time per
// process: signal handlers are the process's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace weft::cli {

class LineEditor {
 public:
  enum class End {
    line,         // Enter
    interrupted,  // Ctrl-C; the text is dropped
    closed,       // Ctrl-D on an empty line, or the terminal is gone
  };
  struct Line {
    End end = End::line;
    std::string text;  // UTF-8, without the line's end
  };

  // For stdin and stdout, which must be a terminal. `history` is oldest first.
  static Result<std::unique_ptr<LineEditor>> create(const std::vector<std::string>& history);
  ~LineEditor();

  // `prompt` is UTF-8; parts between two \1 take no place on the screen (colours).
  Line read(const std::string& prompt);
  // Makes an entry that the arrow keys bring back.
  void remember(const std::string& entry);

 private:
  struct State;
  explicit LineEditor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weft::cli
