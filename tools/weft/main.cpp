// The weft binary: one program, one verb per file (verbs.def).
//
// Exit codes: 0 ok, 1 a check failed, 2 usage, 3 the model cannot be imported, 4 plugin or device
// problem, 5 would not fit in memory, 6 a required placement is not met, 130 interrupted.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tools/weft/printable.h"
#include "tools/weft/verb.h"

namespace weft::cli {

void Program::finish(const Status& status) {
  if (status.ok()) return;
  if (isatty(STDERR_FILENO)) std::fputs("\r\033[K", stderr);  // over a line of progress
  std::fprintf(stderr, "weft: %s\n", printable(status.error().message).c_str());
  exit_code = int(status.error().kind);
}

}  // namespace weft::cli

// Flags of several letters behind one dash, as llama.cpp's users type them.
static std::string long_form(const std::string& argument) {
  if (argument == "-ub") return "--ubatch-size";
  if (argument == "-ctk") return "--cache-type-k";
  if (argument == "-ctv") return "--cache-type-v";
  return argument;
}

int main(int argc, char** argv) {
  // A limit on the size of files is an error of the write that meets it, not the end of the
  // program.
  std::signal(SIGXFSZ, SIG_IGN);
  weft::cli::Program program;
  program.app.description("Weft runs transformer language models from ONNX files.");
  program.app.require_subcommand(1);
  program.app.set_version_flag("--version", "weft " WEFT_VERSION);
#define VERB(name) weft::cli::add_##name(program);
#include "tools/weft/verbs.def"
#undef VERB
  try {
    std::vector<std::string> arguments;  // CLI11 takes them last first
    for (int i = argc - 1; i > 0; --i) arguments.push_back(long_form(argv[i]));
    program.app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    // Help and version are no errors; every other complaint of the parser is wrong usage.
    if (error.get_exit_code() == 0) return program.app.exit(error);
    std::fprintf(stderr, "weft: %s; --help says more\n", error.what());
    return 2;
  }
  return program.exit_code;
}
