// weft quantize: writes a model with its weights in few bits, and what that costs each of them.
//
//   weft quantize MODEL --weights e0m4 -o OUT                  groups of 64, clipped for least
//   error weft quantize MODEL --weights int4 --group 32 --form asymmetric -o OUT weft quantize
//   MODEL --weights int8 -o OUT                  a scale per output channel
//
// OUT is a model folder as any other. The graph is the source's as imported, with its inputs and
// outputs; int4 and int8 are ONNX's and ONNX Runtime's own spellings, e0m4 is a function of domain
// weft whose body is standard ops.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "importers/onnx/emit/emit.h"
#include "importers/onnx/model.h"
#include "tools/weft/model_folder.h"
#include "tools/weft/new_folder.h"
#include "tools/weft/printable.h"
#include "tools/weft/quantize_weights.h"
#include "tools/weft/verb.h"
#include "tools/weft/w8a8_verb.h"

namespace weft::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct QuantizeFlags {
  fs::path model, out;
  std::string weights, form, head;
  int64_t group = -1;  // below 0: the usual size
  std::vector<std::string> keep;
  int threads = 0;  // 0: what this process may use
  bool json = false;
  W8A8Flags w8a8;
};

// All weights together: a weight counts as often as it has elements.
struct Totals {
  quant::Loss loss;
  double bits = 0, weights = 0;
};
Totals totals_of(const QuantizeReport& report) {
  Totals totals;
  for (const QuantizedLayer& layer : report.layers) {
    const double weights = double(layer.lines) * double(layer.length);
    totals.loss.add(layer.loss);
    totals.bits += layer.bits * weights;
    totals.weights += weights;
  }
  if (totals.weights > 0) totals.bits /= totals.weights;
  return totals;
}

std::string sqnr_text(const quant::Loss& loss) {
  return loss.noise > 0 ? fmt::format("{:.2f}", loss.sqnr_db()) : "exact";
}

void print_table(const QuantizeReport& report) {
  size_t widest = 6;
  for (const QuantizedLayer& layer : report.layers)
    widest = std::max(widest, printable(layer.name).size());
  fmt::print("{:<{}}  {:>14}  {:<20} {:>6} {:>8} {:>12}\n", "weight", widest, "shape", "format",
             "bits", "SQNR dB", "error/range");
  for (const QuantizedLayer& layer : report.layers) {
    fmt::print("{:<{}}  {:>14}  {:<20} {:>6.3f} {:>8} {:>12.4f}{}\n", printable(layer.name), widest,
               fmt::format("{} x {}", layer.length, layer.lines), layer.format, layer.bits,
               sqnr_text(layer.loss), layer.loss.worst, layer.same ? "  (the source's codes)" : "");
  }
  for (const std::string& left : report.left) fmt::print("left: {}\n", printable(left));
  const Totals totals = totals_of(report);
  fmt::print("{} weights of {} layers: {:.3f} bits each, SQNR {} dB\n", int64_t(totals.weights),
             report.layers.size(), totals.bits, sqnr_text(totals.loss));
}

// Infinities are null in JSON.
ordered_json loss_json(const quant::Loss& loss) {
  ordered_json out;
  out["sqnr_db"] = loss.noise > 0 ? ordered_json(loss.sqnr_db()) : ordered_json();
  out["largest_error_of_range"] = loss.worst;
  return out;
}

void print_json(const QuantizeReport& report) {
  const Totals totals = totals_of(report);
  ordered_json document = {{"layers", ordered_json::array()}, {"left", report.left}};
  for (const QuantizedLayer& layer : report.layers) {
    ordered_json one = {{"name", layer.name},     {"k", layer.length},  {"n", layer.lines},
                        {"format", layer.format}, {"bits", layer.bits}, {"same", layer.same}};
    one.update(loss_json(layer.loss));
    document["layers"].push_back(std::move(one));
  }
  document["weights"] = int64_t(totals.weights);
  document["bits"] = totals.bits;
  document.update(loss_json(totals.loss));
  fmt::print("{}\n", document.dump(1));
}

