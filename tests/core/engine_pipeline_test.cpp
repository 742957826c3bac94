// Prompts of several chunks on a device that works beside the host: in whatever order the stages
// run, logits and caches have the bits of one chunk after the other on one device.
//
// The device is tests/plugin_api/beside.cpp: the reference's products, at fixed shapes, in memory
// of its own, on a thread that takes its time. Everything else runs on the reference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "core/base/counters.h"
#include "core/engine.h"
#include "core/host/loader.h"
#include "importers/onnx/model.h"
#include "tests/core/host/scratch_folder.h"

namespace weft {
namespace {

using runtime::ScheduleMode;

constexpr int64_t kChunk = 16, kCapacity = 160;
constexpr const char* kLlama = "genai-fp32/llama";
constexpr const char* kGemma = "genai-fp32/gemma2";

struct Setting {
  const char* beside = "";  // WEFT_BESIDE
  ScheduleMode mode = ScheduleMode::automatic;
  int64_t in_flight = 0;
  uint64_t seed = 0;
  std::filesystem::path cache_folder = {};
  bool alone = false;  // no device beside the host
  std::vector<std::string> decode = {"reference"};
};

std::unique_ptr<Engine> engine_for(const char* model, const Setting& setting) {
  ::setenv("WEFT_BESIDE", setting.beside, 1);
  host::HostOptions one_thread;
  one_thread.threads = 1;
  const auto services = host::HostServices::create(one_thread);
  std::vector<host::PluginPtr> plugins;
  for (const char* file :
       {WEFT_PLUGIN_DIR "/weft_reference.so", WEFT_BINARY_DIR "/tests/bad/beside.so"}) {
    auto plugin = host::load(file, services);
    if (!plugin.ok()) {
      ADD_FAILURE() << plugin.error().message;
      return nullptr;
    }
    plugins.push_back(std::move(*plugin));
  }
  EngineOptions options;
  options.backends = {"reference"};
  if (!setting.alone) options.prefill = {"beside", "reference"};
  options.decode = setting.decode;
  options.capacity = kCapacity;
  options.chunk = kChunk;
  options.schedule = {setting.mode, setting.in_flight, setting.seed};
  options.cache_folder = setting.cache_folder;
  auto graph = onnx::import(std::string(WEFT_TEST_DATA "/tiny/") + model);
  if (!graph.ok()) {
    ADD_FAILURE() << graph.error().message;
    return nullptr;
  }
  auto engine = Engine::build(std::move(*graph), plugins, std::move(options));
  if (!engine.ok()) {
    ADD_FAILURE() << engine.error().message;
    return nullptr;
  }
  return std::move(*engine);
}

std::vector<int64_t> ids(int64_t count) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(3 + i * 37 % 90);
  return out;
}

// What a prompt leaves behind: the logits of its last rows, and every cache.
struct Outcome {
  std::vector<float> logits;
  std::vector<std::vector<std::byte>> caches;
};

Outcome outcome(runtime::Session& session, std::span<const float> logits) {
  Outcome out{{logits.begin(), logits.end()}, {}};
  for (size_t i = 0; i < session.caches().size(); ++i) {
    const auto& cache = session.caches()[i];
    out.caches.emplace_back(size_t(ir::size_bytes(cache.dtype, session.past() * cache.width)));
    EXPECT_TRUE(session.read_cache(i, out.caches.back()).ok());
  }
  return out;
}

Outcome prompt(runtime::Session& session, int64_t count, int64_t rows = 1) {
  EXPECT_TRUE(session.truncate(0).ok());
  const auto logits = session.feed(ids(count), rows);
  if (!logits.ok()) {
    ADD_FAILURE() << logits.error().message;
    return {};
  }
  EXPECT_EQ(session.past(), count);
  return outcome(session, *logits);
}

void expect_same(const Outcome& got, const Outcome& want) {
  ASSERT_FALSE(want.logits.empty());
  ASSERT_EQ(got.logits.size(), want.logits.size());
  EXPECT_EQ(std::memcmp(got.logits.data(), want.logits.data(), want.logits.size() * sizeof(float)),
            0)
      << "logits";
  EXPECT_EQ(got.caches, want.caches);
}

std::unique_ptr<runtime::Session> session_of(Engine& engine) {
  auto session = engine.open_session();
  if (!session.ok()) {
    ADD_FAILURE() << session.error().message;
    return nullptr;
  }
  return std::move(*session);
}

class Pipeline : public testing::Test {
 protected:
  void TearDown() override { ::unsetenv("WEFT_BESIDE"); }
};

TEST_F(Pipeline, every_mode_gives_the_bits_of_one_chunk_after_the_other) {
  for (const char* model : {kLlama, kGemma}) {
    const auto whole = engine_for(model, {.alone = true});
    ASSERT_TRUE(whole);
    const auto expected = session_of(*whole);
    for (const ScheduleMode mode : {ScheduleMode::serial, ScheduleMode::in_order,
                                    ScheduleMode::out_of_order, ScheduleMode::automatic}) {
      const auto engine = engine_for(model, {.beside = "delay=100", .mode = mode});
      ASSERT_TRUE(engine);
      const auto session = session_of(*engine);
      for (const int64_t count : {17, 48, 63, 16, 5, 33}) {
        SCOPED_TRACE(std::string(model) + ", " + std::to_string(count) + " tokens, mode " +
                     std::to_string(int(mode)));
        expect_same(prompt(*session, count), prompt(*expected, count));
      }
      ASSERT_TRUE(session->prompt_report());
      EXPECT_EQ(session->prompt_report()->processors.size(), 2u);
    }
  }
}

TEST_F(Pipeline, any_interleaving_gives_the_same_bits) {
  const auto whole = engine_for(kLlama, {.alone = true});
  ASSERT_TRUE(whole);
  const auto expected = session_of(*whole);
  const Outcome want = prompt(*expected, 71);
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto engine = engine_for(kLlama, {.beside = seed % 2 ? "delay=300" : "",
                                            .mode = ScheduleMode::random,
                                            .in_flight = int64_t(1 + seed % 5),
                                            .seed = seed});
    ASSERT_TRUE(engine);
    const auto session = session_of(*engine);
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_same(prompt(*session, 71), want);
    expect_same(prompt(*session, 71), want);
  }
}

