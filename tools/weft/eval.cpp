// weft eval: the perplexity of a text, and how far a model's predictions are from another's.
//
// The text is tokenized as it is, without a chat template, special tokens or a leading <s>; see
// evaluate.h for the windows. Figures of different texts, tokenizers or windows do not compare.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/weft/clock.h"
#include "tools/weft/evaluate.h"
#include "tools/weft/load.h"
#include "tools/weft/text_tokens.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct EvalFlags : Flags {
  std::filesystem::path text, against, save_logits;
  int64_t windows = 0;  // 0: all that the text fills
  int64_t window = 512;
};

volatile bool interrupted = false;

// What --against names, ready to be compared with.
struct Opened {
  std::optional<Loaded> model;
  std::optional<LogitsFile> file;
  Reference reference() const {
    return {model ? model->session.get() : nullptr, file ? &*file : nullptr};
  }
  int64_t vocabulary() const {
    return model ? model->session->vocabulary() : file->shape().vocabulary;
  }
};

// Rows of logits compare only when they are of the same ids.
Result<Opened> open_reference(const EvalFlags& flags, const Loaded& loaded, int64_t capacity,
                              const LogitsShape& shape) {
  Opened out;
  const auto mismatch = [&](const std::string& what) {
    return Error{"--against " + flags.against.string() + ": " + what, ErrorKind::usage};
  };
  if (is_logits_file(flags.against)) {
    out.file = TRY(LogitsFile::open(flags.against));
    const LogitsShape& theirs = out.file->shape();
    if (theirs.window != shape.window || theirs.windows != shape.windows) {
      return mismatch("its logits are of " + std::to_string(theirs.windows) + " windows of " +
                      std::to_string(theirs.window) + " tokens, not " +
                      std::to_string(shape.windows) + " of " + std::to_string(shape.window) +
                      "; --windows and --window set these");
    }
    if (theirs.ids != shape.ids) return mismatch("its logits are of other tokens than this text's");
  } else {
    Flags theirs = flags;
    theirs.model = flags.against;
    const ModelFolder folder = TRY(open_model_folder(theirs.model));
    const auto ids = TRY(tokens_of(folder.folder, flags.text));
    const size_t count = size_t(shape.windows * shape.window);
    if (ids.size() < count || hash128(std::as_bytes(std::span(ids).first(count))) != shape.ids)
      return mismatch("its tokenizer makes other tokens of this text");
    out.model = TRY(load(theirs, capacity, loaded.plugins));
  }
  if (out.vocabulary() != shape.vocabulary) {
    return mismatch("its vocabulary is " + std::to_string(out.vocabulary()) + ", the model's is " +
                    std::to_string(shape.vocabulary));
  }
  return out;
}

Status check_ids(std::span<const int64_t> ids, int64_t vocabulary) {
  const int64_t most = *std::max_element(ids.begin(), ids.end());
  if (most < vocabulary) return {};
  return Error{"the tokenizer makes token " + std::to_string(most) +
               ", but the model has logits for " + std::to_string(vocabulary) +
               " tokens only: they do not belong together"};
}

// A line on a terminal that the next one replaces.
void show_progress(int64_t done, int64_t total, int64_t window, const Evaluation& so_far,
                   Clock::time_point start) {
  const double left = ms_since(start) / 1000 * double(total - done) / double(done);
  std::fprintf(stderr, "\r\033[Kwindow %lld of %lld, perplexity %.4f, %.0f s left",
               static_cast<long long>((done + window - 1) / window),
               static_cast<long long>(total / window), std::exp(so_far.likelihoods.mean()), left);
  if (done == total) std::fputs("\r\033[K", stderr);
}

struct Report {
  const EvalFlags& flags;
  const Loaded& loaded;
  const Evaluation& evaluation;
  int64_t windows = 0;
  double ms = 0;

  double share_of_same_best() const {
    return double(evaluation.same_best) / double(evaluation.divergences.values().size());
  }
};

void print_text(const Report& report) {
  const Evaluation& e = report.evaluation;
  const double mean = e.likelihoods.mean(), error = e.likelihoods.standard_error();
  std::printf("perplexity       %.4f ± %.4f\n", std::exp(mean), std::exp(mean) * error);
  std::printf("mean NLL         %.6f ± %.6f nats, %zu tokens in %lld windows of %lld\n", mean,
              error, e.likelihoods.values().size(), static_cast<long long>(report.windows),
              static_cast<long long>(report.flags.window));
  if (!report.flags.against.empty()) {
    const double theirs = e.reference_likelihoods.mean();
    std::printf("against          %s\n", report.flags.against.c_str());
    std::printf("  its perplexity %.4f, mean NLL %.6f (%+.6f here)\n", std::exp(theirs), theirs,
                mean - theirs);
    std::printf("  KL divergence  mean %.6g ± %.2g, 99th percentile %.6g, largest %.6g nats\n",
                e.divergences.mean(), e.divergences.standard_error(), e.divergences.quantile(0.99),
                e.divergences.largest());
    std::printf("  same top token %.3f %%\n", 100 * report.share_of_same_best());
  }
}

