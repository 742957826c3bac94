// The weights of a graph as codes of few bits, each in groups along the dim that products sum over.
//
//   x * W          W a constant [K, N], as it is or transposed: lines are columns of W
//   table[ids]     rows that a model's token ids choose: lines are rows
//
// A constant that both read is one constant afterwards too. Weights that are codes already are
// decoded and quantized anew, but for 4-bit blocks of the same size that become e0m4 edge or
// asymmetric int4: those keep their codes. What else the graph holds stays as it is: norms, biases,
// tables of positions, experts stacked in one tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "quant/affine.h"

namespace weft::cli {

// How the codes of a weight are chosen and stored.
struct WeightFormat {
  ir::DType storage = ir::DType::e0m4;  // or u4, u8
  std::string form;                     // as --form names it
  int64_t group = 64;                   // weights to a scale, a power of two; 0: a line
};
// "e0m4 edge 32", "int8 symmetric".
std::string str(const WeightFormat& format);

struct QuantizePlan {
  WeightFormat all;
  std::optional<WeightFormat> head;  // of what computes the logits, and of a table tied to it
  bool keep_head = false;
  std::vector<std::string> keep;  // weights with one of these in their name stay as they are
  int threads = 1;
};

struct QuantizedLayer {
  std::string name;
  int64_t lines = 0, length = 0;
  std::string format;
  double bits = 0;    // per weight, with scales and zero points as they are packed
  bool same = false;  // the codes are the source's
  quant::Loss loss;
};

struct QuantizeReport {
  std::vector<QuantizedLayer> layers;
  std::vector<std::string> left;  // a sentence for each weight that stays, and why
};

// What `weights` (e0m4, m0e4, int4, int8) and `form` name; an empty form is the usual one, a group
// below 0 the usual size. Fails with what there is.
Result<WeightFormat> weight_format(const std::string& weights, const std::string& form,
                                   int64_t group);

// Replaces the weights of `graph`, which is as imported. Fails when one has a value that is not
// finite, and when a name of `keep` is none of a weight.
Result<QuantizeReport> quantize_weights(ir::Graph& graph, const QuantizePlan& plan);

}  // namespace weft::cli
