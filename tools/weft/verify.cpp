// weft verify: each island of a plan on its own backend against the reference, and the node that is
// at fault when one is wrong.
//
//   weft verify MODEL --backend opencl,cpu
//   weft verify MODEL --backend acme --plugin ./weft_acme.so --out wrong     then: weft check wrong
#include <cstdio>

#include "core/text/tokenizer.h"
#include "tools/weft/load.h"
#include "tools/weft/printable.h"
#include "tools/weft/verb.h"
#include "tools/weft/verify_report.h"

namespace weft::cli {

namespace {

struct VerifyFlags {
  VerifyOptions options;
  Flags shared;
  std::string prompt, way = "auto";
  std::vector<std::string> sizes;
};

// "seq=7" for each.
Status read_sizes(const std::vector<std::string>& sizes, InputChoice& choice) {
  for (const std::string& size : sizes) {
    const size_t equals = size.find('=');
    const std::string number = equals == std::string::npos ? "" : size.substr(equals + 1);
    char* end = nullptr;
    const long long value = std::strtoll(number.c_str(), &end, 10);
    if (number.empty() || *end || value < 0 || value > int64_t{1} << 32)
      return Error{"--size takes NAME=N, not '" + size + "'", ErrorKind::usage};
    choice.sizes[size.substr(0, equals)] = value;
  }
  return {};
}

Result<VerifyOptions> read_flags(const VerifyFlags& flags) {
  VerifyOptions options = flags.options;
  if (options.tolerance.relative < 0 || options.tolerance.absolute < 0)
    return Error{"--rtol and --atol take numbers from 0 up", ErrorKind::usage};
  TRY(check(flags.shared));
  TRY(read_sizes(flags.sizes, options.choice));
  if (!flags.prompt.empty() && !options.prompt.empty())
    return Error{"--prompt and --prompt-ids are two ways to say one thing", ErrorKind::usage};
  if (flags.way != "auto")
    options.way = flags.way == "session" ? CheckWay::session : CheckWay::graph;
  if (!flags.prompt.empty()) {
    const ModelFolder folder = TRY(open_model_folder(options.model));
    const auto tokenizer = TRY(text::Tokenizer::load(folder.folder / "tokenizer.json"),
                               "the model folder's tokenizer");
    options.prompt = tokenizer.encode(flags.prompt, true, true);
    if (options.prompt.empty()) return Error{"the prompt has no tokens", ErrorKind::usage};
  }
  if (!options.prompt.empty() && !options.data.empty())
    return Error{"--data gives the inputs; it takes no prompt", ErrorKind::usage};
  options.engine = engine_options(flags.shared, 1);
  options.engine.compute = "f32";  // the reference is what is compared with
  options.engine.model = cache_name(options.model);
  options.plugin_files = flags.shared.plugins;
  return options;
}

Status verify(const VerifyFlags& flags) {
  const VerifyOptions options = TRY(read_flags(flags));
  const auto plugins = load_plugins(flags.shared);
  const Verification found = TRY(verify_model(options, plugins));
  for (const std::string& missing : found.engine->placement().missing)
    std::fprintf(stderr, "weft: %s\n", printable(missing).c_str());
  if (flags.shared.json) {
    std::printf("%s\n", verification_json(options, found).c_str());
  } else {
    std::fputs(verification_text(options, found).c_str(), stdout);
  }
  if (std::fflush(stdout) != 0) return Error{"cannot write the report to stdout", ErrorKind::usage};
  if (found.passes()) return {};
  return Error{found.wrong() > 0 ? "a backend does not compute what the reference computes"
                                 : "errors add up to more than is allowed",
               ErrorKind::check_failed};
}

}  // namespace

void add_verify(Program& program) {
  auto* verb = program.app.add_subcommand(
      "verify", "Each backend's part of a model against the reference; name the node at fault");
  verb->footer(
      "own error: the island on the reference's inputs; inherited: at the end of the chain. Exit\n"
      "code: 0 all islands are right, 1 one is not, 3 the model cannot be imported, 4 a backend\n"
      "fails.");
  auto flags = std::make_shared<VerifyFlags>();
  VerifyOptions& options = flags->options;
  const auto list = [&](const char* name, std::vector<std::string>& to, const char* what) {
    verb->add_option(name, to, what)->delimiter(',')->allow_extra_args(false);
  };
  verb->add_option("model", options.model, "Model folder, or an .onnx file in one")->required();
  list("--backend", flags->shared.backends, "Backends, most wanted first (a,b,c)");
  list("--prefill", flags->shared.prefill, "Backends for the prompt");
  list("--decode", flags->shared.decode, "Backends for generated tokens");
  verb->add_option("--require", flags->shared.require, "Fail if any node lands on another backend");
  verb->add_option("--rtol", options.tolerance.relative,
                   "Error allowed, relative to a value's largest element in the reference");
  verb->add_option("--atol", options.tolerance.absolute, "Error allowed on top of that");
  verb->add_option("--as", flags->way,
                   "Run as a session (ids, caches), as a graph (the file's own inputs), or auto")
      ->check(CLI::IsMember({"auto", "session", "graph"}));
  verb->add_option("-p,--prompt", flags->prompt, "Text to run a decoder on, without a template");
  verb->add_option("--prompt-ids", options.prompt, "The same as token ids")->delimiter(',');
  verb->add_option("--data", options.data,
                   "Inputs from a test_data_set_<n> folder, or the first one below the folder");
  verb->add_option("--length", options.choice.length,
                   "Tokens of a prompt of chance; the size of open dims (default 8)")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}));
  verb->add_option("--size", flags->sizes, "The size of one open dim: NAME=N")
      ->allow_extra_args(false);
  verb->add_option("--seed", options.choice.seed, "For inputs of chance (default 1)");
  verb->add_option("--out", options.out, "Write what is wrong to this folder, for `weft check`");
  verb->add_option("-t,--threads", flags->shared.threads, "Threads (0: all this process may use)");
  verb->add_flag("--json", flags->shared.json, "One JSON object on stdout instead of a table");
  verb->add_flag("--no-cache", flags->shared.no_cache,
                 "Neither read nor write the preparation cache");
  verb->add_option("--plugin", flags->shared.plugins, "A plugin file to load besides those found")
      ->allow_extra_args(false);
  verb->callback([&program, flags] { program.finish(verify(*flags)); });
}

}  // namespace weft::cli
