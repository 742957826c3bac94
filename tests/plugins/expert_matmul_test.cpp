// ExpertMatMul on the cpu against the reference, in every form of constant the cpu packs; and the
// promise that a row's bits depend on neither its neighbours nor the number of threads.
#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

constexpr int64_t kExperts = 5;

struct Form {
  const char* name;
  weft_dtype storage;  // 0: plain f32
  bool transposed;
  uint32_t block;
  int zeros;  // 0: fixed, 1: f32, 2: u8
  bool bf16 = false;
};
constexpr Form kForms[] = {
    {"f32", 0, false, 0, 0},
    {"f32 transposed", 0, true, 0, 0},
    {"bf16", 0, false, 0, 0, true},
    {"u4 block 32", WEFT_U4, true, 32, 0},
    {"u4 block 16 u8 zeros", WEFT_U4, true, 16, 2},
    {"u8 block 64 f32 zeros", WEFT_U8, true, 64, 1},
    {"u8 whole row", WEFT_U8, true, 0, 2},
};

uint32_t stack(Graph& g, const Form& form, int64_t k, int64_t n, Random& random) {
  const std::vector<int64_t> shape =
      form.transposed ? std::vector<int64_t>{kExperts, n, k} : std::vector<int64_t>{kExperts, k, n};
  if (form.storage == 0) {
    std::vector<float> reals = random.reals(kExperts * k * n);
    for (float& x : reals)
      if (form.bf16) x = float(int(x * 128)) / 128;
    return g.constant("w", Data::floats(shape, reals));
  }
  Graph::Quantized q;
  q.storage = form.storage;
  q.matrices = kExperts;
  q.rows = n;
  q.cols = k;
  q.column_major = false;
  q.block = form.block;
  const int64_t block = form.block ? form.block : k, blocks = (k + block - 1) / block;
  const int most = form.storage == WEFT_U8 ? 255 : 15;
  for (int64_t i = 0; i < kExperts * n * blocks * block; i++)
    q.codes.push_back(random.integer(0, most));
  q.scales = random.reals(kExperts * n * blocks, 0.01f, 0.1f);
  for (int64_t i = 0; form.zeros && i < kExperts * n * blocks; i++)
    q.zeros.push_back(float(random.integer(0, most)));
  q.zeros_u8 = form.zeros == 2;
  q.zero = 7.5;
  return g.quantized("w", q);
}

struct Problem {
  int64_t tokens, k, in, out;
  bool shared = false, bias = false;  // one row of x for all k of a token
};

Graph& expert_graph(Graph& g, const Form& form, const Problem& p) {
  Random random(uint32_t(p.tokens * 31 + p.out));
  const int64_t rows = p.shared ? 1 : p.k;
  const uint32_t x = g.input("x", random_floats({p.tokens, rows, p.in}, 7, -1, 1));
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < p.tokens * p.k; i++) chosen.push_back(random.integer(-1, 4));
  const uint32_t experts = g.input("experts", Data::integers({p.tokens, p.k}, chosen));
  std::vector<uint32_t> in = {x, stack(g, form, p.in, p.out, random), experts};
  if (p.bias)
    in.push_back(
        g.constant("bias", Data::floats({kExperts, p.out}, random.reals(kExperts * p.out))));
  const uint32_t y = g.activation("y", WEFT_F32, {p.tokens, p.k, p.out});
  g.node("ExpertMatMul", in, {y}, {{"transposed", int64_t(form.transposed)}}, "weft");
  g.outputs = {y};
  return g;
}

TEST(CpuExpertMatMul, agrees_with_the_reference_for_every_form_of_constant) {
  for (const Form& form : kForms)
    for (const Problem& p : std::vector<Problem>{{1, 2, 64, 17},
                                                 {1, 2, 64, 40, true, true},
                                                 {3, 1, 100, 16},
                                                 {7, 2, 96, 33, true},
                                                 {60, 4, 64, 80, false, true},
                                                 {300, 2, 30, 5, true, true}}) {
      Graph g;
      expect_like_reference(expert_graph(g, form, p),
                            std::string(form.name) + ", tokens " + std::to_string(p.tokens));
    }
}

TEST(CpuExpertMatMul, takes_more_rows_than_it_sorts_at_a_time) {
  Graph g;
  expect_like_reference(expert_graph(g, kForms[1], {2100, 2, 8, 3, true}), "4200 rows");
}

