// weft cache: what the preparation cache holds, and making room.
//
//   weft cache list            entries, last used first
//   weft cache clear           all of them, with the drivers' compiled kernels
//   weft cache clear MODEL     those of one model
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/base/content_hash.h"
#include "core/runtime/task_times.h"
#include "tools/weft/load.h"
#include "tools/weft/printable.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using runtime::CacheFile;

struct CacheFlags {
  std::string model;  // clear: of one model; empty: all
  bool json = false;
};

std::string size_text(int64_t bytes) {
  if (bytes < 1 << 20) return fmt::format("{:.1f} KiB", double(bytes) / 1024);
  if (bytes < int64_t{1} << 30) return fmt::format("{:.1f} MiB", double(bytes) / (1 << 20));
  return fmt::format("{:.2f} GiB", double(bytes) / double(int64_t{1} << 30));
}

std::string age_text(int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", std::max<int64_t>(seconds, 0));
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

int64_t total_bytes(const std::vector<CacheFile>& files) {
  int64_t total = 0;
  for (const CacheFile& file : files) total += file.size_bytes;
  return total;
}

// Bytes of the files below `folder`.
int64_t bytes_below(const fs::path& folder) {
  int64_t total = 0;
  std::error_code error, ignored;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(ignored)) total += int64_t(it->file_size(ignored));
  }
  return total;
}

Result<fs::path> cache_folder() {
  fs::path folder = runtime::default_cache_folder();
  if (folder.empty()) {
    return Error{"there is no cache: neither WEFT_CACHE_DIR nor HOME is set", ErrorKind::usage};
  }
  return folder;
}

std::string limit_text(int64_t limit) {
  return limit == runtime::kNoCacheLimit ? "no limit" : "of " + size_text(limit) + " at most";
}

void print_table(const std::vector<CacheFile>& files, int64_t now) {
  fmt::print("{:>10}  {:>8}  {:>8}  {:<28}  {}\n", "size", "used", "made", "plugin", "model");
  for (const CacheFile& file : files) {
    const auto& d = file.description;
    if (!file.readable) {
      fmt::print("{:>10}  {:>8}  {:>8}  {:<28}  {}\n", size_text(file.size_bytes),
                 age_text(now - file.used), "-", "-",
                 "(damaged, or of another version; nothing uses it)");
      continue;
    }
    fmt::print("{:>10}  {:>8}  {:>8}  {:<28}  {} ({} nodes)\n", size_text(file.size_bytes),
               age_text(now - file.used), age_text(now - d.created), printable(d.plugin),
               printable(d.model.empty() ? "(not named)" : d.model), d.nodes);
  }
}

Status list(const CacheFlags& flags) {
  const fs::path folder = TRY(cache_folder());
  const auto files = runtime::list_cache(folder);
  const int64_t now = int64_t(std::time(nullptr)), limit = runtime::default_cache_limit();
  const int64_t drivers = bytes_below(folder / "drivers");
  if (flags.json) {
    ordered_json rows = ordered_json::array();
    for (const CacheFile& file : files) {
      const auto& d = file.description;
      ordered_json row = {{"file", file.path.string()},
                          {"size_bytes", file.size_bytes},
                          {"used", file.used},
                          {"readable", file.readable}};
      if (file.readable) {
        row.update({{"created", d.created},
                    {"model", d.model},
                    {"plugin", d.plugin},
                    {"device", d.device},
                    {"nodes", d.nodes}});
      }
      rows.push_back(std::move(row));
    }
    ordered_json out = {{"version", 1},
                        {"folder", folder.string()},
                        {"entries", std::move(rows)},
                        {"total_bytes", total_bytes(files)},
                        {"drivers_bytes", drivers}};
    if (limit != runtime::kNoCacheLimit) out["limit_bytes"] = limit;
    fmt::print("{}\n", out.dump(1, ' ', false, ordered_json::error_handler_t::replace));
    return {};
  }
  if (!files.empty()) print_table(files, now);
  fmt::print("{} {} in {}, {} ({})\n", files.size(), files.size() == 1 ? "entry" : "entries",
             printable(folder.string()), size_text(total_bytes(files)), limit_text(limit));
  if (drivers > 0) fmt::print("kernels that drivers compiled: {}\n", size_text(drivers));
  return {};
}

