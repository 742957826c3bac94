// The cpu's steps of an int8 linear against the reference on every instruction set: codes, packed
// products, reals again, and what codes leave out. Integers are equal to the bit; a row's floats do
// not depend on its neighbours, on threads, or on which rows of w are hot.
#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

Data bytes_of(std::vector<int64_t> shape, uint32_t seed) {
  Data data = Data::zeros(WEFT_I8, std::move(shape));
  Random random(seed);
  for (char& byte : data.bytes) byte = char(random.integer(-128, 127));
  return data;
}

struct Size {
  int64_t rows, k, n;
};
// One row, whole tiles, tails of every kind, more rows than a slab, more columns than a stretch.
constexpr Size kSizes[] = {{1, 4, 16},   {1, 576, 192}, {3, 7, 5},     {13, 33, 70},
                           {12, 64, 32}, {121, 40, 33}, {500, 12, 50}, {5, 96, 600}};

TEST(CpuInt8Linear, packed_products_are_exact) {
  for (const Size& size : kSizes) {
    Graph g;
    const uint32_t a = g.input("a", bytes_of({1, size.rows, size.k}, 1));
    const uint32_t b = g.constant("b", bytes_of({size.k, size.n}, 2));
    const uint32_t y = g.activation("y", WEFT_I32, {1, size.rows, size.n});
    g.node("MatMulInteger", {a, b}, {y});
    g.outputs = {y};
    expect_like_reference(g, "rows " + std::to_string(size.rows), 0);
  }
}

TEST(CpuInt8Linear, extremes_do_not_saturate) {
  const int64_t k = 11008;
  for (const char left : {char(-128), char(127)}) {
    Data a = Data::zeros(WEFT_I8, {2, k}), b = Data::zeros(WEFT_I8, {k, 17});
    std::fill(a.bytes.begin(), a.bytes.end(), left);
    std::fill(b.bytes.begin(), b.bytes.end(), char(-128));
    Graph g;
    const std::vector<uint32_t> in = {g.input("a", a), g.constant("b", b)};
    const uint32_t y = g.activation("y", WEFT_I32, {2, 17});
    g.node("MatMulInteger", in, {y});
    g.outputs = {y};
    expect_like_reference(g, "extremes", 0);
  }
}

TEST(CpuInt8Linear, packed_products_become_codes_like_the_reference) {
  for (const Size& size : kSizes) {
    Graph g;
    const auto scale = [&](const char* name, std::vector<int64_t> shape, float at) {
      Data data = Data::zeros(WEFT_F32, shape);
      return g.constant(name,
                        Data::floats(shape, Random(6).reals(data.count(), 0.5f * at, 1.5f * at)));
    };
    const uint32_t a = g.input("a", bytes_of({size.rows, size.k}, 1));
    const uint32_t b = g.constant("b", bytes_of({size.k, size.n}, 2));
    const uint32_t az = g.constant("az", Data::zeros(WEFT_I8, {}));
    const uint32_t bz = g.constant("bz", Data::zeros(WEFT_I8, {size.n}));
    const uint32_t yz = g.constant("yz", bytes_of({}, 5));
    const uint32_t y = g.activation("y", WEFT_I8, {size.rows, size.n});
    g.node("QLinearMatMul",
           {a, scale("as", {}, 0.02f), az, b, scale("bs", {size.n}, 0.02f), bz,
            scale("ys", {}, 0.2f), yz},
           {y});
    g.outputs = {y};
    expect_like_reference(g, "requantized", 0);
  }
}

TEST(CpuInt8Linear, codes_and_reals_are_those_of_the_reference) {
  for (const int64_t width : {1, 15, 16, 33, 576}) {
    std::vector<float> x = Random(4).reals(3 * width, -4, 4);
    x[0] = 100;
    x[size_t(width)] = -100;
    if (width > 4) x[4] = std::numeric_limits<float>::quiet_NaN();
    for (size_t i = 5; i < x.size(); i += 7) x[i] = 0.015625f * (float(i % 40) + 0.5f);  // halves
    Graph g;
    const uint32_t in = g.input("x", Data::floats({3, width}, x));
    const uint32_t s = g.constant("s", Data::floats({}, {0.015625f}));
    const uint32_t z = g.constant("z", Data::zeros(WEFT_I8, {}));
    const uint32_t w = g.constant("w", bytes_of({width, 21}, 3));
    const uint32_t scale = g.constant("scale", Data::floats({21}, Random(8).reals(21, 0.1f, 1)));
    const uint32_t codes = g.activation("codes", WEFT_I8, {3, width});
    const uint32_t sums = g.activation("sums", WEFT_I32, {3, 21});
    const uint32_t y = g.activation("y", WEFT_F32, {3, 21});
    g.node("QuantizeLinear", {in, s, z}, {codes});
    g.node("MatMulInteger", {codes, w}, {sums});
    g.node("DequantizeLinear", {sums, scale}, {y}, {{"axis", int64_t(-1)}});
    g.outputs = {codes, sums, y};
    expect_like_reference(g, "width " + std::to_string(width), 0);
  }
}

