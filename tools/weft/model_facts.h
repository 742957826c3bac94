// What a graph is, told from its structure: weights by format, and the shape of a decoder. No name
// of the exporter is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ir/graph.h"

namespace weft::cli {

struct WeightFacts {
  struct Row {
    std::string format;  // "f32", "u4, blocks of 32"
    size_t tensors = 0;
    int64_t elements = 0, bytes = 0;  // bytes with scales and zero points
  };
  std::vector<Row> rows;   // most bytes first
  int64_t parameters = 0;  // elements of all rows
};

// The constants that are learned: reals (quantized or not) of more than one element that nodes
// read, without the tables of rotary positions. Bytes that two constants share (a tied embedding)
// count once.
WeightFacts weight_facts(const ir::Graph& graph);

// Of a decoder; what the structure does not tell is absent.
struct Architecture {
  std::optional<int64_t> layers, hidden, heads, kv_heads, head_size, feed_forward, vocabulary;
};
// `graph` has its caches as states.
Architecture architecture(const ir::Graph& graph);

}  // namespace weft::cli