// Whether an entry is what `name` calls: a model's path, or the last part of one.
bool is_of(const CacheFile& file, const std::string& name) {
  const std::string& model = file.description.model;
  return file.readable && !model.empty() &&
         (model == name || model == cache_name(name) || fs::path(model).filename() == name ||
          fs::path(model).parent_path() == cache_name(name));
}

// Marks of plugins that passed their trial, hashes of weight files, times of stages, what drivers
// compiled, and leftovers.
int64_t clear_rest(const fs::path& folder) {
  std::vector<fs::path> rest = runtime::leftovers(folder);
  std::error_code error, ignored;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path extension = it->path().extension();
    if (extension == ".probed" || extension == kContentSuffix ||
        extension == runtime::kTaskTimesSuffix)
      rest.push_back(it->path());
  }
  for (const fs::path& path : rest) fs::remove(path, ignored);
  const int64_t bytes = bytes_below(folder / "drivers");
  fs::remove_all(folder / "drivers", ignored);
  return bytes;
}

Status clear(const CacheFlags& flags) {
  const fs::path folder = TRY(cache_folder());
  std::vector<CacheFile> files = runtime::list_cache(folder);
  if (!flags.model.empty())
    std::erase_if(files, [&](const CacheFile& file) { return !is_of(file, flags.model); });
  if (!flags.model.empty() && files.empty()) {
    return Error{"no entry is of the model '" + flags.model + "'; `weft cache list` shows them",
                 ErrorKind::usage};
  }
  for (const CacheFile& file : files) {
    std::error_code error;
    fs::remove(file.path, error);
    if (error) {
      return Error{"cannot remove " + file.path.string() + ": " + error.message(),
                   ErrorKind::usage};
    }
  }
  const int64_t drivers = flags.model.empty() ? clear_rest(folder) : 0;
  if (flags.json) {
    fmt::print("{}\n", ordered_json{{"version", 1},
                                    {"folder", folder.string()},
                                    {"removed", files.size()},
                                    {"removed_bytes", total_bytes(files)},
                                    {"removed_drivers_bytes", drivers}}
                           .dump(1));
    return {};
  }
  fmt::print("removed {} {}, {}", files.size(), files.size() == 1 ? "entry" : "entries",
             size_text(total_bytes(files)));
  if (drivers > 0) fmt::print(", and {} of kernels that drivers compiled", size_text(drivers));
  fmt::print("\n");
  return {};
}

Status finished(Status status) {
  if (status.ok() && std::fflush(stdout) != 0)
    return Error{"cannot write to stdout", ErrorKind::usage};
  return status;
}

}  // namespace

void add_cache(Program& program) {
  auto* verb = program.app.add_subcommand("cache", "List or clear what was prepared before");
  verb->footer(
      "The folder is $WEFT_CACHE_DIR, else $XDG_CACHE_HOME/weft, else ~/.cache/weft. What was "
      "used\n"
      "least recently goes when there is more than $WEFT_CACHE_LIMIT (500M, 8G, none; default "
      "4G).");
  verb->require_subcommand(1);
  auto flags = std::make_shared<CacheFlags>();
  auto* list_verb = verb->add_subcommand("list", "Entries, last used first");
  auto* clear_verb = verb->add_subcommand("clear", "Remove all entries, or those of a model");
  for (auto* one : {list_verb, clear_verb})
    one->add_flag("--json", flags->json, "One JSON object on stdout instead of text");
  clear_verb->add_option("model", flags->model, "Model folder or file, or its last name");
  list_verb->callback([&program, flags] { program.finish(finished(list(*flags))); });
  clear_verb->callback([&program, flags] { program.finish(finished(clear(*flags))); });
}

}  // namespace weft::cli
