// What a file says of itself, also when it cannot be imported.
#include "importers/onnx/file_summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/base/mapped_file.h"
#include "importers/onnx/model.h"

namespace weft::onnx {
namespace {

const std::string kLlama = WEFT_TEST_DATA "/tiny/genai-fp32/llama";

size_t count_of(const FileSummary& summary, const std::string& op) {
  size_t count = 0;
  for (const auto& row : summary.ops) count += row.op == op ? row.count : 0;
  return count;
}

TEST(FileSummary, describes_what_the_file_holds) {
  FileSummary summary;
  ASSERT_TRUE(import(kLlama, {nullptr, &summary}).ok());
  EXPECT_EQ(summary.path.filename(), "model.onnx");
  EXPECT_GT(summary.size_bytes, 1000);
  EXPECT_GE(summary.ir_version, 7);
  EXPECT_EQ(count_of(summary, "GroupQueryAttention"), 2u);
  EXPECT_TRUE(std::all_of(summary.ops.begin(), summary.ops.end(),
                          [](const auto& row) { return row.supported; }));
  ASSERT_EQ(summary.inputs.size(), 6u);
  EXPECT_EQ(summary.inputs[0].name, "input_ids");
  EXPECT_EQ(summary.inputs[0].type, "i64[batch_size, sequence_length]");
  EXPECT_TRUE(summary.inputs[0].used);
  EXPECT_EQ(summary.outputs[0].type, "f32[batch_size, sequence_length, 320]");
}

TEST(FileSummary, counts_the_bytes_of_files_beside_the_model) {
  FileSummary summary;
  ASSERT_TRUE(import(kLlama, {nullptr, &summary}).ok());
  ASSERT_EQ(summary.external.size(), 1u);
  EXPECT_EQ(summary.external[0].name, "model.onnx.data");
  EXPECT_LE(summary.external[0].used_bytes, summary.external[0].size_bytes);
  int64_t all = 0;
  for (const auto& row : summary.initializers) all += row.bytes;
  EXPECT_GE(all, summary.external[0].used_bytes);
}

TEST(FileSummary, is_there_when_an_op_or_a_file_is_not) {
  const auto file = MappedFile::open(kLlama + "/model.onnx");
  ASSERT_TRUE(file.ok());
  std::string bytes(reinterpret_cast<const char*>((*file)->bytes().data()),
                    (*file)->bytes().size());
  const std::string known = "GroupQueryAttention", unknown = "GroupQuestAttention";
  for (size_t at = 0; (at = bytes.find(known, at)) != std::string::npos;)
    bytes.replace(at, known.size(), unknown);
  FileSummary summary;
  const auto graph = import_bytes(std::as_bytes(std::span(bytes)), "", {nullptr, &summary});
  EXPECT_FALSE(graph.ok());
  EXPECT_EQ(count_of(summary, unknown), 2u);
  for (const auto& row : summary.ops) EXPECT_EQ(row.supported, row.op != unknown) << row.op;
  ASSERT_EQ(summary.external.size(), 1u);
  EXPECT_EQ(summary.external[0].size_bytes, -1);
}

}  // namespace
}  // namespace weft::onnx
