#include "tools/weft/model_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/schedule/phone.h"
#include "tools/weft/flags.h"
#include "tools/weft/prompt_report.h"

namespace weft::cli {

using schedule::Choice;
using schedule::ModelShape;
using schedule::Order;
using schedule::Policy;
using schedule::Simulator;

namespace {

// What the paper and its users report for a prompt of that length; empty where nothing is known.
// 1,560 tokens are the middle of the 2wiki prompts of its table 5 (1,451 to 1,672).
const char* published(const std::string& model, int64_t tokens) {
  if (model == "Qwen1.5-1.8B" && tokens == 256) return "564 tok/s";
  if (model == "Qwen1.5-1.8B" && tokens == 1024) return "1106 tok/s";
  if (tokens != 1560) return "";
  if (model == "Qwen1.5-1.8B") return "1.49 s (1047 tok/s)";
  if (model == "Gemma-2B") return "1.68 s (929 tok/s)";
  return "4.62 s (338 tok/s)";
}

std::string cell(Simulator& simulator, int64_t makespan) {
  return fmt::format("{:.0f} ({:.1f} %)", double(makespan) / 1e6,
                     100 - 100 * double(simulator.busy_ns(1)) / double(makespan));
}

std::string row(const ModelShape& shape, int64_t tokens, int64_t chunk) {
  const schedule::TaskGraph graph = schedule::phone_prompt(shape, tokens, chunk);
  Simulator simulator(graph);
  std::string out = fmt::format("| {} | {} |", shape.name, tokens);
  for (const Order order : {Order::serial, Order::in_order, Order::out_of_order}) {
    const int64_t makespan = simulator.run({order});
    out += " " + cell(simulator, makespan) + " |";
  }
  const Choice choice = schedule::choose(simulator, schedule::automatic_policies());
  simulator.run(choice.policy);
  return out + fmt::format(" {} | {} | {:.0f} | {:.0f} | {} |\n",
                           cell(simulator, choice.makespan_ns), name_of(choice.policy),
                           double(schedule::bound_ns(graph)) / 1e6,
                           1e9 * double(tokens) / double(choice.makespan_ns),
                           published(shape.name, tokens));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

Result<ModelShape> find_shape(const std::string& name) {
  std::string names;
  for (const ModelShape& shape : schedule::published_shapes()) {
    if (lower(shape.name) == lower(name)) return shape;
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  }
  return Error{"the modelled clock has no model '" + name + "'; there are " + names,
               ErrorKind::usage};
}

}  // namespace

std::string model_clock_table(int64_t chunk) {
  std::string out = fmt::format(
      "Modelled milliseconds (and idle time of the NPU), chunks of {} tokens; nothing here is "
      "measured.\n\n"
      "| model | prompt | serial | in-order | C(g) | auto | auto's order | bound | auto tok/s | "
      "paper |\n|---|--:|--:|--:|--:|--:|---|--:|--:|--:|\n",
      chunk);
  for (const ModelShape& shape : schedule::published_shapes())
    for (const int64_t tokens : {64, 256, 512, 1024, 1560}) out += row(shape, tokens, chunk);
  return out;
}

Result<ScheduleTrace> model_clock_trace(const std::string& model, int64_t tokens, int64_t chunk,
                                        const std::string& order) {
  const ModelShape shape = TRY(find_shape(model));
  const auto mode = schedule_mode(order);
  if (!mode)
    return Error{
        "--schedule " + order + " is not available; serial, in-order, out-of-order and auto are",
        ErrorKind::usage};
  const schedule::TaskGraph graph = schedule::phone_prompt(shape, tokens, chunk);
  Simulator simulator(graph);
  Policy policy{Order::in_order};
  if (*mode == runtime::ScheduleMode::serial) policy = {Order::serial};
  if (*mode == runtime::ScheduleMode::out_of_order) policy = {Order::out_of_order};
  if (*mode == runtime::ScheduleMode::automatic)
    policy = schedule::choose(simulator, schedule::automatic_policies()).policy;
  simulator.run(policy);
  ScheduleTrace trace =
      trace_of(simulator, fmt::format("{}, {} tokens, {}", shape.name, tokens, name_of(policy)));
  trace.rows = tokens;
  trace.padded_rows = (tokens + chunk - 1) / chunk * chunk - tokens;
  return trace;
}

}  // namespace weft::cli
