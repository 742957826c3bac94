// Linears on int8 activations (compute=int8): every form of constant and every instruction set
// against the reference, alone and in groups that run as one; and the promise that bits depend on
// neither rows nor threads. Activations are such that quantizing them loses nothing, so that the
// reference's products are what must come out.
#include "tests/plugins/packed_forms.h"

namespace weft::test {
namespace {

// Multiples of 1/64 up to 127/64, which every eighth element reaches, so every chunk does.
std::vector<float> exact(int64_t count, uint32_t seed) {
  Random random(seed);
  std::vector<float> out;
  for (int64_t i = 0; i < count; i++)
    out.push_back(float(i % 8 == 0 ? 127 : random.integer(-127, 127)) / 64);
  return out;
}

uint32_t input(Graph& g, int64_t rows, int64_t k, uint32_t seed) {
  std::vector<float> x;
  for (int64_t r = 0; r < rows; r++) {
    const std::vector<float> row = exact(k, seed + uint32_t(r));
    x.insert(x.end(), row.begin(), row.end());
  }
  return g.input("x" + std::to_string(seed), Data::floats({rows, k}, x));
}

// A product whose result stays in the graph: -(x . w).
Graph negated(const Form& form, int64_t m, int64_t k, int64_t n) {
  Random random(uint32_t(m * 7919 + k * 31 + n));
  Graph g;
  const uint32_t x = input(g, m, k, 1);
  const uint32_t w = weight(g, form, k, n, random);
  const uint32_t h = g.activation("h", WEFT_F32, {m, n}), y = g.activation("y", WEFT_F32, {m, n});
  g.node("MatMul", {x, w}, {h});
  g.node("Neg", {h}, {y});
  g.outputs = {y};
  return g;
}

void linear_case(const Form& form, int64_t m, int64_t k, int64_t n) {
  Graph g = negated(form, m, k, n);
  expect_like_reference(g,
                        std::string(form.name) + " " + std::to_string(m) + "x" + std::to_string(k) +
                            "x" + std::to_string(n),
                        2e-5f, {}, "int8");
}

TEST(CpuLinear, agrees_with_the_reference_for_every_form_of_constant) {
  for (const Form& form : kForms)
    for (int64_t m : {1, 2, 3, 6, 7, 13})
      for (int64_t n : {1, 15, 16, 17, 33}) linear_case(form, m, 64, n);
}

TEST(CpuLinear, takes_a_last_block_that_is_not_full) {
  for (const Form& form : kForms)
    for (int64_t k : {2, 30, 100, 258, 300})
      for (int64_t m : {1, 5}) linear_case(form, m, k, 40);
}

TEST(CpuLinear, takes_many_rows_and_columns) {
  for (const Form& form : kForms) linear_case(form, 203, 96, 450);
}

TEST(CpuLinear, products_of_one_input_run_as_one_with_what_they_are_added_to) {
  for (const Form& form : kForms) {
    if (!form.storage) continue;
    for (int64_t m : {1, 2, 9}) {
      const int64_t k = 96, n[] = {40, 16, 33};
      Random random(11);
      Graph g;
      const uint32_t x = input(g, m, k, 1);
      std::vector<uint32_t> out;
      for (int i = 0; i < 3; i++) {
        const uint32_t w = weight(g, form, k, n[i], random);
        const uint32_t h = g.activation("h", WEFT_F32, {m, n[i]});
        g.node("MatMul", {x, w}, {h});
        const uint32_t y = g.activation("y", WEFT_F32, {m, n[i]});
        if (i == 0) {
          const Data other = Data::floats({m, n[i]}, random.reals(m * n[i]));
          g.node("Add", {g.input("r", other), h}, {y});
        } else if (i == 1) {
          g.node("Add", {h, g.constant("b", Data::floats({n[i]}, random.reals(n[i])))}, {y});
        } else {
          g.node("Neg", {h}, {y});
        }
        out.push_back(y);
      }
      g.outputs = out;
      expect_like_reference(g, std::string("joined ") + form.name, 2e-5f, {}, "int8");
      std::vector<std::vector<uint32_t>> claims;
      Device("cpu", 1, {{"compute", "int8"}}).claim(g, &claims);
      EXPECT_EQ(claims[0], (std::vector<uint32_t>{0, 1, 2, 3, 4})) << "three products, two sums";
    }
  }
}

Graph gate(const Form& form, const std::string& activation, int64_t m, int64_t k, int64_t n) {
  Random random(7);
  Graph g;
  const uint32_t x = input(g, m, k, 1);
  const uint32_t up_w = weight(g, form, k, n, random), gate_w = weight(g, form, k, n, random);
  const uint32_t up = g.activation("up", WEFT_F32, {m, n});
  const uint32_t h = g.activation("gate", WEFT_F32, {m, n});
  const uint32_t act = g.activation("act", WEFT_F32, {m, n});
  const uint32_t y = g.activation("y", WEFT_F32, {m, n});
  g.node("MatMul", {x, up_w}, {up});
  g.node("MatMul", {x, gate_w}, {h});
  g.node(activation, {h}, {act});
  g.node("Mul", {act, up}, {y});
  g.outputs = {y};
  return g;
}

TEST(CpuLinear, a_gated_pair_runs_as_one) {
  for (const Form& form : kForms) {
    if (!form.storage) continue;
    for (const char* activation : {"Swish", "Gelu"})
      for (int64_t m : {1, 4, 13}) {
        Graph g = gate(form, activation, m, 64, 72);
        expect_like_reference(g, std::string(activation) + " " + form.name, 2e-5f, {}, "int8");
        std::vector<std::vector<uint32_t>> claims;
        Device("cpu", 1, {{"compute", "int8"}}).claim(g, &claims);
        EXPECT_EQ(claims.size(), 1u);
      }
  }
}

TEST(CpuLinear, a_gated_row_of_many_tiles_is_that_of_the_reference) {
  for (const char* form : {"u4 block 32 f32 zeros", "i8 block 32"})
    for (const char* compute : {"int8", "auto"})
      for (int64_t n : {500, 1032, 1080}) {
        Graph g = gate(form_named(form), "Swish", 1, 64, n);
        expect_like_reference(g, std::string(form) + " " + compute, 2e-5f, {}, compute);
      }
}

TEST(CpuLinear, a_normalization_goes_with_the_products_that_read_it) {
  const Form& form = form_named("u4 block 32 f32 zeros");
  for (int64_t m : {1, 3, 20}) {
    const int64_t k = 96, n = 48;
    Random random(3);
    Graph g;
    const uint32_t x = g.input("x", Data::floats({m, k}, random.reals(m * k)));
    const uint32_t scale = g.constant("scale", Data::floats({k}, random.reals(k, 0.5f, 2)));
    const uint32_t norm = g.activation("norm", WEFT_F32, {m, k});
    const uint32_t h = g.activation("h", WEFT_F32, {m, n}), y = g.activation("y", WEFT_F32, {m, n});
    g.node("RMSNormalization", {x, scale}, {norm}, {{"axis", int64_t{-1}}});
    g.node("MatMul", {norm, weight(g, form, k, n, random)}, {h});
    g.node("Add", {h, g.input("r", Data::floats({m, n}, random.reals(m * n)))}, {y});
    g.outputs = {y};
    expect_like_reference(g, "normalized", 0.02f, {}, "int8");
    std::vector<std::vector<uint32_t>> claims;
    Device("cpu", 1, {{"compute", "int8"}}).claim(g, &claims);
    EXPECT_EQ(claims.size(), 1u);
  }
}

TEST(CpuLinear, what_leaves_the_graph_is_computed_from_two_terms) {
  for (const Form& form : kForms)
    for (int64_t m : {1, 2, 5}) {
      const int64_t k = 160, n = 50;
      Random random(9);
      Graph g;
      const uint32_t x = g.input("x", Data::floats({m, k}, random.reals(m * k)));
      const uint32_t y = g.activation("y", WEFT_F32, {m, n});
      g.node("MatMul", {x, weight(g, form, k, n, random)}, {y});
      g.outputs = {y};
      expect_like_reference(g, std::string("two terms ") + form.name, 2e-4f, {}, "int8");
    }
}

TEST(CpuLinear, bits_do_not_depend_on_rows_or_threads) {
  const int64_t k = 96, n = 83, rows = 64;
  const auto run = [&](const Form& form, const std::string& isa, uint32_t threads,
                       const std::vector<float>& x) {
    Random random(5);
    const int64_t count = int64_t(x.size()) / k;
    Graph g;
    const uint32_t in = g.input("x", Data::floats({count, k}, x));
    const uint32_t h = g.activation("h", WEFT_F32, {count, n});
    const uint32_t y = g.activation("y", WEFT_F32, {count, n});
    g.node("MatMul", {in, weight(g, form, k, n, random)}, {h});
    g.node("Neg", {h}, {y});
    g.outputs = {y};
    return Device("cpu", threads, {{"isa", isa}, {"compute", "int8"}}).run(g)[0].floats();
  };
  const std::vector<float> x = Random(2).reals(rows * k);
  for (const std::string& isa : instruction_sets())
    for (const Form& form : kForms) {
      const std::vector<float> whole = run(form, isa, 1, x);
      EXPECT_EQ(whole, run(form, isa, 3, x)) << form.name << isa;
      for (int64_t row : {0, 1, 37, 63}) {
        const std::vector<float> alone =
            run(form, isa, 2, {x.begin() + row * k, x.begin() + (row + 1) * k});
        const std::vector<float> part(whole.begin() + row * n, whole.begin() + (row + 1) * n);
        EXPECT_EQ(alone, part) << form.name << " row " << row << " on " << isa;
      }
    }
}

TEST(CpuLinear, a_number_that_is_none_spoils_its_row_alone) {
  Random random(4);
  std::vector<float> x = random.reals(3 * 64);
  x[64 + 5] = INFINITY;
  Graph g;
  const uint32_t in = g.input("x", Data::floats({3, 64}, x));
  const uint32_t h = g.activation("h", WEFT_F32, {3, 20}), y = g.activation("y", WEFT_F32, {3, 20});
  g.node("MatMul", {in, weight(g, form_named("u4 block 32 f32 zeros"), 64, 20, random)}, {h});
  g.node("Neg", {h}, {y});
  g.outputs = {y};
  const std::vector<float> got = Device("cpu", 1, {{"compute", "int8"}}).run(g)[0].floats();
  for (size_t i = 0; i < got.size(); i++) EXPECT_EQ(std::isnan(got[i]), i / 20 == 1) << i;
}

}  // namespace
}  // namespace weft::test
