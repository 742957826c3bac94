// Integer products for tests of the vulkan_npu plugin, and whether it can be tested here.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/plugins/compare.h"
#include "tests/plugins/targets.h"

namespace weft::test {

// Skips a test without a device, unless the environment says that there must be one.
#define NEEDS_NPU()                                         \
  if (const std::string why = why_no_npu(); !why.empty()) { \
    if (is_required("vulkan_npu")) FAIL() << why;           \
    GTEST_SKIP() << why;                                    \
  }

inline std::string why_no_npu() {
  try {
    Device device("vulkan_npu");
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// The device; a message of Vulkan's validation layer, where the environment loads it, is a failure.
class Npu : public Device {
 public:
  Npu(std::initializer_list<std::pair<const std::string, std::string>> options = {})
      : Device("vulkan_npu", 1, options) {}
  ~Npu() {
    for (const std::string& line : warnings()) {
      const bool validation =
          line.find("VUID") != std::string::npos || line.find("SYNC-HAZARD") != std::string::npos;
      if (validation && !expects_messages) ADD_FAILURE() << line;
    }
  }
  bool expects_messages = false;
};

inline Data codes(std::vector<int64_t> shape, uint32_t seed, int low = -128, int high = 127) {
  Data data = Data::zeros(WEFT_I8, std::move(shape));
  Random random(seed);
  for (char& byte : data.bytes) byte = char(random.integer(low, high));
  return data;
}

struct IntegerCase {
  int64_t m = 1, k = 1, n = 1;
  int low = -128, high = 127;  // of all codes
  bool column_major = false;
};

inline std::string name_of(const IntegerCase& c) {
  return std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n) +
         (c.column_major ? " by columns" : "") + " in [" + std::to_string(c.low) + ", " +
         std::to_string(c.high) + "]";
}

// The weight of a case; stored by columns when it says so.
inline uint32_t integer_weight(Graph& g, const IntegerCase& c, uint32_t seed = 2) {
  const Data stored = codes({c.k, c.n}, seed, c.low, c.high);
  const uint32_t w = g.constant("w", stored);
  if (!c.column_major) return w;
  // [N, K] stored by rows, seen as its transpose.
  const uint32_t turned = g.constant("turned", codes({c.n, c.k}, seed, c.low, c.high));
  return g.transposed("seen", turned);
}

// y = a w, exact sums.
inline void matmul_integer(Graph& g, const IntegerCase& c) {
  const uint32_t a = g.input("a", codes({c.m, c.k}, 1, c.low, c.high));
  const uint32_t y = g.activation("y", WEFT_I32, {c.m, c.n});
  g.node("MatMulInteger", {a, integer_weight(g, c)}, {y});
  g.outputs = {y};
}

inline uint32_t scalar(Graph& g, const std::string& name, float value) {
  return g.constant(name, Data::floats({}, {value}));
}

// The seven other inputs of QLinearMatMul around `a` and a weight of `n` columns.
inline std::vector<uint32_t> qlinear_inputs(Graph& g, uint32_t a, uint32_t w, int64_t n,
                                            float y_scale, bool per_column, int zero = 0) {
  std::vector<float> scales(size_t(per_column ? n : 1));
  Random random(3);
  for (float& scale : scales) scale = random.real(0.001f, 0.02f);
  const std::vector<int64_t> shape = per_column ? std::vector<int64_t>{n} : std::vector<int64_t>{};
  const uint32_t none = g.constant("none", codes({}, 1, 0, 0));
  return {a,
          scalar(g, "a_scale", 0.013f),
          none,
          w,
          g.constant("w_scale", Data::floats(shape, scales)),
          none,
          scalar(g, "y_scale", y_scale),
          g.constant("y_zero", codes({}, 1, zero, zero))};
}

inline void qlinear_matmul(Graph& g, const IntegerCase& c, float y_scale, bool per_column,
                           int zero = 0) {
  const uint32_t a = g.input("a", codes({c.m, c.k}, 1, c.low, c.high));
  const uint32_t y = g.activation("y", WEFT_I8, {c.m, c.n});
  g.node("QLinearMatMul",
         qlinear_inputs(g, a, integer_weight(g, c), c.n, y_scale, per_column, zero), {y});
  g.outputs = {y};
}

}  // namespace weft::test
