// ONNX's own node tests, run through the shape rules and the references.
//
// Each case is checked four ways: the inferred types and contents against the expected outputs; the
// reference against them; the reference on strided memory against itself; and the shape rule on
// symbolic dims, bound to the case's sizes, against the concrete one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/ops/rules.h"
#include "tests/core/ops/onnx_case.h"

namespace weft::test {
namespace {

using ir::DType;
using ops::Array;
using ops::Tensor;

constexpr const char* kDebianCases = "/usr/share/libonnx-testdata/data/node";
// ONNX's backend tests compare with these; f16 and bf16 results carry their own rounding.
constexpr double kRelative = 1e-3, kAbsolute = 1e-7;

struct Typed {
  std::vector<ir::Type> types;
  std::vector<std::optional<std::vector<sym::Dim>>> contents;
  sym::Bounds bounds;
  sym::Bindings bindings;
};

// The inputs as a shape rule sees them; with symbols in place of dims other than 1 when asked.
Typed type_inputs(const OnnxCase& test, bool symbolic) {
  Typed typed;
  for (const Tensor& input : test.inputs) {
    ir::Type type{input.dtype, {}};
    for (int64_t dim : input.shape) {
      if (!symbolic || dim <= 1) {
        type.shape.emplace_back(dim);
        continue;
      }
      // Equal sizes are one symbol, as an exporter's would be.
      const std::string name = "d" + std::to_string(dim);
      type.shape.push_back(sym::Dim::symbol(name));
      typed.bindings[name] = dim;
      typed.bounds.set(name, {1, sym::kUnbounded});
    }
    const bool known =
        ops::matches(input.dtype, ops::Elements::integer) || input.dtype == DType::boolean;
    typed.contents.emplace_back();
    if (input.dtype != DType::undefined && known && input.view().count() <= 64) {
      typed.contents.back().emplace();
      // Contents go with a shape that is constant.
      for (size_t i = 0; i < input.shape.size(); ++i) type.shape[i] = input.shape[i];
      for (int64_t value : ops::load_ints(input.view())) {
        typed.contents.back()->emplace_back(value);
      }
    }
    // A whole number in a float scalar is known as well: Range takes them.
    if (ir::is_float(input.dtype) && input.shape.empty()) {
      const double value = ops::load(input.view(), 0);
      if (value == std::floor(value)) typed.contents.back() = {sym::Dim(int64_t(value))};
    }
    typed.types.push_back(std::move(type));
  }
  return typed;
}

Result<std::vector<ops::Inferred>> infer_case(const OnnxCase& test, const Typed& typed) {
  std::vector<ops::InferContext::Input> inputs;
  for (size_t i = 0; i < typed.types.size(); ++i) {
    const bool present = typed.types[i].dtype != DType::undefined;
    inputs.push_back({present ? &typed.types[i] : nullptr, &typed.contents[i]});
  }
  return ops::infer(ops::def(test.op), {inputs, test.outputs.size(), test.attrs, typed.bounds});
}

std::string check_types(const OnnxCase& test) {
  const Typed typed = type_inputs(test, false);
  const auto inferred = infer_case(test, typed);
  if (!inferred.ok()) return inferred.error().message;
  if (inferred->size() != test.outputs.size()) return "wrong number of outputs";
  for (size_t i = 0; i < test.outputs.size(); ++i) {
    const Tensor& wanted = test.outputs[i];
    const ops::Inferred& found = (*inferred)[i];
    if (wanted.dtype == DType::undefined) continue;
    sym::Shape shape(wanted.shape.begin(), wanted.shape.end());
    if (found.type != ir::Type{wanted.dtype, shape}) {
      return "inferred " + sym::str(found.type.shape) + ", expected " + sym::str(shape);
    }
    if (!found.contents) continue;
    const auto values = ops::load_ints(wanted.view());
    if (!std::ranges::equal(*found.contents, values,
                            [](const sym::Dim& a, int64_t b) { return a == sym::Dim(b); })) {
      return "inferred contents differ from the expected output";
    }
  }
  return {};
}

// Nothing to say where a rule needs the constant (Squeeze without axes).
std::string check_symbolic(const OnnxCase& test) {
  if (test.op == ir::Op::Squeeze && test.inputs.size() < 2) return {};
  const Typed typed = type_inputs(test, true);
  const auto inferred = infer_case(test, typed);
  if (!inferred.ok()) return "with symbols: " + inferred.error().message;
  for (size_t i = 0; i < test.outputs.size(); ++i) {
    if (test.outputs[i].dtype == DType::undefined) continue;
    std::vector<int64_t> shape;
    for (const sym::Dim& dim : (*inferred)[i].type.shape) {
      const auto value = dim.eval(typed.bindings);
      if (!value) return "with symbols: " + dim.str() + " has no value";
      shape.push_back(*value);
    }
    if (shape != test.outputs[i].shape) {
      return "with symbols: " + sym::str((*inferred)[i].type.shape) + " is " + ops::str(shape) +
             ", expected " + ops::str(test.outputs[i].shape);
    }
  }
  return {};
}

// Memory in which a tensor lies spread out: every axis has room for one more index.
struct Spread {
  Tensor room;
  Array view;
};
Spread spread(const Tensor& tensor) {
  Spread result;
  if (tensor.dtype == DType::undefined) return result;
  std::vector<int64_t> larger = tensor.shape;
  for (int64_t& dim : larger) ++dim;
  result.room = Tensor::zeros(tensor.dtype, larger);
  result.view = result.room.view();
  result.view.shape = tensor.shape;
  ops::copy_elements(tensor.view(), result.view);
  return result;
}

Array whole(const Tensor& tensor) {
  return tensor.dtype == DType::undefined ? Array{} : tensor.view();
}

std::string compare(const Tensor& found, const Tensor& wanted) {
  const auto a = ops::load_all(found.view()), b = ops::load_all(wanted.view());
  const bool narrow = wanted.dtype == DType::f16 || wanted.dtype == DType::bf16;
  // A few steps of the type: numpy rounds each of its intermediate results.
  const double relative = wanted.dtype == DType::bf16 ? 2e-2 : narrow ? 4e-3 : kRelative;
  const double absolute = narrow ? 1e-3 : kAbsolute;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::fabs(a[i] - b[i]) <= absolute + relative * std::fabs(b[i])) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + ", expected " +
           std::to_string(b[i]);
  }
  return {};
}

