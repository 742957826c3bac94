#include "importers/onnx/find_model.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(find_model, takes_a_file_as_it_is) {
  TestFolder folder;
  folder.write("a.bin", "x");
  EXPECT_EQ(*find_model(folder.path / "a.bin"), folder.path / "a.bin");
}

TEST(find_model, finds_the_only_model_of_a_folder) {
  TestFolder folder;
  folder.write("decoder.onnx", "x");
  folder.write("decoder.onnx.data", "x");
  EXPECT_EQ(*find_model(folder.path), folder.path / "decoder.onnx");
}

TEST(find_model, looks_into_the_onnx_subfolder) {
  TestFolder folder;
  std::filesystem::create_directory(folder.path / "onnx");
  folder.write("onnx/model.onnx", "x");
  EXPECT_EQ(*find_model(folder.path), folder.path / "onnx" / "model.onnx");
}

TEST(find_model, lists_the_candidates_when_there_are_several) {
  TestFolder folder;
  folder.write("model.onnx", "x");
  folder.write("model_q4.onnx", "x");
  auto found = find_model(folder.path);
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.error().message.find("(model.onnx, model_q4.onnx)"), std::string::npos);
}

TEST(find_model, says_when_a_folder_or_path_holds_none) {
  TestFolder folder;
  EXPECT_NE(find_model(folder.path).error().message.find("holds no .onnx file"), std::string::npos);
  EXPECT_NE(find_model(folder.path / "no").error().message.find("there is no file"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