// Mostly codes, some far beyond.
std::vector<float> with_outliers(int64_t count) {
  Random random(9);
  std::vector<float> x = random.reals(count, -6, 6);
  for (size_t i = 0; i < x.size(); i += 11) x[i] *= 40;
  return x;
}

uint32_t outliers(Graph& g, const Data& x, int64_t n, std::vector<int64_t> hot) {
  const int64_t rows = x.shape[0], k = x.shape[1];
  const uint32_t in = g.input("x", x);
  const uint32_t step = g.constant("step", Data::floats({}, {0.0625f}));
  const uint32_t w = g.constant("w", bytes_of({k, n}, 3));
  const uint32_t scale = g.constant("scale", Data::floats({n}, Random(8).reals(n, 0.001f, 0.01f)));
  const uint32_t y = g.activation("y", WEFT_F32, {rows, n});
  g.node("OutlierMatMul", {in, step, w, scale}, {y}, {{"hot", std::move(hot)}}, "weft");
  g.outputs = {y};
  return y;
}

TEST(CpuInt8Linear, what_codes_leave_out_is_like_the_reference) {
  for (const Size& size : kSizes) {
    Graph g;
    outliers(g, Data::floats({size.rows, size.k}, with_outliers(size.rows * size.k)), size.n,
             {0, size.k / 2, size.k - 1});
    expect_like_reference(g, "outliers", 1e-5f);
  }
}

TEST(CpuInt8Linear, hot_rows_and_cold_rows_give_the_same_bits) {
  const Data x = Data::floats({20, 96}, with_outliers(20 * 96));
  std::vector<int64_t> all;
  for (int64_t k = 0; k < 96; k++) all.push_back(k);
  Graph cold, some, hot;
  outliers(cold, x, 50, {});
  outliers(some, x, 50, {3, 11, 90, 90, 4000});  // what is no channel is nobody's row
  outliers(hot, x, 50, all);
  const auto want = Device("cpu").run(cold)[0].floats();
  EXPECT_NE(want, std::vector<float>(want.size(), 0.0f));
  EXPECT_EQ(Device("cpu").run(some)[0].floats(), want);
  EXPECT_EQ(Device("cpu").run(hot)[0].floats(), want);
}

TEST(CpuInt8Linear, a_row_of_outliers_is_its_own_on_any_number_of_threads) {
  const int64_t rows = 40, k = 1300, n = 600;
  const auto x = with_outliers(rows * k);
  Graph whole;
  outliers(whole, Data::floats({rows, k}, x), n, {0, 11});
  const auto want = Device("cpu", 1).run(whole)[0].floats();
  EXPECT_EQ(Device("cpu", 3).run(whole)[0].floats(), want);
  for (const int64_t row : {0, 17, 39}) {
    Graph one;
    const auto first = x.begin() + row * k;
    outliers(one, Data::floats({1, k}, {first, first + k}), n, {0, 11});
    EXPECT_EQ(Device("cpu", 2).run(one)[0].floats(),
              std::vector<float>(want.begin() + row * n, want.begin() + (row + 1) * n));
  }
}

// Bytes that a program of the plugin holds for its constants.
TEST(CpuInt8Linear, cold_rows_are_read_where_the_host_has_them) {
  const Data x = Data::floats({4, 96}, with_outliers(4 * 96));
  const auto saved = [&](std::vector<int64_t> hot) {
    Graph g;
    outliers(g, x, 64, std::move(hot));
    std::vector<char> blob;
    RunOptions options;
    options.save_to = &blob;
    Device("cpu").run(g, options);
    return int64_t(blob.size());
  };
  const int64_t none = saved({}), two = saved({3, 5});
  EXPECT_LT(none, 96 * 64);
  EXPECT_EQ(two - none, 2 * 64);
}

}  // namespace
}  // namespace weft::test