TEST(CpuExpertMatMul, says_what_gathered_matrices_say) {
  const Problem p{6, 2, 24, 20};
  Graph gathered;
  Graph direct;
  expert_graph(direct, kForms[0], p);
  Random random(uint32_t(p.tokens * 31 + p.out));
  const uint32_t x = gathered.input("x", direct.input_data(direct.inputs[0]));
  const uint32_t experts = gathered.input("experts", direct.input_data(direct.inputs[1]));
  for (int64_t i = 0; i < p.tokens * p.k; i++) random.integer(-1, 4);
  const uint32_t w = stack(gathered, kForms[0], p.in, p.out, random);
  const uint32_t all = gathered.activation("all", WEFT_F32, {p.tokens, p.k, p.in, p.out});
  const uint32_t rows = gathered.activation("rows", WEFT_F32, {p.tokens, p.k, 1, p.in});
  const uint32_t y = gathered.activation("y", WEFT_F32, {p.tokens, p.k, 1, p.out});
  gathered.node("Gather", {w, experts}, {all}, {{"axis", int64_t(0)}});
  gathered.node("Reshape", {x, gathered.contents("shape", {p.tokens, p.k, 1, p.in})}, {rows});
  gathered.node("MatMul", {rows, all}, {y});
  gathered.outputs = {y};
  EXPECT_EQ(Device("cpu").run(direct)[0].floats(), Device("cpu").run(gathered)[0].floats());
}

TEST(CpuExpertMatMul, bits_do_not_depend_on_other_rows_or_threads) {
  const Problem p{50, 2, 300, 83};
  for (const std::string& isa : instruction_sets())
    for (const Form& form : kForms) {
      Graph whole;
      expert_graph(whole, form, p);
      const std::vector<float> want = Device("cpu", 1, {{"isa", isa}}).run(whole)[0].floats();
      EXPECT_EQ(want, Device("cpu", 3, {{"isa", isa}}).run(whole)[0].floats()) << form.name << isa;
      const std::vector<float> x = whole.input_data(whole.inputs[0]).floats();
      const std::vector<int64_t> experts = whole.input_data(whole.inputs[1]).integers();
      for (int64_t token : {0, 23}) {
        Random random(uint32_t(p.tokens * 31 + p.out));
        for (int64_t i = 0; i < p.tokens * p.k; i++) random.integer(-1, 4);
        Graph g;
        const int64_t row = token * p.k, in = row * p.in;
        const uint32_t one =
            g.input("x", Data::floats({1, 2, p.in}, {x.begin() + in, x.begin() + in + 2 * p.in}));
        const uint32_t at = g.input(
            "experts", Data::integers({1, 2}, {experts[size_t(row)], experts[size_t(row) + 1]}));
        const uint32_t w = stack(g, form, p.in, p.out, random);
        const uint32_t y = g.activation("y", WEFT_F32, {1, 2, p.out});
        g.node("ExpertMatMul", {one, w, at}, {y}, {{"transposed", int64_t(form.transposed)}},
               "weft");
        g.outputs = {y};
        EXPECT_EQ(Device("cpu", 2, {{"isa", isa}}).run(g)[0].floats(),
                  std::vector<float>(want.begin() + row * p.out, want.begin() + (row + 2) * p.out))
            << form.name << " token " << token << " on " << isa;
      }
    }
}

TEST(CpuExpertMatMul, an_expert_that_is_none_is_an_error_in_words) {
  for (const char* plugin : {"cpu", "reference"}) {
    Graph g;
    expert_graph(g, kForms[0], {2, 2, 8, 3});
    g.input_data(g.inputs[1]) = Data::integers({2, 2}, {0, 1, 5, 0});
    try {
      Device(plugin).run(g);
      FAIL() << plugin;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find("5"), std::string::npos) << error.what();
    }
  }
}

TEST(CpuExpertMatMul, refuses_weights_that_are_computed) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 1, 8}, 1));
  const uint32_t w = g.input("w", random_floats({kExperts, 8, 3}, 2));
  const uint32_t experts = g.input("experts", Data::integers({2, 1}, {0, 1}));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 1, 3});
  g.node("ExpertMatMul", {x, w, experts}, {y}, {}, "weft");
  g.outputs = {y};
  EXPECT_EQ(Device("cpu").claim(g).size(), 1u);
}

}  // namespace
}  // namespace weft::test
