// One canonical graph: what is left of every small model of tests/data/tiny once it is canonical.
//
// Whoever exported it, a decoder is embeddings, norms, products, rotations, attention and
// activations: no mask, no position and no shape is computed at run time, and every cache is a
// state. The spellings of one architecture end in the same ops.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "core/ops/attention.h"
#include "core/passes/pass.h"
#include "importers/onnx/model.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

using Histogram = std::map<std::string, int>;

const fs::path kTiny = WEFT_TEST_DATA "/tiny";

// exporter/architecture of every model
std::vector<std::string> models() {
  std::vector<std::string> found;
  for (const auto& exporter : fs::directory_iterator(kTiny)) {
    if (!exporter.is_directory()) continue;
    for (const auto& model : fs::directory_iterator(exporter))
      if (fs::exists(model.path() / "model.onnx"))
        found.push_back(fs::relative(model.path(), kTiny).string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<ir::Graph> import_until(const std::string& model, passes::Stage stage) {
  ir::Graph graph = TRY(onnx::import((kTiny / model).string()));
  passes::Context context;
  TRY(passes::run(graph, context, stage));
  return graph;
}

size_t past_inputs(const ir::Graph& graph) {
  size_t count = 0;
  for (const ir::ValueId id : graph.inputs)
    count += graph[id].kind == ir::ValueKind::input && graph[id].type.shape.size() == 4;
  return count;
}

// Nodes of a mixture of experts, by the exporter's names: routing computes indices and shares.
bool routes(const ir::Node& node) {
  for (const char* part : {"mlp", "moe", "router", "expert", "block_sparse", "TopK", "topk"})
    if (node.name.find(part) != std::string::npos) return true;
  return false;
}

class CanonicalForm : public testing::TestWithParam<std::string> {
 protected:
  // Mixtures keep their arithmetic and indices under names that need not say so.
  bool is_mixture() const {
    return GetParam().find("moe") != std::string::npos ||
           GetParam().find("mixtral") != std::string::npos ||
           GetParam().find("gpt_oss") != std::string::npos;
  }
};

TEST_P(CanonicalForm, has_an_attention_per_layer_and_nothing_left_of_masks_and_positions) {
  auto original = onnx::import((kTiny / GetParam()).string());
  ASSERT_TRUE(original.ok()) << original.error().message;
  const size_t caches = past_inputs(*original);
  if (caches == 0) GTEST_SKIP() << "an encoder";
  auto graph = import_until(GetParam(), passes::Stage::canonical);
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  size_t attentions = 0, norms = 0;
  const std::set<std::string_view> spelled_out{
      "Softmax", "ReduceMean", "Sqrt",  "Reciprocal", "Cos",   "Sin",     "Shape", "Range",
      "Expand",  "Where",      "Trilu", "CumSum",     "IsNaN", "Sigmoid", "Erf"};
  for (const ir::NodeId id : graph->order()) {
    const ir::Node& node = (*graph)[id];
    attentions += ops::is_attention(node.op);
    norms += node.op == ir::Op::RMSNormalization || node.op == ir::Op::LayerNormalization;
    if (is_mixture() || routes(node)) continue;
    EXPECT_FALSE(spelled_out.contains(ir::name(node.op))) << ir::name(node.op) << " " << node.name;
    for (const ir::ValueId output : node.outputs) {
      if (output == ir::ValueId::none) continue;
      EXPECT_TRUE(ir::is_float((*graph)[output].type.dtype))
          << ir::name(node.op) << " '" << node.name << "' computes "
          << ir::str((*graph)[output].type) << " at run time";
    }
  }
  EXPECT_EQ(attentions, caches / 2);
  EXPECT_GE(norms, attentions);
}

TEST_P(CanonicalForm, keeps_every_cache_in_place) {
  auto original = onnx::import((kTiny / GetParam()).string());
  ASSERT_TRUE(original.ok()) << original.error().message;
  auto graph = import_until(GetParam(), passes::Stage::placed);
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_EQ(past_inputs(*graph), 0u);
  size_t states = 0, placed = 0;
  for (const ir::ValueId id : graph->inputs) states += (*graph)[id].kind == ir::ValueKind::state;
  for (const ir::NodeId id : graph->order()) {
    const ir::Node& node = (*graph)[id];
    if (node.op == ir::Op::TensorScatter) placed += (*graph)[node.inputs[1]].placement.has_value();
  }
  EXPECT_EQ(states, past_inputs(*original));
  EXPECT_EQ(placed, states) << "new keys and values are not written where they stay";
}

std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  for (char& c : name) c = std::isalnum(uint8_t(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Tiny, CanonicalForm, testing::ValuesIn(models()), test_name);

std::string str(const Histogram& histogram) {
  std::string text;
  for (const auto& [op, count] : histogram) text += op + " " + std::to_string(count) + ", ";
  return text;
}

TEST(CanonicalForms, of_one_architecture_are_the_same_whoever_exported_it) {
  const std::set<std::string> architectures{"llama",  "llama3_rope", "qwen2", "phi3",
                                            "gemma2", "gpt2",        "opt",   "bloom"};
  std::map<std::string, std::map<std::string, std::vector<std::string>>> found;
  for (const std::string& model : models()) {
    const std::string architecture = fs::path(model).filename();
    if (!architectures.contains(architecture)) continue;
    auto graph = import_until(model, passes::Stage::canonical);
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    Histogram histogram;
    for (const ir::NodeId id : graph->order()) ++histogram[std::string(ir::name((*graph)[id].op))];
    found[architecture][str(histogram)].push_back(model);
  }
  EXPECT_EQ(found.size(), architectures.size());
  for (const auto& [architecture, histograms] : found) {
    size_t spellings = 0;
    for (const auto& [histogram, exporters] : histograms) spellings += exporters.size();
    EXPECT_GE(spellings,
              architecture == "gpt2" || architecture == "opt" || architecture == "bloom" ? 3u : 5u);
    EXPECT_EQ(histograms.size(), 1u) << architecture;
    for (const auto& [histogram, exporters] : histograms)
      if (histograms.size() > 1) ADD_FAILURE() << exporters[0] << ": " << histogram;
  }
}

}  // namespace
}  // namespace weft
