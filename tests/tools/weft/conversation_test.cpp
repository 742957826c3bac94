// A conversation keeps what was said, feeds only what is new, and answers as if it had fed all.
//
// The model is a small llama with random weights: what it says means nothing, but it depends on
// every token before.
#include "tools/weft/conversation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/engine.h"
#include "core/host/loader.h"
#include "core/text/unicode.h"
#include "importers/onnx/model.h"

namespace weft::cli {
namespace {

constexpr int64_t kCapacity = 160, kChunk = 16;
constexpr const char* kTemplate =
    "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

// One token per byte.
text::Tokenizer byte_tokenizer() {
  nlohmann::json vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    std::string token;
    text::append_utf8(token, text::byte_to_char(uint8_t(byte)));
    vocabulary[token] = byte;
  }
  const nlohmann::json file = {
      {"version", "1.0"},
      {"added_tokens", nlohmann::json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}}};
  auto tokenizer = text::Tokenizer::parse(file.dump());
  EXPECT_TRUE(tokenizer.ok()) << (tokenizer.ok() ? "" : tokenizer.error().message);
  return *tokenizer;
}

class ConversationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto plugin = host::load(WEFT_PLUGIN_DIR "/weft_cpu.so", host::HostServices::create({}));
    ASSERT_TRUE(plugin.ok()) << plugin.error().message;
    auto graph = onnx::import(WEFT_TEST_DATA "/tiny/genai-fp32/llama");
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    EngineOptions options;
    options.backends = {"cpu"};
    options.capacity = kCapacity;
    options.chunk = kChunk;
    auto engine = Engine::build(std::move(*graph), {*plugin}, options);
    ASSERT_TRUE(engine.ok()) << engine.error().message;
    engine_ = engine->release();
  }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }

  void SetUp() override {
    auto session = engine_->open_session();
    ASSERT_TRUE(session.ok()) << session.error().message;
    session_ = std::move(*session);
    settings_.max_tokens = 8;
  }

  Conversation conversation(runtime::Session& session, const char* source = kTemplate) {
    return Conversation(session, byte_tokenizer(), *text::ChatTemplate::parse(source, ""), {});
  }
  Reply say(Conversation& talk, const std::string& message) {
    auto reply = talk.say(message, settings_, {});
    EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().message);
    return reply.ok() ? *reply : Reply{};
  }

  static Engine* engine_;
  std::unique_ptr<runtime::Session> session_;
  ChatSettings settings_;
};
Engine* ConversationTest::engine_ = nullptr;

TEST_F(ConversationTest, feeds_only_what_is_new) {
  Conversation talk = conversation(*session_);
  const Reply first = say(talk, "Hello");
  EXPECT_EQ(first.prompt_tokens, std::string("<user>Hello\n<assistant>").size());
  EXPECT_EQ(first.reused_tokens, 0u);
  EXPECT_EQ(talk.used(), int64_t(first.prompt_tokens + first.generation.ids.size() - 1));
  EXPECT_EQ(first.end, Reply::End::length);
  ASSERT_EQ(talk.history().size(), 2u);
  EXPECT_EQ(talk.history()[1].content, first.text);
  EXPECT_GE(say(talk, "Again").reused_tokens, first.prompt_tokens);
}

TEST_F(ConversationTest, answers_do_not_depend_on_what_is_reused) {
  settings_.sampler.temperature = 1;
  settings_.sampler.repetition_penalty = 1.3f;
  Conversation kept = conversation(*session_);
  say(kept, "One");
  const Reply reused = say(kept, "Two");
  EXPECT_GT(reused.reused_tokens, 0u);

  // The same turns, with the cache lost between them to a conversation that is refused in the end.
  auto other = engine_->open_session();
  ASSERT_TRUE(other.ok());
  Conversation lost = conversation(**other);
  say(lost, "One");
  volatile bool stop = true;
  ChatSettings changed = settings_;
  changed.system = "Something else before all of it";
  Conversation::Events events;
  events.stop = &stop;
  ASSERT_TRUE(lost.say("Two", changed, events).ok());
  const Reply again = say(lost, "Two");
  EXPECT_LE(again.reused_tokens, 1u);  // "<"
  EXPECT_EQ(again.generation.ids, reused.generation.ids);
}

