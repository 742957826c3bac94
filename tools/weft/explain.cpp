// weft explain: why a model runs the way it does: what was rewritten, where each node runs, which
// values are copied, and what memory that takes, all from the plan itself.
#include <cstdio>

#include "core/base/new_file.h"
#include "tools/weft/explanation.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct ExplainFlags : Flags {
  std::string node;
  std::filesystem::path html;
};

// A page that is there is whole.
Status write_file(const std::filesystem::path& path, const std::string& text) {
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  TRY(file.write(text));
  return file.finish();
}

Result<std::string> report(const ExplainFlags& flags, const Document& document) {
  if (!flags.node.empty()) {
    if (flags.json) return dumped(TRY(node_document(document, flags.node)), 2) + "\n";
    return node_text(document, flags.node);
  }
  if (flags.json) return dumped(document, 2) + "\n";
  // With a page, the page is the answer.
  if (!flags.html.empty()) return std::string();
  return explanation_text(document);
}

Status explain(const ExplainFlags& flags) {
  TRY(check(flags));
  if (flags.model.empty()) return Error{"explain needs a model folder or file", ErrorKind::usage};
  if (flags.strict) {
    return Error{"explain compiles nothing, so it cannot tell whether --strict holds",
                 ErrorKind::usage};
  }
  History history;
  const Inspection inspection = TRY(inspect_model(flags, &history));
  if (inspection.error) return *inspection.error;
  const Document document = explanation(inspection, history);
  const std::string text = TRY(report(flags, document));
  if (!flags.html.empty()) TRY(write_file(flags.html, explanation_page(document)));
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) return Error{"cannot write the report to stdout", ErrorKind::usage};
  return {};
}

}  // namespace

void add_explain(Program& program) {
  auto* verb = program.app.add_subcommand(
      "explain", "Say why a model runs the way it does: rewrites, backends, copies, memory");
  verb->footer(
      "Nothing is compiled and no weight is read. `weft inspect` is the short form, and says more\n"
      "of a file that cannot be imported.");
  auto flags = std::make_shared<ExplainFlags>();
  verb->add_option("model", flags->model, "Model folder, or an .onnx file in one");
  add_shared_flags(*verb, *flags);
  verb->get_option("--model")->required(false);
  verb->add_option("--node", flags->node,
                   "Explain one node, of the file or of the graph that runs, by its name");
  verb->add_option("--html", flags->html,
                   "Write a page with the graph, to be opened in a browser, instead of text");
  verb->callback([&program, flags] { program.finish(explain(*flags)); });
}

}  // namespace weft::cli
