// Passes, as text: each file of tests/graphs is a graph before, a pass, and the graph after.
//
//   --- in
//   graph "..." { ... }
//   --- pass fuse_swish
//   --- out
//   graph "..." { ... }
//
// UPDATE_EXPECT=1 rewrites the third part; a person reads the difference. A file may hold several
// cases.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/ir/text.h"
#include "core/ops/infer_graph.h"
#include "core/passes/pass.h"

namespace weft::passes {
namespace {

struct Case {
  std::string note, in, pass, out;
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Case> cases;
  std::string* part = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("--- in")) {
      cases.push_back({line.size() > 7 ? line.substr(7) : "", "", "", ""});
      part = &cases.back().in;
    } else if (line.starts_with("--- pass ")) {
      cases.back().pass = line.substr(9);
      part = nullptr;
    } else if (line.starts_with("--- out")) {
      part = &cases.back().out;
    } else if (part) {
      *part += line + "\n";
    }
  }
  return cases;
}

std::string run_case(const Case& c) {
  auto graph = ir::parse(c.in);
  if (!graph.ok()) return "error: " + graph.error().message + "\n";
  if (auto typed = ops::infer_types(*graph); !typed.ok())
    return "error: " + typed.error().message + "\n";
  Context context;
  context.options.capacity = 64;
  context.options.chunk = 16;
  // "--- pass alias_kv_cache f16": the element type of caches.
  std::string pass = c.pass;
  for (const ir::DType type : {ir::DType::f16, ir::DType::i8}) {
    const std::string suffix = " " + std::string(ir::name(type));
    if (!pass.ends_with(suffix)) continue;
    pass.resize(pass.size() - suffix.size());
    context.options.key_type = context.options.value_type = type;
  }
  if (auto ran = run_one(*graph, context, pass); !ran.ok()) {
    return "error: " + ran.error().message + "\n";
  }
  return ir::print(*graph);
}

class GraphText : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GraphText, becomes_what_the_file_says) {
  std::vector<Case> cases = read_cases(GetParam());
  ASSERT_FALSE(cases.empty()) << GetParam();
  const bool update = std::getenv("UPDATE_EXPECT") != nullptr;
  std::ostringstream updated;
  for (Case& c : cases) {
    const std::string out = run_case(c);
    EXPECT_TRUE(update || out == c.out) << GetParam() << " " << c.note << "\ngives\n" << out;
    updated << "--- in" << (c.note.empty() ? "" : " " + c.note) << "\n"
            << c.in << "--- pass " << c.pass << "\n--- out\n"
            << out;
  }
  if (update) std::ofstream(GetParam()) << updated.str();
}

std::vector<std::filesystem::path> graph_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(WEFT_TEST_GRAPHS)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Passes, GraphText, testing::ValuesIn(graph_files()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(Pipeline, every_pass_has_a_text) {
  for (const Step& step : pipeline()) {
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(WEFT_TEST_GRAPHS) /
                                        (std::string(step.name) + ".txt")))
        << "tests/graphs/" << step.name << ".txt is missing";
  }
}

}  // namespace
}  // namespace weft::passes
