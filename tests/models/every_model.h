// The models of property tests: every fixture in tests/data/tiny, and the real exports where
// WEFT_TEST_MODELS names a folder of them. Also how many random sizes each is tried at: few by
// default, WEFT_BINDINGS (1000 in the long run) when it is set.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/sym/bounds.h"
#include "core/sym/dim.h"

namespace weft::test {

struct EveryModel {
  std::filesystem::path folder;
  bool real = false;  // one of WEFT_TEST_MODELS: large
};
inline std::ostream& operator<<(std::ostream& out, const EveryModel& model) {
  return out << model.folder.string();
}

inline std::vector<EveryModel> every_model() {
  namespace fs = std::filesystem;
  std::vector<EveryModel> models;
  for (const auto& entry : fs::recursive_directory_iterator(WEFT_TEST_DATA "/tiny")) {
    if (entry.path().filename() == "model.onnx") models.push_back({entry.path().parent_path()});
  }
  if (const char* real = std::getenv("WEFT_TEST_MODELS")) {
    for (const auto& entry : fs::directory_iterator(real)) {
      if (fs::exists(entry.path() / "model.onnx")) models.push_back({entry.path(), true});
    }
  }
  std::sort(models.begin(), models.end(),
            [](const EveryModel& a, const EveryModel& b) { return a.folder < b.folder; });
  return models;
}

// "optimum_llama" of ".../optimum/llama".
inline std::string model_name(const testing::TestParamInfo<EveryModel>& test) {
  const std::filesystem::path& folder = test.param.folder;
  std::string name = folder.parent_path().filename().string() + "_" + folder.filename().string();
  for (char& c : name) c = std::isalnum(uint8_t(c)) ? c : '_';
  return name;
}

// Random sizes to try a model at; a real one takes a hundred times as long, and sanitized code
// twenty times.
inline int binding_count([[maybe_unused]] const EveryModel& model) {
  const char* wanted = std::getenv("WEFT_BINDINGS");
  if (wanted) return std::max(1, std::atoi(wanted));
#ifdef __SANITIZE_ADDRESS__
  return 1;
#else
  return model.real ? 2 : 20;
#endif
}

// Positions that a session with these limits can be at: 1 <= rows <= seq <= chunk and
// seq + past <= capacity. Lengths are small as often as large.
struct Sizes {
  int64_t batch = 1, seq = 1, past = 0, rows = 1;
};
inline Sizes random_sizes(std::mt19937_64& random, int64_t chunk, int64_t capacity) {
  const auto below = [&](int64_t most) {  // 0 to most
    const auto uniform = [&](int64_t end) { return int64_t(random() % uint64_t(end + 1)); };
    return random() % 2 ? uniform(most) : uniform(std::min<int64_t>(most, 4));
  };
  Sizes sizes;
  sizes.batch = 1 + below(3);
  sizes.seq = 1 + below(std::min(chunk, capacity) - 1);
  sizes.past = below(capacity - sizes.seq);
  sizes.rows = 1 + below(sizes.seq - 1);
  return sizes;
}

// The value of a symbol by what exporters call it: batch, past and total lengths; all other symbols
// are the length of the run. `known` limits it.
inline int64_t value_of_symbol(const std::string& name, const Sizes& sizes) {
  if (name.starts_with("batch")) return sizes.batch;
  if (name.starts_with("past")) return sizes.past;
  if (name.starts_with("total")) return sizes.past + sizes.seq;
  if (name.starts_with("row")) return sizes.rows;
  return sizes.seq;
}

inline sym::Bindings bindings_of(const std::set<std::string>& symbols, const Sizes& sizes) {
  sym::Bindings bindings;
  for (const std::string& symbol : symbols) bindings[symbol] = value_of_symbol(symbol, sizes);
  return bindings;
}

}  // namespace weft::test
