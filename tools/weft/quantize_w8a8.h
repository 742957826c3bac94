// A model whose linears are int8 products of int8 activations, by what calibration saw.
//
//   x -- MatMul(W) -- y    becomes    x -- QuantizeLinear -- MatMulInteger(W8) -- DequantizeLinear
//   -- y
//
// and where a linear has a shadow, OutlierMatMul(x) is added to y. Products that read one x share
// its codes. The step of the codes is one number per linear input: from its largest magnitude, from
// its 99.9th percentile, or of least error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "quant/activation_stats.h"
#include "quant/int8_weights.h"
#include "tools/weft/calibrate.h"
#include "tools/weft/linear_groups.h"

namespace weft::cli {

enum class Clip : uint8_t { largest, percentile, least_error };

struct W8A8Plan {
  quant::ScalesOf scales_of = quant::ScalesOf::channel;
  Clip clip = Clip::least_error;  // of linears without a shadow
  // The share of linears without a shadow, those of the lowest importance; nothing: those that lose
  // little by codes alone, as calibration estimates it.
  std::optional<double> pruned;
  std::vector<std::string> keep;  // linears with one of these in their name stay floats
  bool int8_head = false;
  std::optional<double> migrate;  // SmoothQuant's alpha (migrate.h)
  bool rotate = true;             // fold rotations into the weights first (rotate.h)
};

// One group of linears, as the report has it.
struct W8A8Linear {
  std::string name;
  std::vector<std::string> products;
  int64_t k = 0, n = 0;   // of all products together
  double largest = 0;     // of |x|
  double percentile = 0;  // 99.9th of |x|
  double step = 0;
  bool kept = false;  // stays floats; what follows is empty
  bool shadow = false;
  double error = 0;      // of the product over its size, both squared, as calibration estimates it
  int64_t outliers = 0;  // codes beyond int8 at this step, in all rows
  int64_t outlier_channels = 0;  // channels that have one
  // The few channels that have most of them, and how many each: rows of the weights to keep at
  // hand.
  std::vector<int64_t> hot, hot_counts;
  int64_t rows = 0;
  double importance() const { return percentile > 0 ? largest / percentile : 1; }
};

struct W8A8Report {
  std::vector<W8A8Linear> linears;
  std::vector<std::string> left;
  double int8_share =
      0;              // of the multiply-adds of linears, the head for one row of a prompt left out
  double pruned = 0;  // share of int8 linears without a shadow
};

// Rewrites `graph`, which is canonical.
Result<W8A8Report> quantize_w8a8(ir::Graph& graph, const W8A8Plan& plan,
                                 const CalibrationText& text,
                                 const std::vector<host::PluginPtr>& plugins);

}  // namespace weft::cli
