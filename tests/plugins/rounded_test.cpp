// Products of bfloat16 (compute=bf16, and auto where it rounds) on every instruction set, tiles
// that are emulated included, against the reference. Activations are exact in bf16, so what differs
// is the rounding of weights: none where they are packed as bf16.
#include "tests/plugins/packed_forms.h"

namespace weft::test {
namespace {

// Multiples of 1/64 up to 127/64.
std::vector<float> exact(int64_t count, Random& random) {
  std::vector<float> out;
  for (int64_t i = 0; i < count; i++) out.push_back(float(random.integer(-127, 127)) / 64);
  return out;
}

// Rounding a weight moves it by 2^-9 of itself at most; the largest result of a case is at least
// the root of K times a typical term, and terms of both signs are summed.
float tolerance_of(const Form& form) { return form.bits == 16 ? 2e-5f : 4e-3f; }

Graph product(const Form& form, int64_t m, int64_t k, int64_t n) {
  Random random(uint32_t(m * 7919 + k * 31 + n));
  Graph g;
  const uint32_t x = g.input("x", Data::floats({m, k}, exact(m * k, random)));
  const uint32_t w = weight(g, form, k, n, random);
  const uint32_t h = g.activation("h", WEFT_F32, {m, n}), y = g.activation("y", WEFT_F32, {m, n});
  g.node("MatMul", {x, w}, {h});
  g.node("Neg", {h}, {y});
  g.outputs = {y};
  return g;
}

void expect_product(const Form& form, int64_t m, int64_t k, int64_t n, const std::string& compute) {
  Graph g = product(form, m, k, n);
  expect_like_reference(g,
                        compute + " " + form.name + " " + std::to_string(m) + "x" +
                            std::to_string(k) + "x" + std::to_string(n),
                        tolerance_of(form), {}, compute);
}

TEST(CpuRounded, agrees_with_the_reference_for_every_form_of_constant) {
  for (const Form& form : kForms)
    for (int64_t m : {16, 17, 31, 33, 48})
      for (int64_t n : {1, 15, 17, 32, 33}) expect_product(form, m, 64, n, "bf16");
}

TEST(CpuRounded, takes_every_length_of_k) {
  for (const Form& form : kForms)
    for (int64_t k : {1, 2, 30, 33, 100, 258, 300}) {
      if (form.storage && k % 2) continue;  // codes lie in pairs
      expect_product(form, 20, k, 40, "bf16");
    }
}

TEST(CpuRounded, auto_rounds_many_rows_of_floats) {
  for (const Form& form : kForms)
    if (!form.storage) expect_product(form, 203, 96, 450, "auto");
}

// On tiles compute=auto rounds what int8 computes elsewhere, in groups that run as one.
TEST(CpuRounded, groups_of_linears_agree_with_the_reference) {
  for (const Form& form : kForms) {
    if (!form.storage) continue;
    for (int64_t m : {20, 70, 97}) {
      const int64_t k = 96, n = 80;
      Random random(7);
      Graph g;
      const uint32_t x = g.input("x", Data::floats({m, k}, exact(m * k, random)));
      const uint32_t up = g.activation("up", WEFT_F32, {m, n});
      const uint32_t gate = g.activation("gate", WEFT_F32, {m, n});
      const uint32_t act = g.activation("act", WEFT_F32, {m, n});
      const uint32_t h = g.activation("h", WEFT_F32, {m, n});
      g.node("MatMul", {x, weight(g, form, k, n, random)}, {gate});
      g.node("MatMul", {x, weight(g, form, k, n, random)}, {up});
      g.node("Swish", {gate}, {act});
      g.node("Mul", {act, up}, {h});
      const uint32_t down = g.activation("down", WEFT_F32, {m, k});
      const uint32_t y = g.activation("y", WEFT_F32, {m, k});
      const uint32_t z = g.activation("z", WEFT_F32, {m, k});
      g.node("MatMul", {h, weight(g, form, n, k, random)}, {down});
      g.node("Add", {x, down}, {y});
      g.node("Neg", {y}, {z});
      g.outputs = {z};
      expect_like_reference(g, std::string("groups ") + form.name, 0.02f, {}, "auto");
    }
  }
}

TEST(CpuRounded, bits_do_not_depend_on_threads_or_on_the_rows_beside) {
  const int64_t k = 100, n = 83;
  for (const std::string& isa : instruction_sets())
    for (const Form& form : kForms) {
      const auto run = [&](int64_t rows, uint32_t threads) {
        Random random(5);
        const std::vector<float> x = random.reals(80 * k);
        Graph g;
        const uint32_t in =
            g.input("x", Data::floats({rows, k}, {x.begin(), x.begin() + rows * k}));
        const uint32_t y = g.activation("y", WEFT_F32, {rows, n});
        g.node("MatMul", {in, weight(g, form, k, n, random)}, {y});
        g.outputs = {y};
        return Device("cpu", threads, {{"isa", isa}, {"compute", "bf16"}}).run(g)[0].floats();
      };
      const std::vector<float> whole = run(80, 1);
      EXPECT_EQ(whole, run(80, 3)) << form.name << isa;
      for (int64_t rows : {17, 41}) {
        const std::vector<float> part(whole.begin(), whole.begin() + rows * n);
        EXPECT_EQ(run(rows, 2), part) << form.name << ", " << rows << " rows on " << isa;
      }
    }
}

}  // namespace
}  // namespace weft::test
