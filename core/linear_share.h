// Who multiplies with the weights, counted in multiply-adds, and how many copies of the weights
// that takes: what decides whether a model runs where it should.
//
//   linear    MatMul, Gemm, MatMulInteger, QLinearMatMul or ExpertMatMul by a constant
//   copy      a weight as one backend holds it; a weight that two backends multiply with is two
#pragma once

#include <string>
#include <vector>

#include "core/engine_plan.h"

namespace weft {

// Multiply-adds with weights of one run of an island: `seq` tokens, of which the logits of one are
// asked for.
double multiply_adds(const ir::Graph& graph, const plan::IslandPlan& island, int64_t seq);

struct LinearShare {
  std::string backend;
  double multiply_adds = 0;  // of one run
  double share = 0;          // of all
};

// Per backend of `plan`, of such a run; the most first.
std::vector<LinearShare> linear_shares(const plan::Plan& plan,
                                       const std::vector<host::DevicePtr>& devices, int64_t seq);

struct WeightCopies {
  std::string backend, type, order;  // "vulkan_npu", "i8", "rows"; as the backend was given them
  size_t tensors = 0;
  int64_t bytes = 0;
};

// Weights of linears over both phases, each once per backend that multiplies with it.
std::vector<WeightCopies> weight_copies(const EnginePlan& plan);

}  // namespace weft
