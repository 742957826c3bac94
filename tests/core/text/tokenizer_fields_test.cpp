// Errors about members of tokenizer.json name the path, what was found and what would work.
#include "core/text/tokenizer_fields.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

TEST(Fields, name_the_path_what_was_found_and_what_works) {
  Json json = Json::parse(R"({"a": [{"b": "x"}, 3]})");
  Field b = Field{&json, ""}.member("a").element(0).member("b");
  EXPECT_EQ(b.path, "a[0].b");
  EXPECT_EQ(wrong_value(b, "y").message, "a[0].b is \"x\"; supported: y");
  EXPECT_EQ(wrong_value(b.member("c"), "y").message, "a[0].b.c is missing; supported: y");
}

TEST(Fields, fall_back_where_a_member_is_absent_or_null) {
  Json json = Json::parse(R"({"n": null, "t": true, "i": -3, "s": "x"})");
  Field root{&json, ""};
  EXPECT_TRUE(*read_bool(root.member("n"), true));
  EXPECT_TRUE(*read_bool(root.member("t")));
  EXPECT_EQ(*read_int(root.member("i")), -3);
  EXPECT_EQ(*read_int(root.member("none"), 4), 4);
  EXPECT_EQ(*read_string(root.member("s")), "x");
  EXPECT_EQ(*read_char(root.member("s")), U'x');
  EXPECT_FALSE(read_string(root.member("n")).ok());
}

TEST(Fields, refuse_values_of_another_type) {
  Json json = Json::parse(R"({"s": "xy", "f": 1.5, "big": 18446744073709551615, "id": 4194304})");
  Field root{&json, ""};
  EXPECT_EQ(read_bool(root.member("s")).error().message, "s is \"xy\"; supported: true, false");
  EXPECT_FALSE(read_int(root.member("f")).ok());
  EXPECT_FALSE(read_int(root.member("big")).ok());
  EXPECT_FALSE(read_char(root.member("s")).ok());
  EXPECT_FALSE(read_array(root.member("s")).ok());
  EXPECT_EQ(read_token_id(root.member("id")).error().message,
            "id is 4194304; supported: token ids from 0 to 4194303");
}

TEST(Fields, cut_what_was_found_where_it_is_long) {
  Json json = std::string(500, 'a');
  EXPECT_LT(wrong_value(Field{&json, "x"}, "y").message.size(), 100u);
}

}  // namespace
}  // namespace weft::text
