// Graphs of one op, and what goes into them, for the tests of every backend.
#pragma once

#include "tests/plugins/compare.h"

namespace weft::test {

inline Data random_floats(std::vector<int64_t> shape, uint32_t seed, float low = -3,
                          float high = 3) {
  Data data = Data::zeros(WEFT_F32, shape);
  return Data::floats(shape, Random(seed).reals(data.count(), low, high));
}

inline std::vector<D> dims(const std::vector<int64_t>& shape) {
  return std::vector<D>(shape.begin(), shape.end());
}

// y = op(x) of n floats, positive ones where the op wants them.
inline Graph unary(const std::string& op, int64_t n) {
  const bool positive = op == "Sqrt" || op == "Log" || op == "Reciprocal";
  Graph g;
  const uint32_t x = g.input("x", random_floats({n}, 2, positive ? 0.1f : -20, 20));
  const uint32_t y = g.activation("y", WEFT_F32, {n});
  g.node(op, {x}, {y});
  g.outputs = {y};
  return g;
}

// The shapes of an op of two inputs.
struct Shapes {
  std::vector<int64_t> a, b, y;
};

// y = op(a, b); b is kept from 0, so that it can divide.
inline Graph binary(const std::string& op, const Shapes& shapes) {
  Graph g;
  const uint32_t a = g.input("a", random_floats(shapes.a, 1));
  const uint32_t b = g.input("b", random_floats(shapes.b, 2, 0.5f, 2));
  const uint32_t y = g.activation("y", WEFT_F32, dims(shapes.y));
  g.node(op, {a, b}, {y});
  g.outputs = {y};
  return g;
}

}  // namespace weft::test
