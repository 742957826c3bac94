// weft inspect: what is in a model file, what it becomes, where it runs and what memory it takes,
// without loading it.
#include <cstdio>

#include "tools/weft/inspection.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

Status inspect(const Flags& flags) {
  TRY(check(flags));
  if (flags.model.empty()) return Error{"inspect needs a model folder or file", ErrorKind::usage};
  if (flags.strict) {
    return Error{"inspect compiles nothing, so it cannot tell whether --strict holds",
                 ErrorKind::usage};
  }
  const Inspection inspection = TRY(inspect_model(flags));
  const std::string text = flags.json ? to_json(inspection) + "\n" : to_text(inspection);
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) return Error{"cannot write the report to stdout", ErrorKind::usage};
  if (inspection.error) return *inspection.error;
  return {};
}

}  // namespace

void add_inspect(Program& program) {
  auto* verb = program.app.add_subcommand(
      "inspect", "Say what is in a model file, where it would run and what memory it takes");
  verb->footer(
      "Nothing is compiled and no weight is read. What can be told of a file that cannot be\n"
      "imported is told before the error.");
  auto flags = std::make_shared<Flags>();
  verb->add_option("model", flags->model, "Model folder, or an .onnx file in one");
  add_shared_flags(*verb, *flags);
  verb->get_option("--model")->required(false);
  verb->callback([&program, flags] { program.finish(inspect(*flags)); });
}

}  // namespace weft::cli
