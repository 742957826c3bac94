// ONNX's node tests and cases of contrib ops, from the file to the numbers: imported, then run on
// the references.
//
// core/ops tests the ops of the vocabulary in their newest form; here the importer's part is
// tested, older opsets and spellings that become several ops. A case whose sizes depend on integer
// inputs (axes, pads) is imported with those as constants, which is how models hold them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "importers/onnx/op_table.h"
#include "tests/core/ops/onnx_case.h"
#include "tests/importers/onnx/model_builder.h"
#include "tests/importers/onnx/run_graph.h"

namespace weft::onnx {
namespace {

namespace fs = std::filesystem;
using ir::DType;

constexpr const char* kDebianCases = "/usr/share/libonnx-testdata/data/node";

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

struct Case {
  std::string name;
  ::onnx::ModelProto model;
  std::vector<std::string> input_names;
  std::vector<ops::Tensor> inputs, outputs;
};

Result<std::vector<ops::Tensor>> read_data(const fs::path& set, const char* kind, int count) {
  std::vector<ops::Tensor> tensors;
  for (int i = 0; i < count; i++)
    tensors.push_back(
        TRY(test::load_onnx_tensor(set / (kind + std::string("_") + std::to_string(i) + ".pb"))));
  return tensors;
}

// Old data sets hold bf16 as the u16 of its bits; the model says what is meant.
void relabel(const ::onnx::ValueInfoProto& value, ops::Tensor& tensor) {
  const auto wanted = DType(value.type().tensor_type().elem_type());
  if (wanted == DType::bf16 && tensor.dtype == DType::u16) tensor.dtype = wanted;
}

Result<Case> read_case(const fs::path& folder) {
  Case made;
  made.name = folder.filename();
  if (!made.model.ParseFromString(read_bytes(folder / "model.onnx")))
    return Error("cannot read " + folder.string());
  const fs::path set = folder / "test_data_set_0";
  auto& graph = *made.model.mutable_graph();
  made.inputs = TRY(read_data(set, "input", graph.input_size()));
  made.outputs = TRY(read_data(set, "output", graph.output_size()));
  for (int i = 0; i < graph.input_size(); i++) {
    made.input_names.push_back(graph.input(i).name());
    relabel(graph.input(i), made.inputs[size_t(i)]);
  }
  for (int i = 0; i < graph.output_size(); i++) relabel(graph.output(i), made.outputs[size_t(i)]);
  return made;
}

// Whether tensors of this type occur in models; others are not data of this engine.
bool readable(const ::onnx::ModelProto& model) {
  for (const auto* values : {&model.graph().input(), &model.graph().output()})
    for (const auto& value : *values) {
      const int type = value.type().tensor_type().elem_type();
      const bool float8 = type >= 17 && type <= 20;
      if (!value.type().has_tensor_type() || type == 8 || type == 14 || type == 15 || float8 ||
          type > 20)
        return false;
    }
  return true;
}

// Makes constants of the inputs that hold integers, truths or a few numbers.
void fix_inputs(Case& made, bool reals) {
  auto& graph = *made.model.mutable_graph();
  for (int i = int(made.inputs.size()) - 1; i >= 0; i--) {
    const ops::Tensor& tensor = made.inputs[size_t(i)];
    if (ir::is_float(tensor.dtype) && !reals) continue;
    auto& constant = *graph.add_initializer();
    constant.set_name(made.input_names[size_t(i)]);
    constant.set_data_type(int(tensor.dtype));
    for (int64_t dim : tensor.shape) constant.add_dims(dim);
    constant.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
  }
}

Result<ir::Graph> import(const Case& made) {
  const std::string bytes = made.model.SerializeAsString();
  return import_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())), {}, {});
}