TEST_F(Pipeline, gives_all_the_rows_of_the_last_chunk_that_are_asked_for) {
  const auto whole = engine_for(kLlama, {.alone = true}), engine = engine_for(kLlama, {});
  ASSERT_TRUE(whole && engine);
  const auto expected = session_of(*whole), session = session_of(*engine);
  for (const int64_t rows : {1, 7, 16})
    expect_same(prompt(*session, 40, rows), prompt(*expected, 40, rows));
}

TEST_F(Pipeline, goes_on_from_what_is_cached_and_decoding_goes_on_from_it) {
  const auto whole = engine_for(kLlama, {.alone = true}), engine = engine_for(kLlama, {});
  ASSERT_TRUE(whole && engine);
  const auto expected = session_of(*whole), session = session_of(*engine);
  for (runtime::Session* one : {expected.get(), session.get()}) {
    ASSERT_TRUE(one->feed(ids(21), 1).ok());
    ASSERT_TRUE(one->feed(ids(50), 1).ok());
    ASSERT_TRUE(one->feed(ids(1), 1).ok());
  }
  EXPECT_EQ(session->past(), 72);
  const int64_t next[] = {9};
  const auto a = session->feed(next, 1), b = expected->feed(next, 1);
  ASSERT_TRUE(a.ok() && b.ok());
  expect_same(outcome(*session, *a), outcome(*expected, *b));
}

TEST_F(Pipeline, early_chunks_compute_no_logits) {
  const auto engine = engine_for(kLlama, {});
  ASSERT_TRUE(engine);
  const auto session = session_of(*engine);
  prompt(*session, 64);
  const runtime::PromptReport& report = *session->prompt_report();
  EXPECT_EQ(report.chunks, 4u);
  EXPECT_EQ(report.rows, 64);
  EXPECT_EQ(report.padded_rows, 0);
  const uint64_t run = report.processors[0].stages + report.processors[1].stages;
  EXPECT_EQ(run, 3 * session->stages().steps.early_steps + report.stages);
  EXPECT_LT(session->stages().steps.early_steps, report.stages)
      << "the last products and the head follow the last write to a cache";
  prompt(*session, 50);
  EXPECT_EQ(session->prompt_report()->padded_rows, 14);
}

TEST_F(Pipeline, chunks_beyond_those_in_flight_take_the_lanes_of_earlier_ones) {
  const auto engine = engine_for(kLlama, {.in_flight = 2});
  ASSERT_TRUE(engine);
  const auto session = session_of(*engine);
  const int64_t one = session->arena_bytes();
  prompt(*session, 128);
  EXPECT_EQ(session->prompt_report()->in_flight, 2u);
  EXPECT_GT(session->arena_bytes(), one);
  EXPECT_LE(session->arena_bytes(), 2 * one);
}

// Chunks that were done as a whole are kept, the rest runs where it can (session_failover.cpp).
TEST_F(Pipeline, a_device_that_is_lost_between_chunks_changes_nothing) {
  const auto whole = engine_for(kLlama, {.alone = true});
  ASSERT_TRUE(whole);
  const auto expected = session_of(*whole);
  for (int fail = 1; fail < 24; fail += 3) {
    const std::string beside = "delay=50,fail=" + std::to_string(fail);
    const auto engine = engine_for(kLlama, {.beside = beside.c_str()});
    ASSERT_TRUE(engine);
    const auto session = session_of(*engine);
    const auto logits = session->feed(ids(64), 1);
    ASSERT_TRUE(logits.ok()) << "run " << fail << ": " << logits.error().message;
    ASSERT_EQ(engine->failures().size(), 1u) << "run " << fail;
    EXPECT_NE(engine->failures()[0].find("lost on request"), std::string::npos);
    expect_same(outcome(*session, *logits), prompt(*expected, 64));
  }
}

