// Comparing the cpu plugin, on every instruction set this processor has, with the reference plugin.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "tests/plugins/harness.h"

namespace weft::test {

// base and whatever else can be opened here.
inline std::vector<std::string> instruction_sets() {
  std::vector<std::string> found;
  for (const char* isa :
       {"base", "avx2", "avxvnni", "avx512", "vnni", "bf16", "amx", "amx_emulated"}) {
    try {
      Device device("cpu", 1, {{"isa", isa}});
      found.push_back(isa);
    } catch (const std::exception&) {
    }
  }
  return found;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  float real(float low = -1, float high = 1) {
    return std::uniform_real_distribution<float>(low, high)(engine_);
  }
  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }
  std::vector<float> reals(int64_t n, float low = -1, float high = 1) {
    std::vector<float> out;
    for (int64_t i = 0; i < n; i++) out.push_back(real(low, high));
    return out;
  }

 private:
  std::mt19937 engine_;
};

inline void expect_near(const std::vector<float>& got, const std::vector<float>& want,
                        float tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  float scale = 0;
  for (float w : want) scale = std::max(scale, std::fabs(w));
  for (size_t i = 0; i < want.size(); i++)
    ASSERT_LE(std::fabs(got[i] - want[i]), tolerance * std::max(scale, 1e-3f))
        << what << ", element " << i << ": " << got[i] << " instead of " << want[i];
}

// Runs the graph on the reference and on every instruction set, with views at three addresses and
// teams of one and three, and expects the same floats (or the same bytes for other types).
inline void expect_like_reference(Graph& g, const std::string& what, float tolerance = 1e-5f,
                                  RunOptions options = {}, const std::string& compute = "f32") {
  Device reference("reference");
  const std::vector<Data> want = reference.run(g, options);
  const uint64_t offsets[] = {0, 8, 72};
  uint32_t turn = 0;
  for (const std::string& isa : instruction_sets()) {
    for (uint32_t threads : {1u, 3u}) {
      Device cpu("cpu", threads, {{"isa", isa}, {"compute", compute}});
      options.view_offset = offsets[turn % 3];
      options.workspace_offset = turn++ % 3 * 64;
      const std::vector<Data> got = cpu.run(g, options);
      const std::string label = what + " on " + isa + ", threads " + std::to_string(threads);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); i++) {
        if (want[i].dtype == WEFT_F32) {
          expect_near(got[i].floats(), want[i].floats(), tolerance, label);
        } else {
          ASSERT_EQ(got[i].bytes, want[i].bytes) << label;
        }
      }
    }
  }
}

}  // namespace weft::test