// As it is; else with integers as constants; else with everything so.
Result<ir::Graph> import_any(Case& made) {
  auto graph = import(made);
  for (bool reals : {false, true}) {
    if (graph.ok() || error_of(graph).find("is not supported") != std::string::npos) break;
    Case fixed = made;
    fix_inputs(fixed, reals);
    auto again = import(fixed);
    if (again.ok() || !reals) graph = std::move(again);
  }
  return graph;
}

std::string compare(const ops::Tensor& found, const ops::Tensor& wanted) {
  if (found.dtype != wanted.dtype) return "another element type";
  if (found.shape != wanted.shape) return "another shape";
  const auto a = ops::load_all(found.view()), b = ops::load_all(wanted.view());
  const bool narrow = wanted.dtype == DType::f16 || wanted.dtype == DType::bf16;
  const double relative = wanted.dtype == DType::bf16 ? 2e-2 : narrow ? 4e-3 : 1e-3;
  const double absolute = narrow ? 2e-3 : 1e-5;
  for (size_t i = 0; i < a.size(); i++) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::fabs(a[i] - b[i]) <= absolute + relative * std::fabs(b[i])) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + ", expected " +
           std::to_string(b[i]);
  }
  return {};
}

// What became of a case: empty, how it failed, or (refused) the importer's sentence.
struct Outcome {
  std::string problem;
  std::string refused;
};

Outcome run_case(Case& made) {
  const auto graph = import_any(made);
  if (!graph.ok()) return {{}, graph.error().message};
  GraphRun::Inputs inputs;
  for (size_t i = 0; i < made.inputs.size(); i++) inputs[made.input_names[i]] = made.inputs[i];
  const auto results = run_graph(*graph, inputs);
  if (!results.ok()) return {results.error().message, {}};
  for (size_t i = 0; i < made.outputs.size(); i++)
    if (auto problem = compare((*results)[i], made.outputs[i]); !problem.empty())
      return {"output " + std::to_string(i) + ": " + problem, {}};
  return {};
}

// Per op: how many cases pass, by element type, and the reasons of those that are refused.
struct Row {
  std::map<std::string, int> passed;  // the type of the first input, or of what has no input
  std::map<std::string, int> refusals;
  int count() const {
    int sum = 0;
    for (const auto& [type, cases] : passed) sum += cases;
    return sum;
  }
};
using Table = std::map<std::string, Row>;

// The sentence without what is the case's own.
std::string reason_of(const std::string& sentence) {
  const size_t at = sentence.find("): ");
  return at == std::string::npos ? sentence : sentence.substr(at + 3);
}

Table run_folder(const fs::path& root) {
  Table table;
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_directory()) folders.insert(entry.path());
  for (const fs::path& folder : folders) {
    ::onnx::ModelProto model;
    if (!model.ParseFromString(read_bytes(folder / "model.onnx")) || !readable(model)) continue;
    bool listed = true;
    for (const auto& node : model.graph().node())
      listed = listed && is_listed(node.domain(), node.op_type());
    if (!listed) continue;
    auto made = read_case(folder);
    if (!made.ok()) {
      ADD_FAILURE() << folder << ": " << made.error().message;
      continue;
    }
    const auto outcome = run_case(*made);
    EXPECT_EQ(outcome.problem, "") << made->name;
    const auto& last = model.graph().node(model.graph().node_size() - 1);
    const bool expanded = made->name.find("_expanded") != std::string::npos;
    const bool alone = model.graph().node_size() == 1;
    Row& row = table[alone ? last.op_type() : expanded ? "(expanded functions)" : "(several ops)"];
    if (!outcome.refused.empty()) row.refusals[reason_of(outcome.refused)]++;
    const auto& typed = made->inputs.empty() ? made->outputs : made->inputs;
    if (outcome.problem.empty() && outcome.refused.empty())
      row.passed[std::string(ir::name(typed.at(0).dtype))]++;
  }
  return table;
}

int passed(const Table& table) {
  int count = 0;
  for (const auto& [op, row] : table) count += row.count();
  return count;
}

