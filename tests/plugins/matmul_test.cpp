// MatMul and Gather on constants of every form the cpu packs, at shapes chosen to break tiles,
// against the reference; and the promise that bits depend on neither rows nor threads.
#include "tests/plugins/packed_forms.h"

namespace weft::test {
namespace {

void matmul_case(const Form& form, int64_t m, int64_t k, int64_t n) {
  Random random(uint32_t(m * 7919 + k * 31 + n));
  Graph g;
  const uint32_t x = g.input("x", Data::floats({m, k}, random.reals(m * k)));
  const uint32_t w = weight(g, form, k, n, random);
  const uint32_t y = g.activation("y", WEFT_F32, {m, n});
  g.node("MatMul", {x, w}, {y});
  g.outputs = {y};
  expect_like_reference(g, std::string(form.name) + " " + std::to_string(m) + "x" +
                               std::to_string(k) + "x" + std::to_string(n));
}

TEST(CpuMatMul, agrees_with_the_reference_for_every_form_of_constant) {
  for (const Form& form : kForms)
    for (int64_t m : {1, 2, 7, 12, 13})
      for (int64_t n : {1, 15, 16, 17, 33}) matmul_case(form, m, 64, n);
}

TEST(CpuMatMul, takes_a_last_block_that_is_not_full) {
  for (const Form& form : kForms)
    for (int64_t k : {2, 30, 100, 258, 300})
      for (int64_t m : {1, 5}) matmul_case(form, m, k, 40);
}

TEST(CpuMatMul, takes_one_k_and_many_columns) {
  matmul_case(kForms[0], 1, 1, 17);
  matmul_case(kForms[1], 13, 1, 17);
  matmul_case(form_named("u8 block 64 f32 zeros"), 3, 1, 5);
  for (const Form& form : kForms) matmul_case(form, 64, 96, 960);
}

TEST(CpuMatMul, zero_rows_are_no_work_and_no_error) {
  Graph g;
  const uint32_t x = g.input("x", Data::floats({0, 8}, {}));
  Random random(1);
  const uint32_t w = weight(g, kForms[0], 8, 5, random);
  const uint32_t y = g.activation("y", WEFT_F32, {0, 5});
  g.node("MatMul", {x, w}, {y});
  g.outputs = {y};
  Device cpu("cpu");
  EXPECT_TRUE(cpu.run(g)[0].bytes.empty());
}

TEST(CpuMatMul, bits_do_not_depend_on_rows_or_threads) {
  for (const std::string& isa : instruction_sets())
    for (const Form& form : kForms) {
      const int64_t k = 300, n = 83, rows = 64;
      std::vector<std::vector<float>> whole;
      std::vector<float> x;
      for (uint32_t threads : {1u, 2u, 3u}) {
        Random random(5);
        Graph g;
        x = random.reals(rows * k);
        const uint32_t in = g.input("x", Data::floats({rows, k}, x));
        const uint32_t w = weight(g, form, k, n, random);
        const uint32_t y = g.activation("y", WEFT_F32, {rows, n});
        g.node("MatMul", {in, w}, {y});
        g.outputs = {y};
        whole.push_back(Device("cpu", threads, {{"isa", isa}}).run(g)[0].floats());
      }
      EXPECT_EQ(whole[0], whole[1]) << form.name << isa;
      EXPECT_EQ(whole[0], whole[2]) << form.name << isa;
      for (int64_t row : {0, 1, 37, 63}) {
        Random random(5);
        Graph g;
        random.reals(rows * k);
        const uint32_t in =
            g.input("x", Data::floats({1, k}, {x.begin() + row * k, x.begin() + (row + 1) * k}));
        const uint32_t w = weight(g, form, k, n, random);
        const uint32_t y = g.activation("y", WEFT_F32, {1, n});
        g.node("MatMul", {in, w}, {y});
        g.outputs = {y};
        const std::vector<float> alone = Device("cpu", 2, {{"isa", isa}}).run(g)[0].floats();
        const std::vector<float> part(whole[0].begin() + row * n, whole[0].begin() + (row + 1) * n);
        EXPECT_EQ(alone, part) << form.name << " row " << row << " on " << isa;
      }
    }
}

TEST(CpuMatMul, multiplies_activations_with_batches_that_broadcast) {
  for (const Shapes& shapes : std::vector<Shapes>{{{3, 5}, {5, 17}, {3, 17}},
                                                  {{2, 3, 5}, {2, 5, 33}, {2, 3, 33}},
                                                  {{2, 1, 50, 7}, {3, 7, 16}, {2, 3, 50, 16}},
                                                  {{1, 300}, {300, 1}, {1, 1}},
                                                  {{5}, {5, 4}, {4}},
                                                  {{4, 5}, {5}, {4}}}) {
    Graph g = binary("MatMul", shapes);
    expect_like_reference(g, "activations");
  }
}

TEST(CpuGather, reads_rows_of_the_constant_a_head_multiplies_with) {
  for (const Form& form : kForms) {
    if (!form.column_major) continue;
    // A float table is packed from 1 MiB on; smaller ones keep a plain copy.
    const int64_t vocabulary = form.storage ? 50 : 2800, d = 96;
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
    // One packed copy serves both nodes.
    std::vector<char> blob;
    RunOptions options;
    options.save_to = &blob;
    Device("cpu").run(g, options);
    const size_t weights = size_t(vocabulary * d) * (form.storage ? 1 : form.bits == 32 ? 4 : 2);
    EXPECT_LT(blob.size(), weights * 3 / 2 + 8192) << form.name;
  }
}

TEST(CpuGather, names_an_index_that_is_not_there) {
  Graph g;
  const uint32_t ids = g.input("ids", Data::integers({2}, {1, 3}));
  const uint32_t table = g.constant("table", Data::floats({3, 2}, {0, 1, 2, 3, 4, 5}));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 2});
  g.node("Gather", {table, ids}, {y});
  g.outputs = {y};
  try {
    Device("cpu").run(g);
    FAIL() << "an index outside the table was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("index 3"), std::string::npos) << error.what();
  }
}

TEST(CpuMatMul, refuses_what_it_cannot_decode_and_says_why) {
  Graph g;
  const uint32_t x = g.input("x", Data::floats({1, 32}, std::vector<float>(32)));
  Graph::Quantized q;
  q.rows = 32;
  q.cols = 32;
  q.column_major = false;
  q.codes.assign(32 * 32, 3);
  q.scales.assign(32, 1.0f);
  const uint32_t w = g.quantized("w", q);
  const uint32_t y = g.activation("y", WEFT_F32, {1, 32});
  g.node("MatMul", {x, w}, {y});
  g.outputs = {y};
  const std::vector<Refused> refused = Device("cpu").claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, WEFT_REFUSE_QUANT);
  EXPECT_NE(refused[0].why.find("along K"), std::string::npos);
}

}  // namespace
}  // namespace weft::test
