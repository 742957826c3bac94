// Which constants of a graph are weights, and which nodes read them as such; see
// quantize_weights.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/ops/array.h"

namespace weft::cli {

// A node that reads a weight.
struct WeightReader {
  ir::NodeId node = ir::NodeId::none;
  size_t input = 0;
  bool product = true;  // its columns; else rows of a table
};

// A constant as lines, along which products sum.
struct WeightLines {
  std::string name;  // of the first reader, or the constant
  ir::ValueId constant = ir::ValueId::none;
  bool columns = false;  // lines are columns of the constant
  bool head = false;     // a reader computes an output
  std::vector<WeightReader> readers;
};

// Every weight of the graph, in the order of its first reader.
std::vector<WeightLines> find_weights(const ir::Graph& graph);

// Whether a line's elements lie one after the other in the storage.
bool is_line_major(const ir::Graph& graph, const WeightLines& weight);
int64_t line_count(const ir::Graph& graph, const WeightLines& weight);
int64_t line_length(const ir::Graph& graph, const WeightLines& weight);

// A constant for the slow reference to read; `codes` is filled where the array needs it, and
// outlives the array.
ops::Array constant_view(const ir::Graph& graph, const ir::Value& value,
                         ops::ArrayQuantization& codes);

}  // namespace weft::cli
