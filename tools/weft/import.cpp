// weft import: reads a model as every verb does and, on request, writes what it became as ONNX.
//
//   weft import MODEL                                    does it import, and what is in it
//   weft import MODEL --emit-onnx out.onnx               the canonical graph, in opset 23
//   weft import MODEL --emit-onnx out.onnx --until fused
#include <cstdio>

#include "core/passes/pass.h"
#include "importers/onnx/emit/emit.h"
#include "importers/onnx/model.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct ImportFlags {
  std::filesystem::path model, out;
  std::string until = "canonical";
};

Result<passes::Stage> stage_of(const std::string& name) {
  if (name == "imported") return passes::Stage::imported;
  if (name == "canonical") return passes::Stage::canonical;
  if (name == "fused") return passes::Stage::fused;
  return Error{"--until " + name + ": a graph can be written as imported, canonical or fused",
               ErrorKind::usage};
}

Status import_model(const ImportFlags& flags) {
  const passes::Stage until = TRY(stage_of(flags.until));
  std::vector<std::string> notes;
  onnx::ImportOptions options;
  options.notes = &notes;
  ir::Graph graph = TRY(onnx::import(flags.model, options));
  const std::string model = flags.model.string();
  passes::Context context;
  // Sizes as the file leaves them: nothing here is made for one capacity.
  context.options.capacity = context.options.chunk = int64_t{1} << 20;
  TRY(passes::run(graph, context, until), model);
  for (const std::string& note : notes) std::fprintf(stderr, "weft: %s\n", note.c_str());
  if (flags.out.empty()) {
    std::printf("%s: %zu nodes, %zu inputs, %zu outputs (%s)\n", model.c_str(),
                graph.order().size(), graph.inputs.size(), graph.outputs.size(),
                flags.until.c_str());
    return {};
  }
  // A session asks for the logits of some rows; a file gives all of them.
  graph.substitute({{"rows", ir::Dim::symbol("seq")}});
  return onnx::emit(graph, flags.out);
}

}  // namespace

void add_import(Program& program) {
  auto* verb = program.app.add_subcommand("import", "Import a model; write what it became as ONNX");
  verb->footer(
      "The file written has the inputs of the graph it holds: token ids, positions and caches;\n"
      "masks of padding are gone. Large tensors are in OUT.data beside it.");
  auto flags = std::make_shared<ImportFlags>();
  verb->add_option("model", flags->model, "Model folder, or an .onnx file in one")->required();
  verb->add_option("--emit-onnx", flags->out, "Write the graph to this file, as ONNX");
  verb->add_option("--until", flags->until, "The stage to write: imported, canonical, fused");
  verb->callback([&program, flags] { program.finish(import_model(*flags)); });
}

}  // namespace weft::cli
