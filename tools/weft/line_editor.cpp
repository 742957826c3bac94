#include "tools/weft/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <cwctype>

namespace weft::cli {

namespace {

constexpr wchar_t kPasteEnd[] = L"\033[201~";
constexpr int kSignals[] = {SIGINT, SIGWINCH, SIGTSTP, SIGCONT, SIGTERM, SIGHUP};
constexpr size_t kSignalCount = std::size(kSignals);
constexpr int kHistoryEntries = 2000;

// Signals become bytes of a pipe, which wakes the reading thread whichever thread they reach.
int signal_pipe[2] = {-1, -1};

void forward_signal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  (void)!write(signal_pipe[1], &byte, 1);
  errno = saved;
}

std::string narrow(std::wstring_view text) {
  std::string out;
  std::mbstate_t state{};
  char bytes[16];
  for (const wchar_t c : text) {
    const size_t size = std::wcrtomb(bytes, c, &state);
    if (size != size_t(-1)) out.append(bytes, size);
  }
  return out;
}

std::wstring widen(std::string_view text) {
  std::wstring out;
  std::mbstate_t state{};
  while (!text.empty()) {
    wchar_t c = 0;
    const size_t size = std::mbrtowc(&c, text.data(), text.size(), &state);
    if (size == size_t(-1) || size == size_t(-2)) break;
    out += c;
    text.remove_prefix(size ? size : 1);
  }
  return out;
}

// The character functions follow the locale. One without UTF-8 (often just "C") is replaced: Weft's
// text is UTF-8 everywhere.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

int screen_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  HistoryW* history = nullptr;
  std::wstring prompt;
  bool plain_terminal = false;  // TERM=dumb: no escape sequences
  bool interrupted = false;
  int ending_signal = 0;
  std::mbstate_t input_state{};
  struct sigaction saved_actions[kSignalCount] = {};

  ~State() {
    if (editor) el_end(editor);
    if (history) history_wend(history);
  }

  void catch_signals() {
    struct sigaction action {};
    action.sa_handler = forward_signal;
    for (size_t i = 0; i < kSignalCount; ++i) sigaction(kSignals[i], &action, &saved_actions[i]);
  }
  void release_signals() {
    for (size_t i = 0; i < kSignalCount; ++i) sigaction(kSignals[i], &saved_actions[i], nullptr);
  }

  // Asks the terminal to mark pastes, or no longer to.
  void mark_pastes(bool on) {
    if (plain_terminal) return;
    std::fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
    std::fflush(stdout);
  }

  // How many rows of the screen lie between the prompt's and the cursor's.
  int rows_above_cursor(int columns) const {
    int row = 0, column = 0;
    const auto advance = [&](wchar_t c) {
      const int width = c == L'\n' ? 0 : std::max(wcwidth(c), 0);
      if (c == L'\n' || column + width > columns) {
        ++row;
        column = 0;
      }
      column += width;
    };
    bool shown = true;
    for (const wchar_t c : prompt) {
      if (c == L'\1')
        shown = !shown;
      else if (shown)
        advance(c);
    }
    const LineInfoW* line = el_wline(editor);
    for (const wchar_t* c = line->buffer; c != line->cursor; ++c) advance(*c);
    return row;
  }

  // Draws the line afresh from the prompt on; terminals have wrapped it anew by now.
  void redraw_resized() {
    const int rows = rows_above_cursor(screen_columns());
    el_resize(editor);
    if (plain_terminal) return;
    if (rows > 0) std::printf("\033[%dA", rows);
    std::fputs("\r\033[J", stdout);
    std::fflush(stdout);
    el_wset(editor, EL_REFRESH);
  }

  void resume() {
    catch_signals();
    el_wset(editor, EL_PREP_TERM, 1);
    mark_pastes(true);
    el_resize(editor);
    std::fputs("\r\033[J", stdout);
    std::fflush(stdout);
    el_wset(editor, EL_REFRESH);
  }

  void suspend() {
    mark_pastes(false);
    el_wset(editor, EL_PREP_TERM, 0);
    release_signals();
    std::fputs("\n", stdout);
    std::fflush(stdout);
    raise(SIGTSTP);  // returns when the shell continues the program
    resume();
  }

  // What a signal does to the line; false when it ends it.
  bool take_signal() {
    unsigned char signal = 0;
    if (::read(signal_pipe[0], &signal, 1) != 1) return true;
    switch (signal) {
      case SIGINT:
        interrupted = true;
        std::fputs("^C", stdout);
        std::fflush(stdout);
        return false;
      case SIGWINCH:
        redraw_resized();
        return true;
      case SIGTSTP:
        suspend();
        return true;
      case SIGCONT:
        return true;
      default:
        ending_signal = signal;
        return false;
    }
  }

