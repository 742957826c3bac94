// Packed weights of the opencl plugin: every form of constant against the reference and, where bits
// are promised, against the formula itself; both families, both kinds of memory.
#include <cstring>

#include "tests/plugins/packed_forms.h"
#include "tests/plugins/targets.h"

namespace weft::test {
namespace {

// y [m, n] = x by a constant of the form.
struct Product {
  Graph g;
  Product() = default;
  Product(const Form& form, int64_t m, int64_t k, int64_t n) {
    Random random(uint32_t(m * 7919 + k * 31 + n));
    build(Data::floats({m, k}, random.reals(m * k)), weight(g, form, k, n, random), n);
  }
  void build(Data x, uint32_t w, int64_t n) {
    const int64_t m = x.shape[0];
    const uint32_t in = g.input("x", std::move(x));
    const uint32_t y = g.activation("y", WEFT_F32, {m, n});
    g.node("MatMul", {in, w}, {y});
    g.outputs = {y};
  }
};

class OpenclWeights : public TargetTest {
 protected:
  Device& device(const std::map<std::string, std::string>& more = {}) {
    if (!device_ || more != more_) {
      std::map<std::string, std::string> options = GetParam().options;
      options.insert(more.begin(), more.end());
      device_.reset(new Device(GetParam().plugin, 1, options));
      more_ = more;
    }
    return *device_;
  }
  void expect_like_reference(Graph& g, const std::string& what,
                             const std::map<std::string, std::string>& more = {}) {
    RunOptions options;
    const std::vector<Data> want = reference_.run(g, options);
    options.view_offset = 72;
    options.workspace_offset = 128;
    const std::vector<Data> got = device(more).run(g, options);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); i++)
      expect_near(got[i].floats(), want[i].floats(), 1e-5f, what);
  }
  void expect_product(const Form& form, int64_t m, int64_t k, int64_t n,
                      const std::map<std::string, std::string>& more = {}) {
    Product product(form, m, k, n);
    expect_like_reference(product.g,
                          std::string(form.name) + " " + std::to_string(m) + "x" +
                              std::to_string(k) + "x" + std::to_string(n),
                          more);
  }

 private:
  Device reference_{"reference"};
  std::map<std::string, std::string> more_;
  std::unique_ptr<Device> device_;
};
INSTANTIATE_TEST_SUITE_P(Variants, OpenclWeights, testing::ValuesIn(targets()), name_of_target);

// Rows of int8 are of family gpu.
struct OpenclInt8 : OpenclWeights {};
std::vector<Target> gpu_targets() {
  std::vector<Target> all = targets();
  std::erase_if(all, [](const Target& target) { return target.options.at("family") != "gpu"; });
  return all;
}
INSTANTIATE_TEST_SUITE_P(Variants, OpenclInt8, testing::ValuesIn(gpu_targets()), name_of_target);

TEST_P(OpenclWeights, every_form_agrees_with_the_reference_at_every_number_of_rows) {
  for (const Form& form : kForms)
    for (int64_t m : {1, 2, 4, 5, 8, 9, 67})
      for (int64_t n : {16, 70}) expect_product(form, m, 96, n);
}

// Rows of integers up to 127, and 127 in every eight, are their own int8 codes.
Data whole_numbers(int64_t m, int64_t k, Random& random) {
  std::vector<float> x;
  for (int64_t i = 0; i < m * k; i++)
    x.push_back(i % k % 8 == 0 ? 127 : float(random.integer(-127, 127)));
  return Data::floats({m, k}, x);
}

// Small enough for an interpreter that watches every access.
TEST_P(OpenclWeights, tiny_products_of_each_kernel) {
  const bool tiled = GetParam().options.at("family") == "gpu";
  for (const char* name : {"f32 row-major", "bf16 row-major", "f16 row-major",
                           "u4 block 32 f32 zeros", "u8 block 64 f32 zeros"})
    for (int64_t m : {1, 2, 3, 5, 9}) {
      expect_product(form_named(name), m, 44, 19);
      if (!tiled || m < 9) continue;
      Random random(9);
      Product product;
      const uint32_t w = weight(product.g, form_named(name), 44, 19, random);
      product.build(whole_numbers(m, 44, random), w, 19);
      expect_like_reference(product.g, name, {{"dot", "1"}});
    }
}

