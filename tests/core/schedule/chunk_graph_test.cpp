// Graphs of prompts: who waits for whom across chunks.
#include "core/schedule/chunk_graph.h"

#include <gtest/gtest.h>

namespace weft::schedule {
namespace {

std::vector<uint32_t> needs(const TaskGraph& graph, uint32_t id) {
  return {graph.needs(id).begin(), graph.needs(id).end()};
}

// QKV, attention, rest: attention waits for the keys of every earlier chunk.
ChunkSteps three() { return {{{1}, {0, {0}}, {1}}, 3}; }
int64_t one(uint32_t, uint32_t) { return 1; }

TEST(ChunkGraph, attention_waits_for_the_keys_of_all_earlier_chunks) {
  const TaskGraph graph = chunk_graph(three(), 3, 3, one);
  ASSERT_EQ(graph.size(), 9u);
  EXPECT_EQ(needs(graph, 0), std::vector<uint32_t>{});
  EXPECT_EQ(needs(graph, 1), (std::vector<uint32_t>{0}));
  EXPECT_EQ(needs(graph, 4), (std::vector<uint32_t>{0, 3}));
  EXPECT_EQ(needs(graph, 7), (std::vector<uint32_t>{0, 3, 6}));
  EXPECT_EQ(needs(graph, 6), std::vector<uint32_t>{}) << "a product waits for no other chunk";
  EXPECT_EQ(graph[7].chunk, 2u);
  EXPECT_EQ(graph[7].index, 1u);
}

TEST(ChunkGraph, a_chunk_takes_the_place_of_one_that_has_ended) {
  const TaskGraph graph = chunk_graph(three(), 4, 2, one);
  EXPECT_EQ(needs(graph, 6), (std::vector<uint32_t>{2}));
  EXPECT_EQ(needs(graph, 7), (std::vector<uint32_t>{3, 6})) << "chunk 0 is behind it as a whole";
  EXPECT_EQ(needs(graph, 9), (std::vector<uint32_t>{5}));
}

TEST(ChunkGraph, early_chunks_stop_where_nobody_reads_on) {
  ChunkSteps steps = three();
  steps.early_steps = 2;
  const TaskGraph graph = chunk_graph(steps, 3, 2, one);
  ASSERT_EQ(graph.size(), 7u);
  EXPECT_EQ(needs(graph, 4), (std::vector<uint32_t>{1})) << "chunk 2 begins after chunk 0 ends";
  EXPECT_EQ(graph[6].index, 2u);
}

TEST(ChunkGraph, a_step_that_writes_and_reads_follows_itself) {
  const ChunkSteps steps{{{1}, {0, {1}}}, 2};
  const TaskGraph graph = chunk_graph(steps, 3, 3, one);
  EXPECT_EQ(needs(graph, 5), (std::vector<uint32_t>{3, 4}));
}

}  // namespace
}  // namespace weft::schedule
