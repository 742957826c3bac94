// weft check: a model with ONNX test data beside it, run and compared with what the data expects.
//
//   weft check FOLDER...                             every folder with test_data_set_* at or below
//   weft check FOLDER --backend cpu --backend opencl,cpu     once on each list of backends
#include <cstdio>

#include "tools/weft/check_report.h"
#include "tools/weft/load.h"
#include "tools/weft/printable.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct CheckFlags {
  std::vector<std::string> folders;
  std::vector<std::string> backends;  // lists, each "a,b"
  std::vector<std::string> plugins;
  std::string require, way = "auto";
  ops::Tolerance tolerance;
  int threads = 0;
  bool json = false, markdown = false, no_cache = false;
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> names(1);
  for (const char c : list) {
    if (c == ',') names.emplace_back();
    if (c != ',') names.back() += c;
  }
  std::erase(names, "");
  return names;
}

// Every backend that any run needs, in the form the loader of plugins takes.
Flags shared_flags(const CheckFlags& flags, const std::vector<std::vector<std::string>>& lists) {
  Flags shared;
  shared.backends.clear();
  for (const auto& list : lists)
    shared.backends.insert(shared.backends.end(), list.begin(), list.end());
  shared.plugins.assign(flags.plugins.begin(), flags.plugins.end());
  shared.threads = flags.threads;
  shared.no_cache = flags.no_cache;
  return shared;
}

// The error that the exit code tells of.
Status verdict(const std::vector<FolderCheck>& checks) {
  size_t failed = 0;
  ErrorKind kind = ErrorKind::check_failed;
  bool mismatch = false;
  for (const FolderCheck& check : checks) {
    if (check.passes()) continue;
    ++failed;
    const Error* error = check.first_error();
    if (error && kind == ErrorKind::check_failed) kind = error->kind;
    mismatch = mismatch || !error;
  }
  if (failed == 0) return {};
  return Error{
      std::to_string(failed) + " of " + std::to_string(checks.size()) + " checks do not pass",
      mismatch ? ErrorKind::check_failed : kind};
}

Status check(const CheckFlags& flags) {
  if (flags.tolerance.relative < 0 || flags.tolerance.absolute < 0)
    return Error{"--rtol and --atol take numbers from 0 up", ErrorKind::usage};
  std::vector<std::vector<std::string>> lists;
  for (const std::string& list : flags.backends) {
    lists.push_back(split(list));
    if (lists.back().empty()) return Error{"--backend names no backend", ErrorKind::usage};
  }
  if (lists.empty()) lists = {{"cpu", "reference"}};
  std::vector<std::filesystem::path> folders;
  for (const std::string& folder : flags.folders) {
    for (auto& found : TRY(find_test_folders(folder))) folders.push_back(std::move(found));
  }
  const auto plugins = load_plugins(shared_flags(flags, lists));
  std::vector<FolderCheck> checks;
  for (const auto& list : lists) {
    CheckOptions options;
    options.tolerance = flags.tolerance;
    if (flags.way != "auto")
      options.way = flags.way == "session" ? CheckWay::session : CheckWay::graph;
    options.engine.backends = list;
    options.engine.require = flags.require;
    if (!flags.no_cache) options.engine.cache_folder = runtime::default_cache_folder();
    options.engine.cache_limit = runtime::default_cache_limit();
    for (const auto& folder : folders) {
      options.engine.model = cache_name(folder);
      checks.push_back(check_folder(folder, plugins, options));
      if (flags.json || flags.markdown) continue;
      std::printf("%s\n", printable(check_line(checks.back())).c_str());
      std::fflush(stdout);
    }
  }
  if (flags.json) std::printf("%s\n", checks_json(checks).c_str());
  if (flags.markdown) std::fputs(checks_markdown(checks).c_str(), stdout);
  if (std::fflush(stdout) != 0) return Error{"cannot write the report to stdout", ErrorKind::usage};
  return verdict(checks);
}

}  // namespace

void add_check(Program& program) {
  auto* verb = program.app.add_subcommand("check", "Compare models with the test data beside them");
  verb->footer(
      "A folder holds a model and test_data_set_<n>/input_<k>.pb, output_<k>.pb. Sets named\n"
      "..._exact are preferred. Exit code: 0 all pass, 1 an output differs, 3 a model cannot be\n"
      "imported.");
  auto flags = std::make_shared<CheckFlags>();
  verb->add_option("folders", flags->folders, "Folders with test data, at any depth")->required();
  verb->add_option("--backend", flags->backends,
                   "Backends, most wanted first (a,b,c); repeated: one run for each list")
      ->allow_extra_args(false);
  verb->add_option("--require", flags->require, "Fail if any node lands on another backend");
  verb->add_option("--rtol", flags->tolerance.relative,
                   "Error allowed, relative to an output's largest expected value");
  verb->add_option("--atol", flags->tolerance.absolute, "Error allowed on top of that");
  verb->add_option("--as", flags->way,
                   "Run as a session (ids, caches), as a graph (the file's own inputs), or auto")
      ->check(CLI::IsMember({"auto", "session", "graph"}));
  verb->add_option("-t,--threads", flags->threads, "Threads (0: all this process may use)");
  verb->add_flag("--json", flags->json, "One JSON object on stdout instead of lines");
  verb->add_flag("--markdown", flags->markdown, "Tables for a document instead of lines")
      ->excludes("--json");
  verb->add_flag("--no-cache", flags->no_cache, "Neither read nor write the preparation cache");
  verb->add_option("--plugin", flags->plugins, "A plugin file to load besides those found")
      ->allow_extra_args(false);
  verb->callback([&program, flags] { program.finish(check(*flags)); });
}

}  // namespace weft::cli
