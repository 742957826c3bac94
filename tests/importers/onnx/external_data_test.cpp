#include "importers/onnx/external_data.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

struct Entry {
  const char *location, *offset, *length;
};

// y = x + w with w [4] f32 outside the file.
ModelBuilder model_with(const Entry& entry) {
  ModelBuilder model;
  model.input("x", FLOAT, {4}).output("y");
  model.node("Add", {"x", "w"}, {"y"});
  auto& tensor = *model.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(FLOAT);
  tensor.add_dims(4);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  auto add = [&](const char* key, const char* value) {
    if (!value) return;
    auto& made = *tensor.add_external_data();
    made.set_key(key);
    made.set_value(value);
  };
  add("location", entry.location);
  add("offset", entry.offset);
  add("length", entry.length);
  return model;
}

class ExternalDataTest : public ::testing::Test {
 protected:
  ExternalDataTest() { folder_.write("w.bin", std::string(64, 'w')); }
  Result<ir::Graph> import(const Entry& entry) {
    return model_with(entry).import(nullptr, folder_.path);
  }
  std::string error(const Entry& entry) { return error_of(import(entry)); }
  void expect_refused(const Entry& entry, const std::string& why) {
    std::string message = error(entry);
    EXPECT_NE(message.find(why), std::string::npos) << message;
    EXPECT_NE(message.find("tensor 'w'"), std::string::npos) << message;
  }
  TestFolder folder_;
};

const ir::Value& weight(const ir::Graph& graph) { return graph[output_node(graph).inputs[1]]; }

TEST_F(ExternalDataTest, bytes_are_mapped_at_their_offset) {
  folder_.write("w.bin", std::string(16, 'a') + std::string(16, 'b'));
  auto graph = import({"w.bin", "16", "16"});
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(weight(*graph).constant->bytes.size(), 16u);
  EXPECT_EQ(weight(*graph).constant->bytes[0], std::byte('b'));
}

TEST_F(ExternalDataTest, an_offset_that_breaks_alignment_is_copied) {
  auto graph = import({"w.bin", "3", "16"});
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weight(*graph).constant->bytes.data()) % 4, 0u);
}

TEST_F(ExternalDataTest, offset_and_length_may_be_left_out) {
  EXPECT_EQ(error({"w.bin", nullptr, nullptr}), "");
}

TEST_F(ExternalDataTest, content_ids_follow_the_place_and_the_state_of_the_file) {
  auto first = weight(*import({"w.bin", "0", "16"})).constant->content_id;
  EXPECT_EQ(first, weight(*import({"w.bin", "0", "16"})).constant->content_id);
  EXPECT_NE(first, weight(*import({"w.bin", "16", "16"})).constant->content_id);
  folder_.write("w.bin", std::string(65, 'w'));
  EXPECT_NE(first, weight(*import({"w.bin", "0", "16"})).constant->content_id);
}

TEST_F(ExternalDataTest, a_missing_file_is_named_with_offset_length_and_size) {
  expect_refused({"none.bin", "4", "16"},
                 "(file 'none.bin', offset 4, length 16, expected 16 bytes): the file is missing");
}

TEST_F(ExternalDataTest, a_short_file_is_refused) {
  expect_refused({"w.bin", "56", "16"}, "the file has only 64 bytes");
  expect_refused({"w.bin", "65", "16"}, "the file has only 64 bytes");
}

TEST_F(ExternalDataTest, an_offset_near_the_integer_limit_does_not_wrap) {
  expect_refused({"w.bin", "18446744073709551608", "16"}, "the file has only 64 bytes");
  expect_refused({"w.bin", "99999999999999999999", "16"}, "not a number of bytes");
  expect_refused({"w.bin", "-4", "16"}, "not a number of bytes");
}

TEST_F(ExternalDataTest, a_length_that_does_not_match_the_shape_is_refused) {
  expect_refused({"w.bin", "0", "12"}, "the length does not match");
}

// What importing y = x + w + v says when w and v lie at these places of one file.
std::string error_of_two(const TestFolder& folder, const Entry& w, const Entry& v) {
  ModelBuilder model = model_with(w);
  model.node("Add", {"y", "v"}, {"z"});
  model.output("z");
  *model.graph().add_initializer() = model_with(v).graph().initializer(0);
  model.graph().mutable_initializer(1)->set_name("v");
  return error_of(model.import(nullptr, folder.path));
}

TEST_F(ExternalDataTest, tensors_share_all_their_bytes_or_none) {
  const Entry first{"w.bin", "16", "16"};
  for (const char* offset : {"0", "16", "32", "48"})
    EXPECT_EQ(error_of_two(folder_, first, {"w.bin", offset, "16"}), "") << offset;
  for (const char* offset : {"4", "12", "15", "17", "31"}) {
    const std::string message = error_of_two(folder_, first, {"./w.bin", offset, "16"});
    EXPECT_NE(message.find("tensor 'v'"), std::string::npos) << message;
    EXPECT_NE(message.find("some but not all of its bytes with tensor 'w' (bytes 16 to 32)"),
              std::string::npos)
        << message;
  }
}

TEST_F(ExternalDataTest, places_outside_the_folder_are_refused) {
  expect_refused({"/etc/hostname", "0", "16"}, "absolute");
  expect_refused({"../w.bin", "0", "16"}, "'..'");
  expect_refused({"a/../../w.bin", "0", "16"}, "'..'");
}

TEST_F(ExternalDataTest, a_link_that_leaves_the_folder_is_refused_and_one_inside_is_not) {
  TestFolder other;
  other.write("secret", std::string(64, 's'));
  std::filesystem::create_symlink(other.path / "secret", folder_.path / "out.bin");
  std::filesystem::create_symlink("w.bin", folder_.path / "in.bin");
  expect_refused({"out.bin", "0", "16"}, "outside the model's folder");
  EXPECT_EQ(error({"in.bin", "0", "16"}), "");
}

TEST_F(ExternalDataTest, folders_and_pipes_are_refused) {
  std::filesystem::create_directory(folder_.path / "sub");
  ASSERT_EQ(mkfifo((folder_.path / "pipe").c_str(), 0600), 0);
  expect_refused({"sub", "0", "16"}, "is a folder");
  expect_refused({"pipe", "0", "16"}, "is a pipe");
}

TEST_F(ExternalDataTest, a_model_in_memory_has_no_external_data) {
  std::string message = error_of(model_with({"w.bin", "0", "16"}));
  EXPECT_NE(message.find("without a folder"), std::string::npos) << message;
}

TEST_F(ExternalDataTest, a_tensor_without_a_location_is_refused) {
  expect_refused({nullptr, "0", "16"}, "names no file");
}

}  // namespace
}  // namespace weft::onnx
