// weft opt: reads a graph in its text form (or an .onnx file), runs passes, prints the text form.
//
//   weft opt graph.txt                        read and print: the text form is stable
//   weft opt graph.txt --pass fuse_swish      one pass, or several in the order given
//   weft opt model.onnx --until canonical     the pipeline up to a stage
//   weft opt --list                           the passes in their order
#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/ir/text.h"
#include "core/ir/verify.h"
#include "core/passes/pass.h"
#include "importers/onnx/model.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct OptFlags {
  std::string input;
  std::vector<std::string> passes;
  std::string until;
  bool list = false, log = false;
};

Result<ir::Graph> read_graph(const std::string& path) {
  if (path.ends_with(".txt") || path == "-") {
    std::stringstream text;
    if (path == "-") {
      char buffer[4096];
      for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) text.write(buffer, n);
    } else {
      std::ifstream in(path);
      if (!in) return Error{"cannot read '" + path + "'", ErrorKind::usage};
      text << in.rdbuf();
    }
    return TRY(ir::parse(text.str()), path);
  }
  return onnx::import(path);
}

Result<passes::Stage> parse_stage(const std::string& name) {
  constexpr const char* kNames[] = {"imported", "canonical", "fused", "placed"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return passes::Stage(i);
  }
  return Error{"--until " + name + ": stages are imported, canonical, fused, placed",
               ErrorKind::usage};
}

Status opt(const OptFlags& flags) {
  if (flags.list) {
    for (const passes::Step& step : passes::pipeline()) std::printf("%s\n", step.name);
    return {};
  }
  if (flags.input.empty())
    return Error{"opt needs a graph: a .txt or .onnx file", ErrorKind::usage};
  ir::Graph graph = TRY(read_graph(flags.input));
  TRY(ir::verify(graph), flags.input);
  passes::Context context;
  for (const std::string& pass : flags.passes) TRY(passes::run_one(graph, context, pass));
  if (!flags.until.empty()) TRY(passes::run(graph, context, TRY(parse_stage(flags.until))));
  if (flags.log) {
    for (const passes::Note& note : context.log) {
      std::fprintf(stderr, "%s: %s%s%s%s\n", note.pass.c_str(), note.left ? "left: " : "",
                   note.node.c_str(), note.node.empty() ? "" : ": ", note.what.c_str());
    }
  }
  std::fputs(ir::print(graph).c_str(), stdout);
  return {};
}

}  // namespace

void add_opt(Program& program) {
  auto* verb = program.app.add_subcommand("opt", "Run passes on a graph's text form and print it");
  auto flags = std::make_shared<OptFlags>();
  verb->add_option("graph", flags->input,
                   "A graph: .txt (text form), '-' (text on stdin) or .onnx");
  verb->add_option("--pass", flags->passes, "Run this pass (may be repeated)");
  verb->add_option("--until", flags->until, "Run the pipeline up to a stage");
  verb->add_flag("--list", flags->list, "List the passes in order");
  verb->add_flag("--log", flags->log, "Print the rewriting log to stderr");
  verb->callback([&program, flags] { program.finish(opt(*flags)); });
}

}  // namespace weft::cli