TEST_F(Pipeline, stops_where_the_caller_says_so) {
  const auto engine = engine_for(kLlama, {.beside = "delay=50"});
  ASSERT_TRUE(engine);
  const auto session = session_of(*engine);
  std::vector<int64_t> heard;
  const auto all = ids(80);
  const auto stopped = session->feed(all, 1, [&](int64_t done) {
    heard.push_back(done);
    return done < 48;
  });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().message, "stopped after 48 of 80 prompt tokens");
  EXPECT_EQ(heard, (std::vector<int64_t>{16, 32, 48}));
  EXPECT_EQ(session->past(), 48);
  heard.clear();
  ASSERT_TRUE(session
                  ->feed(std::span(all).subspan(48), 1,
                         [&](int64_t done) {
                           heard.push_back(done);
                           return true;
                         })
                  .ok());
  EXPECT_EQ(heard, (std::vector<int64_t>{16, 32}));
}

TEST_F(Pipeline, task_times_are_kept_for_the_next_session) {
  const host::ScratchFolder folder;
  const Setting setting{.cache_folder = folder.path()};
  const auto first = engine_for(kLlama, setting);
  ASSERT_TRUE(first);
  const auto before = session_of(*first);
  prompt(*before, 64);
  EXPECT_EQ(before->prompt_report()->expected_ns, 0) << "nothing is known yet";
  EXPECT_EQ(before->prompt_report()->policy.order, schedule::Order::in_order);
  const auto second = engine_for(kLlama, setting);
  ASSERT_TRUE(second);
  const auto after = session_of(*second);
  prompt(*after, 64);
  EXPECT_GT(after->prompt_report()->expected_ns, 0);
}

TEST_F(Pipeline, records_say_what_ran_where) {
  const auto engine = engine_for(kLlama, {.beside = "delay=50"});
  ASSERT_TRUE(engine);
  const auto session = session_of(*engine);
  std::vector<runtime::TaskRecord> log;
  session->record_tasks(&log);
  prompt(*session, 48);
  session->record_tasks(nullptr);
  const runtime::PromptReport& report = *session->prompt_report();
  uint64_t stages = 0, copies = 0, waits = 0, bytes = 0;
  for (const runtime::TaskRecord& record : log) {
    EXPECT_LE(record.begin_ns, record.end_ns);
    stages += record.kind == runtime::TaskRecord::Kind::stage;
    copies += record.kind == runtime::TaskRecord::Kind::copy;
    waits += record.kind == runtime::TaskRecord::Kind::wait;
    bytes += record.bytes;
  }
  EXPECT_EQ(stages, report.processors[0].stages + report.processors[1].stages);
  EXPECT_EQ(copies, report.copies);
  EXPECT_EQ(waits, report.waits);
  EXPECT_EQ(bytes, report.copied_bytes);
  EXPECT_GT(copies, 0u) << "the device has memory of its own";
}

// Programs are compiled once and serve every chunk: neither their number nor their bytes move. Had
// every chunk programs of its own, the counters would show it.
TEST_F(Pipeline, chunks_share_programs) {
  const auto engine = engine_for(kLlama, {});
  ASSERT_TRUE(engine);
  const auto session = session_of(*engine);
  const uint64_t compiled = counters().programs_compiled, held = counters().programs_held;
  const uint64_t bytes = counters().program_bytes;
  ASSERT_GT(bytes, 0u);
  for (const int64_t chunks : {1, 4, 8}) {
    prompt(*session, chunks * kChunk);
    EXPECT_EQ(counters().programs_compiled, compiled) << chunks << " chunks";
    EXPECT_EQ(counters().program_bytes, bytes) << chunks << " chunks";
  }
  {
    std::vector<std::unique_ptr<runtime::Programs>> of_more_chunks;
    uint64_t more_bytes = 0;
    for (int chunk = 1; chunk < 4; ++chunk) {
      auto programs = runtime::prepare(engine->plan().prefill(), engine->plan().devices(),
                                       runtime::ProgramCache({}));
      ASSERT_TRUE(programs.ok());
      more_bytes += (*programs)->constant_bytes;
      of_more_chunks.push_back(std::move(*programs));
    }
    EXPECT_EQ(counters().programs_held, held + 3 * engine->plan().prefill().islands().size());
    EXPECT_EQ(counters().program_bytes, bytes + more_bytes);
    EXPECT_EQ(more_bytes, 3 * engine->prefill_programs().constant_bytes);
  }
  EXPECT_EQ(counters().programs_held, held);
  EXPECT_EQ(counters().program_bytes, bytes);
}

}  // namespace
}  // namespace weft