Result<QuantizePlan> plan_of(const QuantizeFlags& flags) {
  QuantizePlan plan;
  const std::string weights = flags.weights.empty() ? "e0m4" : flags.weights;
  plan.all = TRY(weight_format(weights, flags.form, flags.group));
  plan.keep_head = flags.head == "keep";
  if (!flags.head.empty() && !plan.keep_head) {
    const bool same = flags.head == weights;
    plan.head =
        TRY(weight_format(flags.head, same ? flags.form : "", same ? flags.group : -1), "--head");
  }
  plan.keep = flags.keep;
  plan.threads = flags.threads > 0 ? flags.threads : int(std::thread::hardware_concurrency());
  return plan;
}

Status quantize_to_w8a8(QuantizeFlags flags) {
  if (!flags.weights.empty() || !flags.form.empty() || flags.group >= 0) {
    return Error{
        "--w8a8 decides the weights' codes itself; --weights, --form and --group are for weights "
        "alone",
        ErrorKind::usage};
  }
  flags.w8a8.model = flags.model;
  flags.w8a8.out = flags.out;
  flags.w8a8.head = flags.head;
  flags.w8a8.keep = flags.keep;
  flags.w8a8.threads = flags.threads;
  flags.w8a8.json = flags.json;
  return write_w8a8(flags.w8a8);
}

Status quantize(const QuantizeFlags& flags) {
  const QuantizePlan plan = TRY(plan_of(flags));
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  // Before the work: a path that cannot be written is known at once.
  NewFolder out = TRY(NewFolder::create(flags.out));
  std::vector<std::string> notes;
  onnx::ImportOptions options;
  options.notes = &notes;
  ir::Graph graph = TRY(onnx::import(flags.model, options));
  for (const std::string& note : notes) fmt::print(stderr, "weft: {}\n", printable(note));
  const QuantizeReport report = TRY(quantize_weights(graph, plan), flags.model.string());
  TRY(onnx::emit(graph, out.path() / "model.onnx", {.packed_products = true}));
  TRY(copy_side_files(folder.folder, out.path()));
  TRY(out.finish());
  if (flags.json) {
    print_json(report);
  } else {
    print_table(report);
  }
  return {};
}

}  // namespace

void add_quantize(Program& program) {
  auto* verb = program.app.add_subcommand("quantize", "Write a model with weights of few bits");
  verb->footer(
      "Forms: e0m4 has mse (the usual one), edge, half-cell and binade; int4 has mse, asymmetric,\n"
      "symmetric and extreme; int8 has symmetric, asymmetric and mse. 'bits' counts scales, and\n"
      "zero points that are floats, as halves; the file holds them in 32 bits.");
  auto flags = std::make_shared<QuantizeFlags>();
  verb->add_option("model", flags->model, "Model folder, or an .onnx file in one")->required();
  verb->add_option("-o,--out", flags->out, "The folder to make; it must not exist")->required();
  verb->add_option("--weights", flags->weights, "e0m4 (or m0e4), int4 or int8");
  verb->add_option("--form", flags->form, "How a group's scale and zero point are chosen");
  verb->add_option("--group", flags->group,
                   "Weights to a scale: 64; for int8 0, which is a whole output channel");
  verb->add_option("--head", flags->head,
                   "Weights of the logits, and of a table tied to them: a format, or keep");
  verb->add_option("--keep", flags->keep, "Leave weights that have this in their name as they are");
  verb->add_option("-t,--threads", flags->threads, "Threads to quantize on")
      ->check(CLI::Range(1, 1024));
  verb->add_flag("--json", flags->json, "Print the table as JSON");
  add_w8a8_flags(*verb, flags->w8a8);
  verb->callback([&program, flags] {
    program.finish(flags->w8a8.asked ? quantize_to_w8a8(*flags) : quantize(*flags));
  });
}

}  // namespace weft::cli