void print_stats(const Report& report) {
  const size_t tokens = size_t(report.windows * report.flags.window);
  std::fprintf(stderr, "placement   %s\n", report.loaded.engine->placement().line().c_str());
  std::fprintf(stderr, "load        import %.1f ms, prepare %.1f ms\n",
               report.loaded.timings.import_ms, report.loaded.timings.prepare_ms);
  std::fprintf(stderr, "evaluation  %zu tokens, %.1f s, %.1f tok/s\n", tokens, report.ms / 1000,
               double(tokens) * 1000 / report.ms);
  std::fprintf(stderr, "memory      peak RSS %.1f MiB\n", double(peak_rss_bytes()) / (1 << 20));
}

void print_json(const Report& report) {
  const Evaluation& e = report.evaluation;
  const double mean = e.likelihoods.mean(), error = e.likelihoods.standard_error();
  nlohmann::ordered_json out = {{"model", report.flags.model.string()},
                                {"text", report.flags.text.string()},
                                {"window", report.flags.window},
                                {"windows", report.windows},
                                {"scored_tokens", e.likelihoods.values().size()},
                                {"mean_nll", mean},
                                {"mean_nll_error", error},
                                {"perplexity", std::exp(mean)},
                                {"perplexity_error", std::exp(mean) * error},
                                {"mean_nll_of_windows", e.of_windows}};
  if (!report.flags.against.empty()) {
    const double theirs = e.reference_likelihoods.mean();
    out["against"] = {{"model", report.flags.against.string()},
                      {"mean_nll", theirs},
                      {"perplexity", std::exp(theirs)},
                      {"kl_mean", e.divergences.mean()},
                      {"kl_mean_error", e.divergences.standard_error()},
                      {"kl_99th_percentile", e.divergences.quantile(0.99)},
                      {"kl_largest", e.divergences.largest()},
                      {"same_top_token", report.share_of_same_best()}};
  }
  out["placement"] = report.loaded.engine->placement().line();
  out["evaluate_ms"] = report.ms;
  out["peak_rss_bytes"] = peak_rss_bytes();
  std::printf("%s\n",
              out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

Result<LogitsWriter> open_save(const EvalFlags& flags, const LogitsShape& shape) {
  std::fprintf(stderr, "weft: %s will take %.1f MiB\n", flags.save_logits.c_str(),
               double(shape.file_bytes()) / (1 << 20));
  return LogitsWriter::create(flags.save_logits, shape);
}

Status eval(const EvalFlags& flags) {
  TRY(check(flags));
  if (flags.model.empty()) return Error{"no model is named; -m names one", ErrorKind::usage};
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  const std::vector<int64_t> ids =
      TRY(windows_of(folder.folder, flags.text, flags.windows, flags.window));
  const int64_t capacity = TRY(choose_capacity(flags, folder, flags.window));
  Loaded loaded = TRY(load(flags, capacity));
  const LogitsShape shape{loaded.session->vocabulary(), flags.window,
                          int64_t(ids.size()) / flags.window,
                          hash128(std::as_bytes(std::span(ids)))};
  TRY(check_ids(ids, shape.vocabulary));
  EvaluateOptions options;
  Opened reference;
  if (!flags.against.empty()) reference = TRY(open_reference(flags, loaded, capacity, shape));
  std::optional<LogitsWriter> save;
  if (!flags.save_logits.empty()) save.emplace(TRY(open_save(flags, shape)));
  options.window = flags.window;
  options.chunk = std::min(loaded.engine->options().chunk, flags.window);
  options.reference = reference.reference();
  options.save = save ? &*save : nullptr;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  const auto start = Clock::now();
  const bool on_terminal = isatty(STDERR_FILENO);
  options.progress = [&](int64_t done, const Evaluation& so_far) {
    if (on_terminal) show_progress(done, int64_t(ids.size()), flags.window, so_far, start);
    return !interrupted;
  };
  const Evaluation evaluation = TRY(evaluate(*loaded.session, ids, options));
  if (save) TRY(save->finish());
  const Report report{flags, loaded, evaluation, shape.windows, ms_since(start)};
  flags.json ? print_json(report) : print_text(report);
  if (std::fflush(stdout) != 0) return Error{"cannot write to stdout", ErrorKind::usage};
  if (flags.stats) print_stats(report);
  return {};
}

}  // namespace

void add_eval(Program& program) {
  auto* verb = program.app.add_subcommand(
      "eval", "Measure the perplexity of a text, and the distance from another model");
  auto flags = std::make_shared<EvalFlags>();
  add_shared_flags(*verb, *flags);
  verb->get_option("--model")->required(false);
  verb->add_option("MODEL", flags->model, "The model, where -m is not given");
  verb->add_option("--text", flags->text, "The text to read, as it is")->required();
  verb->add_option("--window", flags->window, "Tokens of a window, each read alone")
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 24));
  verb->add_option("--windows", flags->windows, "How many windows (0: all the text fills)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30));
  verb->add_option("--against", flags->against,
                   "Compare with another model, or with a file of --save-logits");
  verb->add_option("--save-logits", flags->save_logits,
                   "Write the logits to a file, for a later --against");
  verb->callback([&program, flags] {
    program.finish(eval(*flags));
    if (interrupted) program.exit_code = 130;
  });
}

}  // namespace weft::cli
