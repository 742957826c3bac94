// Products with constant weights, by the value they read: what becomes int8 products of one code.
//
//   x --+-- MatMul(W_q)          a group: x, and its three products
//       +-- MatMul(W_k)
//       +-- MatMul(W_v)
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/ir/graph.h"

namespace weft::cli {

struct LinearProduct {
  ir::NodeId node = ir::NodeId::none;
  std::string name;
  ir::ValueId weight = ir::ValueId::none;  // [K, N], of floats or of codes that stand for floats
  bool head = false;                       // it computes the logits
};

struct LinearGroup {
  std::string name;  // of the first product
  ir::ValueId input = ir::ValueId::none;
  std::vector<LinearProduct> products;
  bool head() const { return products.front().head; }
};

// The groups of a canonical graph, in the order of their first product. The head is apart from
// others that read its input.
std::vector<LinearGroup> find_linear_groups(const ir::Graph& graph);

int64_t rows_of(const ir::Graph& graph, ir::ValueId weight);     // K
int64_t columns_of(const ir::Graph& graph, ir::ValueId weight);  // N

// The weight's reals, row-major [K, N].
std::vector<float> reals_of(const ir::Graph& graph, ir::ValueId weight);
// A constant of floats in the place of `weight`.
ir::ValueId add_reals(ir::Graph& graph, const std::string& name, std::span<const float> reals,
                      std::vector<int64_t> dims);

// sum_n w_kn^2 of each row k, over all products of the group.
std::vector<double> weight_energy(const ir::Graph& graph, const LinearGroup& group);

}  // namespace weft::cli