TEST_P(OpenclWeights, last_blocks_and_groups_may_be_short) {
  for (const Form& form : kForms)
    for (int64_t k : {1, 2, 7, 30, 100, 258, 300})
      for (int64_t m : {1, 5, 13}) {
        // A row of 4-bit codes ends in a whole byte.
        if (form.storage && form.block == 0 && form.storage == WEFT_U4 && k % 2) continue;
        expect_product(form, m, k, 40);
      }
}

TEST_P(OpenclWeights, many_columns_and_one) {
  for (const Form& form : kForms) {
    expect_product(form, 1, 64, 1000);
    expect_product(form, 70, 576, 33);
    expect_product(form, 130, 8, 1);
  }
}

// A weight of all codes under several zero points; want[c * k + i] is element i of column c by the
// formula, in f32.
struct AllCodes {
  static constexpr int64_t kLines = 37, kBlocks = 3;
  Graph::Quantized q;
  std::vector<float> want;

  enum Zeros { integers, floats, minima };  // minima: a half over the scale

  AllCodes(weft_dtype storage, Zeros zeros, uint32_t block) {
    const bool nibble = storage != WEFT_U8 && storage != WEFT_I8;
    const int low = storage == WEFT_I4 ? -8 : storage == WEFT_I8 ? -128 : 0;
    const int codes = nibble ? 16 : 256;
    q.storage = storage;
    q.block = block;
    q.rows = kBlocks * block - 3;  // the last block is not full
    q.cols = kLines;
    Random random(storage * 7 + block);
    q.scales = random.reals(kLines * kBlocks, 0.001f, 0.1f);
    for (int64_t b = 0; b < kLines * kBlocks; b++)
      q.zeros.push_back(zeros == floats ? random.real(-3, 40)
                        : zeros == minima
                            ? float(random.integer(-999, 999)) / 512 / q.scales[size_t(b)]
                            : float(random.integer(0, codes - 1)));
    for (int64_t i = 0; i < kLines * kBlocks * block; i++) {
      const int code = low + int(i * 5 + i / block) % codes;
      q.codes.push_back(code);
      if (i % (kBlocks * block) >= q.rows) continue;
      const float stands_for = float(code + (storage == WEFT_F4_E0M4 ? 16 : 0));
      const float from_zero = stands_for - q.zeros[size_t(i / block)];
      want.push_back(from_zero * q.scales[size_t(i / block)]);
    }
  }
};

std::vector<uint32_t> bits(const std::vector<float>& x) {
  std::vector<uint32_t> out(x.size());
  std::memcpy(out.data(), x.data(), x.size() * sizeof(float));
  return out;
}

