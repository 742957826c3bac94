// Tests of the public face of chat templates: messages, options, and finding the template of a
// model.
#include "core/text/chat_template.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace weft::text {
namespace {

using Json = nlohmann::ordered_json;

class ModelFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("weft_chat_" + std::string(test->name()) + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string rendered(const ChatOptions& options = {}) {
    const auto loaded = load_chat_template(folder_);
    if (!loaded.ok()) return "error: " + loaded.error().message;
    const auto text = loaded->render({{"user", "hi"}}, options);
    return text.ok() ? *text : "error: " + text.error().message;
  }

  std::filesystem::path folder_;
};

SharedJson shared(const char* text) { return std::make_shared<const Json>(Json::parse(text)); }

std::string render(const std::string& source, const std::vector<ChatMessage>& messages,
                   const ChatOptions& options = {}) {
  const auto parsed = ChatTemplate::parse(source, "");
  if (!parsed.ok()) return parsed.error().message;
  const auto text = parsed->render(messages, options);
  return text.ok() ? *text : text.error().message;
}

TEST(ChatTemplate, renders_messages_in_order) {
  EXPECT_EQ(render("{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}",
                   {{"system", "s"}, {"user", "u"}}),
            "system:s;user:u;");
}

TEST(ChatTemplate, extra_fields_join_and_replace_those_of_a_message) {
  EXPECT_EQ(render("{{ messages[0].content is none }} {{ messages[0].tool_calls|tojson }}",
                   {{"assistant", "x",
                     shared(R"({"content": null, "tool_calls": [{"b": 1, "a": 2}]})")}}),
            "True [{\"b\": 1, \"a\": 2}]");
}

TEST(ChatTemplate, options_reach_the_template) {
  ChatOptions options;
  options.add_generation_prompt = false;
  options.bos_token = "<s>";
  options.variables = shared(R"({"tools": [{"z": 1, "a": 2}], "enable_thinking": false})");
  EXPECT_EQ(
      render("{{ bos_token }}{{ add_generation_prompt }}{{ enable_thinking }}{{ tools|tojson }}"
             "{{ eos_token is defined }}{{ documents }}",
             {}, options),
      "<s>FalseFalse[{\"z\": 1, \"a\": 2}]FalseNone");
}

TEST(ChatTemplate, strftime_now_tells_the_given_time) {
  ChatOptions options;
  std::tm now{};
  now.tm_year = 101;
  now.tm_mon = 1;
  now.tm_mday = 3;
  options.now = now;
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}", {}, options), "03 Feb 2001");
}

TEST(ChatTemplate, limits_of_the_options_hold) {
  ChatOptions options;
  options.steps_max = 100;
  EXPECT_EQ(render("{% for i in range(90) %}{{ i }}\n{% endfor %}", {}, options),
            "chat template, line 1: the template takes more steps than it may; it probably loops "
            "without end");
  options.steps_max = 1000;
  options.output_bytes_max = 8;
  EXPECT_EQ(
      render("{{ '12345' }}{{ '67890' }}", {}, options),
      "chat template, line 1: the template makes a text longer than 8 bytes, the most it may");
}

TEST(ChatTemplate, errors_carry_the_name_of_the_template) {
  const auto parsed = ChatTemplate::parse("{% if %}", "tool_use");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message,
            "chat template 'tool_use', line 1: expected an expression, found '%}'");
}

TEST(ChatTemplate, numbers_beyond_64_bits_are_refused) {
  ChatOptions options;
  options.variables = shared(R"({"big": 18446744073709551615})");
  EXPECT_EQ(render("{{ big }}", {}, options),
            "chat template: the number 18446744073709551615 in the variables exceeds 64 bits");
}

TEST(ChatTemplate, a_content_that_is_not_utf8_is_kept) {
  EXPECT_EQ(render("{{ messages[0].content|trim }}", {{"user", " \xFFx\xC3 "}}), "\xFFx\xC3");
}

TEST_F(ModelFolder, own_file_comes_before_the_configuration) {
  write("chat_template.jinja", "file {{ bos_token }}{{ eos_token }}");
  write("tokenizer_config.json",
        R"({"chat_template": "config", "bos_token": "<s>", "eos_token": {"content": "</s>"}})");
  EXPECT_EQ(rendered(), "file <s></s>");
  ChatOptions options;
  options.eos_token = "E";
  EXPECT_EQ(rendered(options), "file <s>E");
}

TEST_F(ModelFolder, template_text_of_the_configuration_is_used) {
  write("tokenizer_config.json", R"({"chat_template": "{{ messages[0].content }}!"})");
  EXPECT_EQ(rendered(), "hi!");
}

TEST_F(ModelFolder, the_default_of_named_templates_is_used) {
  write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "r"},
                                     {"name": "default", "template": "d"}]})");
  EXPECT_EQ(rendered(), "d");
}

TEST_F(ModelFolder, a_missing_template_is_an_error_that_says_what_would_do) {
  EXPECT_NE(rendered().find("has no chat template: it needs chat_template.jinja"),
            std::string::npos);
  write("tokenizer_config.json", R"({"chat_template": [{"name": "rag"}], "bos_token": 5})");
  EXPECT_NE(rendered().find("has no chat template"), std::string::npos);
}

TEST_F(ModelFolder, a_broken_configuration_is_an_error) {
  write("tokenizer_config.json", "{\"chat_template\": ");
  EXPECT_NE(rendered().find("is not a JSON object"), std::string::npos);
}

}  // namespace
}  // namespace weft::text
