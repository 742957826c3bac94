// Replays what Jinja2 makes of many small templates and of whole chat templates, and checks that no
// template, however broken or greedy, does more than fail with a sentence.
//
// tests/data/chat_templates/goldens.json is written by make_goldens.py beside it.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "core/text/chat_template.h"

namespace weft::text {
namespace {

using Json = nlohmann::ordered_json;

const std::string folder = std::string(WEFT_TEST_DATA) + "/chat_templates/";

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const Json& goldens() {
  static const Json all = Json::parse(read(folder + "goldens.json"));
  return all;
}

ChatOptions options_with(Json variables) {
  ChatOptions options;
  std::tm now{};
  now.tm_year = 124;  // Friday, 26 July 2024, noon: what the goldens were made with
  now.tm_mon = 6;
  now.tm_mday = 26;
  now.tm_wday = 5;
  now.tm_yday = 207;
  now.tm_hour = 12;
  options.now = now;
  options.steps_max = 2'000'000;  // keeps the greedy templates short in sanitized builds
  options.variables = std::make_shared<const Json>(std::move(variables));
  return options;
}

Result<std::string> render(const std::string& source, const Json& variables) {
  const ChatTemplate parsed = TRY(ChatTemplate::parse(source, ""));
  return parsed.render({}, options_with(variables));
}

void expect_golden(const Result<std::string>& got, const Json& expect, const std::string& what) {
  if (expect.contains("error")) {
    ASSERT_FALSE(got.ok()) << what << " renders to: " << *got;
    EXPECT_TRUE(got.error().message.starts_with("chat template")) << got.error().message;
  } else {
    ASSERT_TRUE(got.ok()) << what << " fails: " << got.error().message;
    EXPECT_EQ(*got, expect["text"].get<std::string>()) << what;
  }
}

std::string error_of(const std::string& source, const Json& variables = Json::object()) {
  const auto got = render(source, variables);
  return got.ok() ? "no error" : got.error().message;
}

TEST(Jinja, small_templates_render_as_jinja2_renders_them) {
  ASSERT_GT(goldens()["features"].size(), 500u);
  for (const Json& golden : goldens()["features"]) {
    const std::string source = golden["template"];
    expect_golden(render(source, goldens()["data"]), golden["expect"], source);
  }
}

TEST(Jinja, chat_templates_render_as_jinja2_renders_them) {
  ASSERT_GT(goldens()["models"].size(), 400u);
  for (const Json& golden : goldens()["models"]) {
    Json variables = goldens()["tokens"];
    variables["messages"] = goldens()["conversations"][golden["conversation"].get<size_t>()];
    for (const auto& [key, value] : goldens()["variants"][golden["variant"].get<size_t>()].items())
      variables[key] = value;
    const std::string file = golden["file"];
    expect_golden(render(read(folder + file), variables), golden["expect"],
                  file + golden["conversation"].dump() + "." + golden["variant"].dump());
  }
}

TEST(Jinja, every_prefix_of_every_template_renders_or_fails_with_its_place) {
  Json variables = goldens()["tokens"];
  variables["messages"] = goldens()["conversations"][5];
  variables["tools"] = goldens()["variants"][2]["tools"];
  std::set<std::string> files;
  for (const Json& golden : goldens()["models"]) files.insert(golden["file"]);
  for (const std::string& file : files) {
    const std::string source = read(folder + file);
    for (size_t size = 0; size <= source.size(); ++size) {
      const auto got = render(source.substr(0, size), variables);
      if (!got.ok()) {
        ASSERT_TRUE(got.error().message.starts_with("chat template, line "));
      }
    }
  }
}

TEST(Jinja, every_prefix_of_every_small_template_renders_or_fails) {
  for (const Json& golden : goldens()["features"]) {
    const std::string source = golden["template"];
    for (size_t size = 0; size < source.size(); ++size) {
      const auto got = render(source.substr(0, size), goldens()["data"]);
      if (!got.ok()) {
        ASSERT_TRUE(got.error().message.starts_with("chat template"));
      }
    }
  }
}

TEST(Jinja, errors_name_the_line_and_the_expression) {
  EXPECT_EQ(error_of("a\n\n{{ message.tools[0].name }}"),
            "chat template, line 3: 'message' is undefined, so 'message.tools' cannot be read");
  EXPECT_EQ(error_of("{% if true %}\n{% for x in [1] %}"),
            "chat template, line 2: the block that starts here has no 'endfor'");
  EXPECT_EQ(error_of("\n{{ 1 + 'a' }}"),
            "chat template, line 2: '+' cannot combine a value of type int and one of type str");
  EXPECT_EQ(error_of("{{ 'a'|shout }}"), "chat template, line 1: there is no filter named 'shout'");
  EXPECT_EQ(error_of("{{ raise_exception('roles must alternate') }}"),
            "chat template, line 1: the template refuses: roles must alternate");
  EXPECT_EQ(error_of("{% set l = [] %}{{ l.append(1) }}"),
            "chat template, line 1: 'append' would change a list, which a template may not, so it "
            "cannot be called");
}

TEST(Jinja, greedy_templates_end_with_a_sentence) {
  const std::string loop = "{% for a in range(99999) %}{% for b in range(99999) %}";
  const std::string ends = "{% endfor %}{% endfor %}";
  EXPECT_NE(error_of(loop + ends).find("more steps than it may"), std::string::npos);
  EXPECT_NE(error_of(loop + "{{ 'x' * 1000 }}" + ends).find("it may"), std::string::npos);
  EXPECT_NE(error_of("{{ 'x' * 99999999999 }}").find("the most it may"), std::string::npos);
  EXPECT_NE(error_of("{{ [1] * 99999999999 }}").find("more steps"), std::string::npos);
  EXPECT_NE(error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").find("deeper"),
            std::string::npos);
  const std::string grow = "{% set ns = namespace(v=1) %}{% for i in range(9999) %}{% set ns.v = ";
  EXPECT_NE(error_of(grow + "[ns.v, ns.v] %}{% endfor %}").find("nests deeper"), std::string::npos);
  EXPECT_NE(error_of(grow + "ns.v ~ ns.v %}{% endfor %}").find("it may"), std::string::npos);
  const std::string shared =
      "{% set ns = namespace(v=1) %}{% for i in range(60) %}"
      "{% set ns.v = [ns.v, ns.v] %}{% endfor %}";
  for (const char* use : {"{{ ns.v }}", "{{ ns.v|tojson }}", "{{ ns.v == [ns.v, 1][0] }}"})
    EXPECT_NE(error_of(shared + use).find("it may"), std::string::npos) << use;
  EXPECT_NE(error_of("{{ 'aaaa'|replace('a', 'b' * 60000000) }}").find("it may"),
            std::string::npos);
}

TEST(Jinja, values_that_refer_to_each_other_are_freed) {
  // The leak checker of a sanitized build looks at this.
  const auto got = render(
      "{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.l = [ns] %}"
      "{% macro m() %}{{ ns.m }}{% endmacro %}{% set ns.m = m %}ok",
      {});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(*got, "ok");
}

TEST(Jinja, deep_nesting_is_refused_by_the_parser) {
  const auto times = [](const std::string& text, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  for (const std::string& source :
       {"{{ " + times("(", 5000) + "1" + times(")", 5000) + " }}", "{{ " + times("[", 5000),
        "{{ " + times("-", 5000) + "1 }}", "{{ " + times("not ", 5000) + "1 }}",
        "{{ a" + times(".b", 5000) + " }}", "{{ 1" + times(" + 1", 5000) + " }}",
        "{{ 1" + times("|abs", 5000) + " }}", "{{ a" + times("(1)", 5000) + " }}",
        "{{ 1" + times(" if 1", 5000) + " }}", "{% set " + times("(", 5000),
        times("{% if true %}", 5000), "{{ 1" + times(" if 1 else 1", 5000) + " }}"})
    EXPECT_NE(error_of(source).find("chat template, line 1: the "), std::string::npos)
        << source.substr(0, 20);
  EXPECT_EQ(*render("{% if false %}" + times("{% elif false %}", 5000) + "{% endif %}", {}), "");
}

}  // namespace
}  // namespace weft::text
