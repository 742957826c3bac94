// Charsmaps: base64, a map drawn by hand, the map of a whole tokenizer, and broken ones.
#include "core/text/charsmap.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/text/unicode.h"

namespace weft::text {
namespace {

std::string to_base64(std::string_view bytes) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (at + i < bytes.size() ? static_cast<uint8_t>(bytes[at + i]) : 0);
    for (size_t i = 0; i < 4; ++i)
      out.push_back(at + i > bytes.size() ? '=' : digits[bits >> (18 - 6 * i) & 63]);
  }
  return out;
}

std::string number(uint32_t value) {
  std::string out;
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return out;
}

// The bytes of a map with these units and texts.
std::string bytes_of(const std::vector<uint32_t>& units, std::string_view texts) {
  std::string out = number(static_cast<uint32_t>(units.size() * 4));
  for (uint32_t unit : units) out += number(unit);
  return out.append(texts);
}

// One key, "a": from the root (unit 0, offset 1) to unit 1 ^ 'a', whose value hangs at offset 1.
std::vector<uint32_t> units_of_a(uint32_t value) {
  std::vector<uint32_t> units(128, 0);
  units[0] = 1 << 10;
  units[1 ^ 'a'] = (1 ^ 'a' ^ 2) << 10 | 0x100 | 'a';
  units[2] = value | uint32_t{1} << 31;
  return units;
}

std::string normalize(std::string_view bytes, std::string_view text) {
  auto map = Charsmap::parse(to_base64(bytes));
  return map.ok() ? map->normalize(text) : map.error().message;
}

TEST(Base64, gives_the_bytes_back) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
  EXPECT_EQ(from_base64("AQI"), "\x01\x02");  // padding is optional
}

TEST(Base64, refuses_what_is_none) {
  for (std::string_view text : {"A", "AQI=A", "AQ==AQ==", "A Q=", "\xff\xff", "AAAAA"})
    EXPECT_FALSE(from_base64(text).has_value()) << text;
}

TEST(Charsmap, replaces_what_the_map_holds) {
  std::string map = bytes_of(units_of_a(2), std::string("x\0bc\0", 5));
  EXPECT_EQ(normalize(map, "aXa"), "bcXbc");
  EXPECT_EQ(normalize(map, ""), "");
  EXPECT_EQ(normalize(map, std::string_view("\0a", 2)), std::string("\0bc", 3));
}

TEST(Charsmap, takes_a_short_cluster_by_its_shortest_prefix) {
  std::string map = bytes_of(units_of_a(0), "b");
  EXPECT_EQ(normalize(map, "a\u0301c"), "bc");  // the accent goes with its letter
  EXPECT_EQ(normalize(map, "a\u0301\u0302\u0303c"), "b\u0301\u0302\u0303c");  // too long for that
}

TEST(Charsmap, may_drop_characters) {
  EXPECT_EQ(normalize(bytes_of(units_of_a(0), std::string(1, '\0')), "xay"), "xy");
}

TEST(Charsmap, leaves_the_text_where_a_value_points_nowhere) {
  for (uint32_t value : {1u, 77u, 0x7fffffffu})
    EXPECT_EQ(normalize(bytes_of(units_of_a(value), "\u00e9"), "a"), "a");
}

TEST(Charsmap, says_what_is_wrong) {
  EXPECT_EQ(Charsmap::parse("*").error().message,
            "is no base64; supported: the bytes of a SentencePiece charsmap in it");
  EXPECT_EQ(normalize("abc", ""),
            "holds 3 bytes; supported: a SentencePiece charsmap, whose size alone takes 4");
  for (uint32_t size : {0u, 2u, 12u, 0xfffffffcu})
    EXPECT_EQ(normalize(number(size) + "12345678", ""),
              "says its trie takes " + std::to_string(size) +
                  " of its 8 bytes; supported: a positive multiple of 4, up to all of them");
  EXPECT_EQ(normalize(bytes_of({0}, "\xff"), ""),
            "holds texts that are no UTF-8; supported: a SentencePiece charsmap");
}

TEST(Charsmap, survives_changed_maps) {
  std::ifstream file(WEFT_TEST_DATA "/tokenizers/t5.json");
  auto json = nlohmann::json::parse(file);
  auto bytes = from_base64(json["normalizer"]["precompiled_charsmap"].get<std::string>());
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(normalize(*bytes, "\uff21\u2460 e\u0301 \ufb01"), "A1 \u00e9 fi");
  uint32_t state = 3;
  for (int round = 0; round < 3000; ++round) {
    std::string changed = *bytes;
    for (int i = 0; i < 20; ++i) {
      state = state * 1664525 + 1013904223;
      changed[4 + (state >> 4) % (changed.size() - 4)] ^= static_cast<char>(1 << (state >> 29));
    }
    EXPECT_TRUE(is_valid_utf8(normalize(changed, "\uff21a \u2460e\u0301\ufb01\u00ad\u3000z")));
  }
}

}  // namespace
}  // namespace weft::text