void print(const Table& table) {
  for (const auto& [op, row] : table) {
    int refused = 0;
    for (const auto& [reason, count] : row.refusals) refused += count;
    std::printf("  %-28s %3d pass  %3d refused\n", op.c_str(), row.count(), refused);
    for (const auto& [reason, count] : row.refusals)
      std::printf("      %3d  %s\n", count, reason.c_str());
  }
}

TEST(node_cases, those_of_the_distribution_give_onnx_results_or_a_sentence) {
  ASSERT_TRUE(fs::is_directory(kDebianCases))
      << "ONNX's node tests are not installed; the package libonnx-testdata has them";
  const Table table = run_folder(kDebianCases);
  print(table);
  EXPECT_GE(passed(table), 400);
}

// The table of docs/ops.md: every line of ops.def, with its cases and the reasons of those refused.
void write_table(const std::string& path, const std::vector<Table>& tables) {
  std::map<std::pair<std::string, std::string>, Row> rows;
#define ONNX_OP(domain, name, function, least, most, attributes) rows[{domain, #name}];
#include "importers/onnx/ops.def"
#undef ONNX_OP
  for (size_t i = 0; i < tables.size(); i++)
    for (const auto& [op, row] : tables[i]) {
      auto found = rows.find({i == 0 ? "" : "com.microsoft", op});
      if (found == rows.end()) found = rows.find({"", op});
      if (found != rows.end()) found->second = row;
    }
  std::ofstream out(path);
  out << "# Ops the importer takes\n\n"
         "One row per line of `importers/onnx/ops.def`, with how many test cases of the op alone "
         "pass "
         "(those of\nONNX, for com.microsoft outputs of ONNX Runtime in `tests/data/onnx_contrib`) "
         "and why others are refused. The\ntype is that of a case's first input. A 0 means that no "
         "case has the op "
         "alone; it may occur in\ngraphs. `test_onnx` writes this page to the file that the "
         "variable "
         "WEFT_OPS_TABLE names.\n\n"
         "| domain | op | pass | of type | refused, and why |\n|---|---|---|---|---|\n";
  for (const auto& [op, row] : rows) {
    out << "| " << (op.first.empty() ? "ai.onnx" : op.first) << " | " << op.second << " | "
        << row.count() << " |";
    const char* between = " ";
    for (const auto& [type, count] : row.passed) {
      out << between << type << " " << count;
      between = ", ";
    }
    out << " |";
    for (const auto& [reason, count] : row.refusals) out << " " << count << ": " << reason << ";";
    out << " |\n";
  }
}

TEST(node_cases, the_table_of_ops_is_written_where_asked) {
  const char* path = std::getenv("WEFT_OPS_TABLE");
  if (!path) GTEST_SKIP() << "WEFT_OPS_TABLE names no file";
  std::vector<Table> tables{run_folder(kDebianCases)};
  for (const auto& [op, row] : run_folder(WEFT_TEST_DATA "/onnx_node")) {
    for (const auto& [type, count] : row.passed) tables[0][op].passed[type] += count;
    for (const auto& [reason, count] : row.refusals) tables[0][op].refusals[reason] += count;
  }
  tables.push_back(run_folder(WEFT_TEST_DATA "/onnx_contrib"));
  write_table(path, tables);
  EXPECT_TRUE(fs::exists(path));
}

TEST(node_cases, those_of_later_opsets_give_onnx_results) {
  const Table table = run_folder(WEFT_TEST_DATA "/onnx_node");
  print(table);
  EXPECT_GE(passed(table), 130);
}

TEST(node_cases, those_of_contrib_ops_give_what_onnx_runtime_gives) {
  const Table table = run_folder(WEFT_TEST_DATA "/onnx_contrib");
  print(table);
  EXPECT_GE(passed(table), 50);
  for (const auto& [op, row] : table) EXPECT_TRUE(row.refusals.empty()) << op;
}

}  // namespace
}  // namespace weft::onnx
