// weft run: one prompt, one answer, streamed to stdout.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <future>
#include <sstream>

#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"
#include "tools/weft/generate.h"
#include "tools/weft/load.h"
#include "tools/weft/npy.h"
#include "tools/weft/progress.h"
#include "tools/weft/report.h"
#include "tools/weft/sampler_flags.h"
#include "tools/weft/trace_file.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct RunFlags : Flags {
  std::string prompt, system;
  std::filesystem::path prompt_file;
  std::vector<int64_t> prompt_ids;
  bool raw = false;
  int64_t max_tokens = 256;
  text::SamplerOptions sampler;
};

volatile bool interrupted = false;

Result<std::string> read_prompt(const RunFlags& flags) {
  if (flags.prompt_file.empty()) return flags.prompt;
  std::ifstream file;
  std::ostringstream text;
  if (flags.prompt_file == "-") {
    char buffer[4096];
    for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;)
      text.write(buffer, std::streamsize(n));
  } else {
    file.open(flags.prompt_file, std::ios::binary);
    if (!file)
      return Error{"cannot read the prompt file " + flags.prompt_file.string(), ErrorKind::usage};
    text << file.rdbuf();
  }
  return text.str();
}

Result<std::vector<int64_t>> prompt_tokens(const RunFlags& flags, const ModelFolder& folder,
                                           const text::Tokenizer& tokenizer) {
  if (!flags.prompt_ids.empty()) return flags.prompt_ids;
  const std::string prompt = TRY(read_prompt(flags));
  if (prompt.empty()) return Error{"the prompt is empty; -p or -f gives one", ErrorKind::usage};
  std::vector<int64_t> ids;
  if (flags.raw) {
    ids = tokenizer.encode(prompt, true, true);
  } else {
    const auto chat = text::load_chat_template(folder.folder);
    if (!chat.ok()) return Error{chat.error().message + "; --raw runs without a template"};
    std::vector<text::ChatMessage> messages;
    if (!flags.system.empty()) messages.push_back({"system", flags.system});
    messages.push_back({"user", prompt});
    ids = tokenizer.encode(TRY(chat->render(messages, {})), true);
  }
  if (ids.empty()) return Error{"the prompt has no tokens", ErrorKind::usage};
  return ids;
}

// Logits of every prompt position, chunk by chunk; leaves the session as if nothing had been fed.
Status write_logits(const RunFlags& flags, Loaded& loaded, std::span<const int64_t> prompt) {
  runtime::Session& session = *loaded.session;
  NpyWriter out =
      TRY(NpyWriter::create(flags.logits, int64_t(prompt.size()), session.vocabulary()));
  const size_t chunk = size_t(loaded.engine->options().chunk);
  for (size_t done = 0; done < prompt.size(); done += chunk) {
    const auto part = prompt.subspan(done, std::min(chunk, prompt.size() - done));
    TRY(out.write(TRY(session.feed(part, int64_t(part.size())))));
  }
  TRY(out.finish());
  return session.truncate(0);
}

Status check_ids(std::span<const int64_t> ids, const runtime::Session& session) {
  for (const int64_t id : ids) {
    if (id < 0 || id >= session.vocabulary()) {
      return Error{"token id " + std::to_string(id) + " is outside the vocabulary of " +
                       std::to_string(session.vocabulary()),
                   ErrorKind::usage};
    }
  }
  return {};
}

Status answer(const RunFlags& flags, Loaded& loaded, const ModelFolder& folder,
              const text::Tokenizer& tokenizer, std::span<const int64_t> prompt) {
  runtime::Session& session = *loaded.session;
  text::Sampler sampler = TRY(text::Sampler::create(flags.sampler, session.vocabulary()));
  text::Detokenizer detokenizer(tokenizer, true);
  std::string shown;
  GenerateOptions options;
  options.max_tokens = flags.max_tokens;
  options.end_tokens = folder.end_tokens;
  options.stop = &interrupted;
  shown.reserve(size_t(flags.max_tokens) * 16 + 64);
  options.on_text = [&](std::string_view piece) {
    shown += piece;
    if (flags.json) return;
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  };
  const bool shows_progress = isatty(STDERR_FILENO) && int64_t(prompt.size()) > flags.chunk;
  options.on_prompt = [&](int64_t done) {
    if (shows_progress) show_prompt_progress(size_t(done), prompt.size());
    return !interrupted;
  };
  const Generation generation = TRY(generate(session, sampler, detokenizer, prompt, options));
  const RunReport report{loaded, flags, generation, prompt, shown};
  if (flags.json) {
    std::printf("%s\n", to_json(report).c_str());
  } else if (flags.max_tokens > 0) {
    std::printf("\n");
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return Error{"cannot write the answer to stdout", ErrorKind::usage};
  if (flags.stats) print_stats(report);
  return {};
}

Status run(const RunFlags& flags) {
  TRY(check(flags));
  TRY(check(flags.sampler));
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  const text::Tokenizer tokenizer =
      TRY(text::Tokenizer::load(folder.folder / "tokenizer.json"), "the model folder's tokenizer");
  const std::vector<int64_t> prompt = TRY(prompt_tokens(flags, folder, tokenizer));
  const int64_t capacity = TRY(choose_capacity(flags, folder, int64_t(prompt.size())));
  Loaded loaded = TRY(load(flags, capacity));
  TRY(check_ids(prompt, *loaded.session));
  if (!flags.logits.empty()) TRY(write_logits(flags, loaded, prompt));
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  Trace trace;
  if (!flags.trace.empty()) trace.watch(*loaded.session);
  TRY(answer(flags, loaded, folder, tokenizer, prompt));
  if (!flags.trace.empty()) TRY(trace.write(flags.trace, *loaded.session));
  return {};
}

}  // namespace

void add_run(Program& program) {
  auto* verb = program.app.add_subcommand("run", "Answer one prompt");
  auto flags = std::make_shared<RunFlags>();
  add_shared_flags(*verb, *flags);
  verb->add_option("-p,--prompt", flags->prompt, "The prompt");
  verb->add_option("-f,--file", flags->prompt_file, "Read the prompt from a file ('-': stdin)");
  verb->add_option("--system", flags->system, "System message before the prompt");
  verb->add_option("--prompt-ids", flags->prompt_ids, "The prompt as token ids (1,2,3)")
      ->delimiter(',');
  verb->add_flag("--raw", flags->raw, "Feed the prompt as it is, without the chat template");
  verb->add_option("-n,--predict", flags->max_tokens, "Most tokens to generate")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--logits", flags->logits,
                   "Write the prompt's logits [tokens, vocabulary] (.npy)");
  verb->add_option("--trace", flags->trace, "Write a trace that Perfetto and Chrome open");
  add_sampler_flags(*verb, flags->sampler);
  verb->callback([&program, flags] {
    program.finish(run(*flags));
    if (interrupted) program.exit_code = 130;
  });
}

}  // namespace weft::cli
