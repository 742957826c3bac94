// What /set takes, and what it refuses without changing anything.
#include "tools/weft/chat_settings.h"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

std::string refusal(ChatSettings& settings, const char* assignment) {
  const auto changed = change_setting(settings, assignment);
  EXPECT_FALSE(changed.ok()) << assignment;
  return changed.ok() ? "" : changed.error().message;
}

TEST(ChatSettings, takes_a_value_behind_a_space_or_an_equals_sign) {
  ChatSettings settings;
  EXPECT_EQ(*change_setting(settings, "temperature 0.7"), "temperature 0.7");
  EXPECT_FLOAT_EQ(settings.sampler.temperature, 0.7f);
  for (const char* form : {"top-k=40", "top-k 40", "top-k = 40", "  top-k\t40 "}) {
    settings.sampler.top_k = 0;
    EXPECT_EQ(*change_setting(settings, form), "top-k 40") << form;
    EXPECT_EQ(settings.sampler.top_k, 40) << form;
  }
  EXPECT_EQ(*change_setting(settings, "top-k"), "top-k 40");
}

TEST(ChatSettings, a_system_message_is_a_text_and_can_be_taken_away) {
  ChatSettings settings;
  EXPECT_EQ(*change_setting(settings, "system Answer = briefly."), "system \"Answer = briefly.\"");
  EXPECT_EQ(settings.system, "Answer = briefly.");
  EXPECT_EQ(*change_setting(settings, "system \"quoted\""), "system \"quoted\"");
  EXPECT_EQ(settings.system, "quoted");
  EXPECT_EQ(*change_setting(settings, "system none"), "system none");
  EXPECT_EQ(settings.system, "");
}

TEST(ChatSettings, refuses_what_the_sampler_would_refuse) {
  ChatSettings settings;
  const std::string before = list_settings(settings);
  for (const char* bad :
       {"temperature -1", "temperature hot", "temperature nan", "temperature inf",
        "temperature 1e300", "top-k 1.5", "top-k -1", "top-p 0", "top-p 1.01", "min-p -0.1",
        "repeat-penalty 0", "repeat-penalty 1e-300", "repeat-window 99999999", "seed x",
        "max-tokens -3", "max-tokens 1e30", "temperature="}) {
    refusal(settings, bad);
    EXPECT_EQ(list_settings(settings), before) << bad;
  }
  EXPECT_EQ(refusal(settings, "top-p 7"), "top-p takes a number above 0 and at most 1, not '7'");
  EXPECT_NE(refusal(settings, "mood good").find("there is no setting 'mood'"), std::string::npos);
}

TEST(ChatSettings, every_value_that_is_taken_makes_a_sampler) {
  ChatSettings settings;
  for (const char* good : {"temperature 1e6", "top-k 9007199254740992", "top-p 0.001", "min-p 1",
                           "repeat-penalty 0.5", "repeat-window 16777216", "seed 12345678901"}) {
    ASSERT_TRUE(change_setting(settings, good).ok()) << good;
  }
  EXPECT_EQ(settings.sampler.seed, 12345678901u);
  EXPECT_TRUE(text::Sampler::create(settings.sampler, 8).ok());
}

}  // namespace
}  // namespace weft::cli