TEST_P(OpenclWeights, decoded_codes_are_the_formula_bit_for_bit) {
  for (const char* half : {"0", "1"})
    for (const weft_dtype storage : {WEFT_U4, WEFT_I4, WEFT_F4_E0M4, WEFT_U8, WEFT_I8})
      for (const auto zeros : {AllCodes::integers, AllCodes::floats, AllCodes::minima})
        for (const uint32_t block : {16u, 64u, 256u}) {
          if (half[0] == '1' && (storage == WEFT_U8 || storage == WEFT_I8)) continue;
          const AllCodes all(storage, zeros, block);
          Graph g;
          std::vector<int64_t> ids;
          for (int64_t line = 0; line < AllCodes::kLines; line++) ids.push_back(line);
          const uint32_t index = g.input("ids", Data::integers({AllCodes::kLines}, ids));
          const uint32_t w = g.quantized("w", all.q);
          const uint32_t table = g.transposed("table", w);
          // One times an element is the element; nothing is added to it.
          std::vector<float> unit(size_t(9 * all.q.rows), 0.0f);
          for (int64_t r = 0; r < 9; r++) unit[size_t(r * all.q.rows + r * 5 % all.q.rows)] = 1;
          const uint32_t x = g.input("x", Data::floats({9, all.q.rows}, unit));
          const uint32_t one = g.input(
              "one", Data::floats({1, all.q.rows},
                                  {unit.begin() + all.q.rows, unit.begin() + 2 * all.q.rows}));
          const uint32_t lines = g.activation("lines", WEFT_F32, {AllCodes::kLines, all.q.rows});
          const uint32_t y = g.activation("y", WEFT_F32, {9, AllCodes::kLines});
          const uint32_t z = g.activation("z", WEFT_F32, {1, AllCodes::kLines});
          g.node("Gather", {table, index}, {lines});
          g.node("MatMul", {x, w}, {y});
          g.node("MatMul", {one, w}, {z});
          g.outputs = {lines, y, z};
          const std::vector<Data> got = device({{"half", half}}).run(g);
          const std::string what = std::to_string(storage) + " block " + std::to_string(block);
          EXPECT_EQ(bits(got[0].floats()), bits(all.want)) << what;
          std::vector<float> want_y, want_z;
          for (int64_t r = 0; r < 9; r++)
            for (int64_t line = 0; line < AllCodes::kLines; line++) {
              const float element = all.want[size_t(line * all.q.rows + r * 5 % all.q.rows)];
              want_y.push_back(element + 0.0f);
              if (r == 1) want_z.push_back(element + 0.0f);
            }
          EXPECT_EQ(got[1].floats(), want_y) << what;
          EXPECT_EQ(got[2].floats(), want_z) << what;
        }
}

// What the head's product and the embedding of the same bytes take in all.
TEST_P(OpenclWeights, a_tied_embedding_reads_the_copy_of_the_head) {
  for (const Form& form : kForms) {
    if (!form.column_major) continue;
    const int64_t vocabulary = 2800, d = 96;
    Random random(3);
    Graph g;
    const uint32_t ids = g.input("ids", Data::integers({1, 4}, {0, 49, 17, -1}));
    const uint32_t head = weight(g, form, d, vocabulary, random);
    const uint32_t table = g.transposed("table", head);
    const uint32_t h = g.activation("h", WEFT_F32, {1, 4, d});
    const uint32_t y = g.activation("y", WEFT_F32, {1, 4, vocabulary});
    g.node("Gather", {table, ids}, {h});
    g.node("MatMul", {h, head}, {y});
    g.outputs = {h, y};
    expect_like_reference(g, std::string("tied ") + form.name);

    weft_graph pod = g.pod();
    weft_compile_args args{};
    args.struct_size = sizeof args;
    args.graph = &pod;
    weft_program* program = nullptr;
    weft_error error = fresh_error();
    const weft_api& api = device().api();
    ASSERT_EQ(api.compile(device().handle(), &args, &program, &error), WEFT_OK) << error.message;
    weft_program_info info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(api.program_info(program, &info, &error), WEFT_OK);
    const double bits_per_element = double(info.constant_bytes) * 8 / double(vocabulary * d);
    const bool nibble = form.storage && form.storage != WEFT_U8 && form.storage != WEFT_I8;
    const double most = nibble ? 4 + 64.0 / form.block : form.storage ? 10 : form.bits;
    EXPECT_LE(bits_per_element, most + 0.1) << form.name;
    api.program_destroy(program);
  }
}

