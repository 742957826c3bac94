#include "tools/weft/w8a8_verb.h"

#include <cstdlib>

#include "core/passes/pass.h"
#include "importers/onnx/emit/emit.h"
#include "importers/onnx/model.h"
#include "tools/weft/load.h"
#include "tools/weft/new_folder.h"
#include "tools/weft/printable.h"
#include "tools/weft/quantize_w8a8.h"
#include "tools/weft/text_tokens.h"
#include "tools/weft/w8a8_report.h"

namespace weft::cli {

namespace {

Result<Clip> clip_of(const std::string& name) {
  if (name == "max") return Clip::largest;
  if (name == "p99.9") return Clip::percentile;
  if (name == "mse") return Clip::least_error;
  return Error{"--clip " + name + ": max, p99.9 and mse are known", ErrorKind::usage};
}

Result<std::optional<double>> pruned_of(const std::string& shadow) {
  if (shadow == "auto") return std::optional<double>();
  if (shadow == "all") return std::optional<double>(0);
  if (shadow == "none") return std::optional<double>(1);
  char* end = nullptr;
  const double rate = std::strtod(shadow.c_str(), &end);
  if (shadow.empty() || *end || !(rate >= 0 && rate <= 1)) {
    return Error{"--shadow " + shadow +
                     ": auto, all, none, or the share of linears to leave without one (0.85) is "
                     "expected",
                 ErrorKind::usage};
  }
  return std::optional<double>(rate);
}

Result<W8A8Plan> plan_of(const W8A8Flags& flags) {
  W8A8Plan plan;
  if (flags.weights_scale == "tensor") {
    plan.scales_of = quant::ScalesOf::tensor;
  } else if (flags.weights_scale != "channel") {
    return Error{"--weights-scale " + flags.weights_scale + ": channel and tensor are known",
                 ErrorKind::usage};
  }
  if (!flags.head.empty() && flags.head != "keep" && flags.head != "int8")
    return Error{"--head " + flags.head + ": with --w8a8, keep and int8 are known",
                 ErrorKind::usage};
  plan.int8_head = flags.head == "int8";
  plan.clip = TRY(clip_of(flags.clip));
  plan.pruned = TRY(pruned_of(flags.shadow));
  plan.keep = flags.keep;
  plan.rotate = flags.rotate;
  if (flags.migrate >= 0) plan.migrate = flags.migrate;
  return plan;
}

// The graph as int8 products can be found in it: canonical, with the inputs of a decoder.
Result<ir::Graph> canonical_graph(const std::filesystem::path& model) {
  std::vector<std::string> notes;
  onnx::ImportOptions options;
  options.notes = &notes;
  ir::Graph graph = TRY(onnx::import(model, options));
  for (const std::string& note : notes) std::fprintf(stderr, "weft: %s\n", printable(note).c_str());
  passes::Context context;
  // Sizes as the file leaves them: nothing here is made for one capacity.
  context.options.capacity = context.options.chunk = int64_t{1} << 20;
  TRY(passes::run(graph, context, passes::Stage::canonical), model.string());
  return graph;
}

}  // namespace

void add_w8a8_flags(CLI::App& verb, W8A8Flags& flags) {
  verb.add_flag("--w8a8", flags.asked, "Linears as int8 products of int8 activations")
      ->group("W8A8");
  verb.add_option("--calibrate", flags.text, "With --w8a8: the text that steps are chosen from")
      ->group("W8A8");
  verb.add_option("--windows", flags.windows, "Windows of the text to read (0: all)")
      ->group("W8A8")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20));
  verb.add_option("--window", flags.window, "Tokens of a window, each read alone")
      ->group("W8A8")
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 16));
  verb.add_option("--weights-scale", flags.weights_scale,
                  "A scale per output channel, or one per tensor")
      ->group("W8A8");
  verb.add_option("--clip", flags.clip,
                  "The step where there is no shadow: max, p99.9, or mse for least error")
      ->group("W8A8");
  verb.add_flag("--rotate,!--no-rotate", flags.rotate,
                "Fold rotations into the weights, so that activations have few outliers")
      ->group("W8A8");
  verb.add_option("--migrate", flags.migrate,
                  "Move ranges of activations into weights by this share (0.5), channel by channel")
      ->group("W8A8")
      ->check(CLI::Range(0.0, 1.0));
  verb.add_option("--shadow", flags.shadow,
                  "Linears whose outliers are computed in floats: auto, all, none, or the share to "
                  "leave out")
      ->group("W8A8");
}

Status write_w8a8(const W8A8Flags& flags) {
  const W8A8Plan plan = TRY(plan_of(flags));
  if (flags.text.empty())
    return Error{"--w8a8 needs a text to calibrate on; --calibrate names one", ErrorKind::usage};
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  const CalibrationText text{
      TRY(windows_of(folder.folder, flags.text, flags.windows, flags.window)), flags.window};
  NewFolder out = TRY(NewFolder::create(flags.out));
  Flags engine_flags;
  engine_flags.threads = flags.threads;
  const auto plugins = load_plugins(engine_flags);
  ir::Graph graph = TRY(canonical_graph(flags.model));
  const W8A8Report report = TRY(quantize_w8a8(graph, plan, text, plugins), flags.model.string());
  TRY(onnx::emit(graph, out.path() / "model.onnx"));
  TRY(copy_side_files(folder.folder, out.path()));
  TRY(out.finish());
  flags.json ? print_w8a8_json(report) : print_w8a8_table(report);
  return {};
}

}  // namespace weft::cli