TEST_F(ConversationTest, a_changed_system_message_is_read_from_the_beginning) {
  Conversation talk = conversation(*session_);
  say(talk, "One");
  settings_.system = "Be kind";
  const Reply reply = say(talk, "Two");
  EXPECT_LE(reply.reused_tokens, 1u);  // "<"
  const std::string whole = "<system>Be kind\n<user>One\n<assistant>" + talk.history()[1].content +
                            "\n<user>Two\n<assistant>";
  EXPECT_EQ(reply.prompt_tokens, whole.size());
}

TEST_F(ConversationTest, a_stopped_answer_stays_as_far_as_it_came) {
  Conversation talk = conversation(*session_);
  volatile bool stop = false;
  Conversation::Events events;
  events.stop = &stop;
  events.on_text = [&](std::string_view) { stop = true; };
  settings_.max_tokens = 0;
  const auto stopped = talk.say("Hello", settings_, events);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->end, Reply::End::stopped);
  EXPECT_FALSE(stopped->text.empty());
  ASSERT_EQ(talk.history().size(), 2u);
  EXPECT_EQ(talk.history()[1].content, stopped->text);
  settings_.max_tokens = 8;
  EXPECT_GE(say(talk, "Go on").reused_tokens, stopped->prompt_tokens);
}

TEST_F(ConversationTest, a_stop_within_a_long_prompt_forgets_the_message_and_keeps_what_was_read) {
  Conversation talk = conversation(*session_);
  const std::string message(100, 'x');
  volatile bool stop = false;
  Conversation::Events events;
  events.stop = &stop;
  size_t read = 0;
  events.on_prompt = [&](size_t done, size_t) {
    read = done;
    stop = done >= 2 * kChunk;
  };
  const auto stopped = talk.say(message, settings_, events);
  ASSERT_TRUE(stopped.ok()) << stopped.error().message;
  EXPECT_EQ(stopped->end, Reply::End::unanswered);
  EXPECT_TRUE(talk.history().empty());
  EXPECT_LT(read, message.size());
  EXPECT_EQ(talk.used(), int64_t(read));

  const Reply retried = say(talk, message);
  EXPECT_EQ(retried.reused_tokens, read);
  auto fresh = engine_->open_session();
  ASSERT_TRUE(fresh.ok());
  Conversation other = conversation(**fresh);
  EXPECT_EQ(retried.text, say(other, message).text);
}

TEST_F(ConversationTest, a_full_context_ends_the_answer_and_refuses_the_next_message) {
  Conversation talk = conversation(*session_);
  settings_.max_tokens = 0;
  const Reply reply = say(talk, "Talk for long");
  EXPECT_EQ(reply.end, Reply::End::full);
  EXPECT_EQ(talk.used(), kCapacity);
  const auto refused = talk.say("More", settings_, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_NE(refused.error().message.find("/reset"), std::string::npos) << refused.error().message;
  EXPECT_EQ(talk.history().size(), 2u);

  talk.reset();
  EXPECT_EQ(talk.used(), 0);
  const auto too_long = talk.say(std::string(size_t(kCapacity), 'x'), settings_, {});
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message.find("the message has"), std::string::npos);
  EXPECT_EQ(say(talk, "Talk for long").text, reply.text);
}

TEST_F(ConversationTest, a_template_that_refuses_costs_only_the_message) {
  Conversation talk = conversation(
      *session_,
      "{% if messages|length > 1 %}{{ raise_exception('one message only') }}{% endif %}"
      "{{ messages[0]['content'] }}");
  say(talk, "One");
  const auto refused = talk.say("Two", settings_, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("one message only"), std::string::npos);
  EXPECT_EQ(talk.history().size(), 2u);
}

}  // namespace
}  // namespace weft::cli