  // The next character typed; false at the end of input or when a signal ends the line.
  bool next(wchar_t& out) {
    while (true) {
      pollfd sources[] = {{signal_pipe[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
      if (poll(sources, 2, -1) < 0 && errno != EINTR) return false;
      if (sources[0].revents) {
        if (!take_signal()) return false;
        continue;
      }
      if (!sources[1].revents) continue;
      char byte = 0;
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return false;
      const size_t size = std::mbrtowc(&out, &byte, 1, &input_state);
      if (size == size_t(-2)) continue;  // inside a character
      if (size == size_t(-1)) {
        input_state = {};
        out = L'\ufffd';
      }
      return true;
    }
  }

  // All that is pasted, up to its end mark, without characters that would steer the terminal.
  std::wstring paste() {
    std::wstring text;
    for (wchar_t c = 0; !text.ends_with(kPasteEnd) && next(c);) text += c;
    if (text.ends_with(kPasteEnd)) text.resize(text.size() - std::size(kPasteEnd) + 1);
    std::wstring clean;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == L'\n' || text[i] == L'\r') {
        clean += L'\n';
        // The two of one line's end, in either order: libedit lets the terminal swap them.
        const wchar_t other = text[i] == L'\n' ? L'\r' : L'\n';
        if (i + 1 < text.size() && text[i + 1] == other) ++i;
      } else if (text[i] == L'\t' || !iswcntrl(wint_t(text[i]))) {
        clean += text[i];
      }
    }
    return clean;
  }

  static State& of(EditLine* editor) {
    void* data = nullptr;
    el_wget(editor, EL_CLIENTDATA, &data);
    return *static_cast<State*>(data);
  }

  // An interrupted line ends like one that Enter ends, whatever key sequence it is in.
  static int read_character(EditLine* editor, wchar_t* out) {
    State& state = of(editor);
    if (!state.interrupted && state.next(*out)) return 1;
    *out = L'\n';
    return state.interrupted ? 1 : 0;
  }
  static wchar_t* give_prompt(EditLine* editor) { return of(editor).prompt.data(); }
  static unsigned char insert_paste(EditLine* editor, wint_t) {
    const std::wstring text = of(editor).paste();
    if (text.empty()) return CC_NORM;
    return el_winsertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }
  static unsigned char insert_line_break(EditLine* editor, wint_t) {
    return el_winsertstr(editor, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
  }

  void bind_keys() {
    el_wset(editor, EL_ADDFN, L"weft-paste", L"Insert a paste", insert_paste);
    el_wset(editor, EL_ADDFN, L"weft-line-break", L"Insert a line break", insert_line_break);
    constexpr const wchar_t* keys[][2] = {
        {L"\033[200~", L"weft-paste"},
        {L"\033\r", L"weft-line-break"},  // Esc Enter, Alt-Enter
        {L"\033\n", L"weft-line-break"},
        {L"^R", L"em-inc-search-prev"},
        {L"\033[1~", L"ed-move-to-beg"},
        {L"\033[H", L"ed-move-to-beg"},
        {L"\033[4~", L"ed-move-to-end"},
        {L"\033[F", L"ed-move-to-end"},
        {L"\033[3~", L"ed-delete-next-char"},
        {L"\033[1;5C", L"em-next-word"},  // Ctrl and an arrow
        {L"\033[1;5D", L"ed-prev-word"},
    };
    for (const auto& [key, command] : keys)
      el_wset(editor, EL_BIND, key, command, static_cast<wchar_t*>(nullptr));
  }
};

LineEditor::LineEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}
LineEditor::~LineEditor() = default;

Result<std::unique_ptr<LineEditor>> LineEditor::create(const std::vector<std::string>& history) {
  use_utf8();
  if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    return Error{std::string("cannot make a pipe: ") + std::strerror(errno), ErrorKind::usage};
  auto state = std::make_unique<State>();
  const char* terminal = std::getenv("TERM");
  state->plain_terminal = !terminal || !*terminal || std::strcmp(terminal, "dumb") == 0;
  state->editor = el_init("weft", stdin, stdout, stderr);
  state->history = history_winit();
  if (!state->editor || !state->history)
    return Error{"the terminal cannot be used for editing lines", ErrorKind::usage};
  HistEventW event;
  history_w(state->history, &event, H_SETSIZE, kHistoryEntries);
  history_w(state->history, &event, H_SETUNIQUE, 1);
  EditLine* editor = state->editor;
  el_wset(editor, EL_CLIENTDATA, state.get());
  el_wset(editor, EL_GETCFN, State::read_character);
  el_wset(editor, EL_PROMPT_ESC, State::give_prompt, int{1});
  el_wset(editor, EL_HIST, history_w, state->history);
  el_wset(editor, EL_EDITOR, L"emacs");
  state->bind_keys();
  el_source(editor, nullptr);  // the user's own keys
  std::unique_ptr<LineEditor> out(new LineEditor(std::move(state)));
  for (const std::string& entry : history) out->remember(entry);
  return out;
}

LineEditor::Line LineEditor::read(const std::string& prompt) {
  State& state = *state_;
  state.prompt = widen(prompt);
  state.interrupted = false;
  state.ending_signal = 0;
  state.input_state = {};
  el_resize(state.editor);  // the size may have changed since the last line
  state.catch_signals();
  el_wset(state.editor, EL_PREP_TERM, 1);  // before the prompt is seen and keys follow it
  state.mark_pastes(true);
  int count = 0;
  const wchar_t* text = el_wgets(state.editor, &count);
  Line line;
  if (text && count > 0) line.text = narrow({text, size_t(count)});
  state.mark_pastes(false);
  state.release_signals();
  if (state.ending_signal) raise(state.ending_signal);
  if (state.interrupted) return {End::interrupted, ""};
  if (!text || count <= 0) return {End::closed, ""};
  if (line.text.ends_with('\n')) line.text.pop_back();
  return line;
}

void LineEditor::remember(const std::string& entry) {
  HistEventW event;
  history_w(state_->history, &event, H_ENTER, widen(entry).c_str());
}

}  // namespace weft::cli
