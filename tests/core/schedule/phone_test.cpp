// The modelled phone against the figures it stands for: mllm-NPU (Xu et al., ASPLOS 2025), table 3
// and section 3.4.
#include "core/schedule/phone.h"

#include <gtest/gtest.h>

#include "core/schedule/simulate.h"

namespace weft::schedule {
namespace {

struct Published {
  int64_t m, k, n;
  double ms;
};
constexpr Published kTable[] = {{64, 2048, 2048, 0.9},  {64, 2048, 8192, 1.5},
                                {64, 2048, 11008, 2.0}, {32, 4096, 4096, 1.7},
                                {32, 4096, 8192, 2.9},  {32, 4096, 11008, 4.1}};

TEST(Phone, products_take_what_the_paper_lists_within_12_percent) {
  for (const Published& row : kTable) {
    EXPECT_NEAR(npu_product_ms(row.m, row.k, row.n), row.ms, 0.12 * row.ms)
        << row.m << " x " << row.k << " x " << row.n;
  }
}

int64_t work_ns(const TaskGraph& graph, uint32_t processor) {
  int64_t sum = 0;
  for (uint32_t task = 0; task < graph.size(); ++task)
    if (graph[task].processor == processor) sum += graph[task].time_ns;
  return sum;
}

TEST(Phone, a_chunk_of_the_papers_model_takes_what_the_paper_says) {
  const TaskGraph graph = phone_prompt(published_shapes()[0], 256, 256);
  EXPECT_EQ(graph.size(), 144u) << "24 layers of 6 subgraphs";
  EXPECT_NEAR(double(work_ns(graph, 1)) / 1e6, 315, 2);
  EXPECT_NEAR(double(work_ns(graph, 0)) / 1e6, 157.5, 3) << "and the shadow products";
}

TEST(Phone, the_npu_computes_padding_and_the_processor_does_not) {
  const ModelShape& shape = published_shapes()[0];
  const TaskGraph full = phone_prompt(shape, 256, 256), some = phone_prompt(shape, 64, 256);
  EXPECT_EQ(work_ns(some, 1), work_ns(full, 1));
  EXPECT_LT(work_ns(some, 0), work_ns(full, 0) / 3);
}

TEST(Phone, attention_grows_from_chunk_to_chunk) {
  const TaskGraph graph = phone_prompt(published_shapes()[2], 1024, 256);
  EXPECT_GT(graph[3 * 192 + 2].time_ns, 3 * graph[2].time_ns);
  EXPECT_EQ(graph[3 * 192 + 1].time_ns, graph[1].time_ns);
}

// At most an eighth over the bound, or, where there are not enough chunks, no worse than chunk
// order.
TEST(Phone, the_shipped_order_is_near_the_bound_from_four_chunks_on) {
  for (const ModelShape& shape : published_shapes()) {
    for (const int64_t tokens : {64, 256, 512, 1024, 1560}) {
      const TaskGraph graph = phone_prompt(shape, tokens, 256);
      Simulator simulator(graph);
      const Choice choice = choose(simulator, automatic_policies());
      EXPECT_LE(choice.makespan_ns, simulator.run({Order::in_order}));
      EXPECT_GE(choice.makespan_ns, bound_ns(graph));
      if (tokens < 1024) continue;
      EXPECT_LT(double(choice.makespan_ns), 1.125 * double(bound_ns(graph)))
          << shape.name << ", " << tokens << " tokens";
    }
  }
}

}  // namespace
}  // namespace weft::schedule