std::string check_reference(const OnnxCase& test) {
  std::vector<Tensor> results;
  std::vector<Spread> rooms;
  std::vector<Array> inputs, outputs, spread_inputs, spread_outputs;
  rooms.reserve(test.inputs.size() + test.outputs.size());
  for (const Tensor& input : test.inputs) {
    inputs.push_back(whole(input));
    rooms.push_back(spread(input));
    spread_inputs.push_back(rooms.back().view);
  }
  for (const Tensor& output : test.outputs) {
    results.push_back(output);
    std::fill(results.back().bytes.begin(), results.back().bytes.end(), std::byte(0));
    rooms.push_back(spread(results.back()));
    spread_outputs.push_back(rooms.back().view);
  }
  for (const Tensor& result : results) outputs.push_back(whole(result));
  const ops::OpDef& op = ops::def(test.op);
  if (const auto status = ops::run_reference(op, {inputs, outputs, test.attrs}); !status.ok()) {
    return status.error().message;
  }
  const auto again = ops::run_reference(op, {spread_inputs, spread_outputs, test.attrs});
  if (!again.ok()) return "strided: " + again.error().message;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].dtype == DType::undefined) continue;
    if (auto difference = compare(results[i], test.outputs[i]); !difference.empty()) {
      return difference;
    }
    Tensor gathered = Tensor::zeros(results[i].dtype, results[i].shape);
    ops::copy_elements(spread_outputs[i], gathered.view());
    if (gathered.bytes != results[i].bytes) return "strided memory gives another result";
  }
  return {};
}

struct Count {
  int run = 0, passed = 0;
};

// Runs every case below `root`; returns per op how many ran. Prints the table.
std::map<std::string, Count> run_all(const std::string& root) {
  std::map<std::string, Count> counts;
  std::map<std::string, int> skipped;
  std::vector<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.is_directory()) folders.push_back(entry.path().string());
  }
  std::sort(folders.begin(), folders.end());
  for (const std::string& folder : folders) {
    const auto loaded = load_onnx_case(folder);
    if (!loaded.ok()) {
      ADD_FAILURE() << folder << ": " << loaded.error().message;
      continue;
    }
    if (!loaded->case_) {
      ++skipped[loaded->skipped];
      continue;
    }
    Count& count = counts[std::string(ir::name(loaded->case_->op))];
    ++count.run;
    std::string problem = check_types(*loaded->case_);
    if (problem.empty()) problem = check_symbolic(*loaded->case_);
    if (problem.empty()) problem = check_reference(*loaded->case_);
    if (problem.empty()) ++count.passed;
    EXPECT_EQ(problem, "") << loaded->case_->name;
  }
  for (const auto& [op, count] : counts) {
    std::printf("  %-20s %3d of %3d\n", op.c_str(), count.passed, count.run);
  }
  for (const auto& [reason, count] : skipped) {
    std::printf("  skipped: %-40s %3d\n", reason.c_str(), count);
  }
  return counts;
}

TEST(OnnxNode, EveryCaseOfTheDistributionsOnnxTestDataPasses) {
  ASSERT_TRUE(std::filesystem::is_directory(kDebianCases))
      << "ONNX's node tests are not installed; the package libonnx-testdata has them";
  const auto counts = run_all(kDebianCases);
  int run = 0;
  for (const auto& [op, count] : counts) run += count.run;
  EXPECT_GE(run, 320) << "cases of the vocabulary went missing";
  EXPECT_GE(counts.size(), 55u) << "ops of the vocabulary went missing";
}

TEST(OnnxNode, EveryCaseOfTheLaterOpsetsPasses) {
  const auto counts = run_all(std::string(WEFT_TEST_DATA) + "/onnx_node");
  for (const char* op :
       {"Attention", "RotaryEmbedding", "RMSNormalization", "TensorScatter", "Gelu", "Swish"}) {
    EXPECT_TRUE(counts.contains(op)) << op << " has no case";
  }
}

}  // namespace
}  // namespace weft::test
