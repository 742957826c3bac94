// A verb of the command line: `weft run`, `weft bench`, ... One file per verb, one line in
// verbs.def.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/base/result.h"

namespace weft::cli {

// A verb adds its subcommand and sets `exit_code` from its callback.
struct Program {
  CLI::App app;
  int exit_code = 0;

  // Prints an error as one line on stderr and keeps its exit code.
  void finish(const Status& status);
};

#define VERB(name) void add_##name(Program& program);
#include "tools/weft/verbs.def"
#undef VERB

}  // namespace weft::cli