TEST_P(OpenclWeights, embeddings_take_either_integer_and_the_nearest_line_of_what_is_not_there) {
  for (const bool wide : {true, false}) {
    Graph g;
    Data ids = Data::integers({3}, {2, 2000, -2805});
    if (!wide) {
      ids = Data::zeros(WEFT_I32, {3});
      const int32_t values[] = {2, 2000, -2805};
      std::memcpy(ids.bytes.data(), values, sizeof values);
    }
    const uint32_t index = g.input("ids", ids);
    Random random(4);
    const std::vector<float> table = random.reals(2800 * 100);
    const uint32_t w = g.constant("table", Data::floats({2800, 100}, table));
    const uint32_t y = g.activation("y", WEFT_F32, {3, 100});
    g.node("Gather", {w, index}, {y});
    g.outputs = {y};
    std::vector<float> want(table.begin() + 200, table.begin() + 300);
    want.insert(want.end(), table.begin() + 200000, table.begin() + 200100);
    want.insert(want.end(), table.begin(), table.begin() + 100);
    EXPECT_EQ(device().run(g)[0].floats(), want);
    EXPECT_EQ(device({{"allocation", "200000"}}).run(g)[0].floats(), want);
  }
}

TEST_P(OpenclWeights, a_weight_larger_than_one_buffer_is_split_by_columns) {
  const std::map<std::string, std::string> small = {{"allocation", "20000"}};
  for (const Form& form : kForms)
    for (int64_t m : {1, 3, 20}) expect_product(form, m, 136, 203, small);
}

TEST_P(OpenclWeights, columns_that_no_buffer_holds_are_refused) {
  Random random(1);
  Product product(kForms[0], 1, 400, 40);
  const std::vector<Refused> refused = device({{"allocation", "20000"}}).claim(product.g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, WEFT_REFUSE_LIMIT);
  EXPECT_NE(refused[0].why.find("16 columns of 400"), std::string::npos) << refused[0].why;
}

TEST_P(OpenclInt8, products_of_int8_are_exact_where_rows_are_integers) {
  for (const Form& form : kForms)
    for (int64_t k : {32, 100, 256, 300})
      // Whole, and in parts.
      for (const auto& [rows, allocation] : {std::pair(67, "1000000000"), std::pair(12, "20000")}) {
        Random random(uint32_t(k) + form.block);
        Product product;
        const uint32_t w = weight(product.g, form, k, 70, random);
        product.build(whole_numbers(rows, k, random), w, 70);
        expect_like_reference(product.g, form.name, {{"dot", "1"}, {"allocation", allocation}});
      }
}

TEST_P(OpenclInt8, products_of_int8_are_near_those_of_floats) {
  for (const Form& form : kForms) {
    Product product(form, 40, 288, 96);
    const std::vector<float> floats = device({{"dot", "0"}}).run(product.g)[0].floats();
    const std::vector<float> got = device({{"dot", "1"}}).run(product.g)[0].floats();
    double error = 0, all = 0;
    for (size_t i = 0; i < got.size(); i++) {
      error += (got[i] - floats[i]) * (got[i] - floats[i]);
      all += floats[i] * floats[i];
    }
    EXPECT_LT(error, 1e-4 * all) << form.name;
    if (form.storage) {
      EXPECT_GT(error, 0) << form.name;
    }
  }
}

// Whatever is computed with it; family gpu sums more than eight rows in another order.
TEST_P(OpenclWeights, a_row_has_the_same_bits_however_many_rows_there_are) {
  const bool any_number = GetParam().options.at("family") == "cpu";
  for (const Form& form : kForms) {
    const int64_t k = 300, n = 83, rows = any_number ? 70 : 8;
    const auto run = [&](int64_t first, int64_t count) {
      Random random(5);
      Product product;
      const std::vector<float> x = random.reals(rows * k);
      const auto from = x.begin() + first * k;
      const uint32_t w = weight(product.g, form, k, n, random);
      product.build(Data::floats({count, k}, {from, from + count * k}), w, n);
      return device().run(product.g)[0].floats();
    };
    const std::vector<float> whole = run(0, rows);
    for (int64_t count : {1, 2, 3, 5})
      for (int64_t row : {int64_t(0), int64_t(1), rows - count}) {
        const auto from = whole.begin() + row * n;
        EXPECT_EQ(run(row, count), std::vector<float>(from, from + count * n))
            << form.name << " rows " << row << " + " << count;
      }
  }
}

}  // namespace
}  // namespace weft::test
