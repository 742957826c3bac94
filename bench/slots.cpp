// Question: what does a new length cost before the first kernel runs?
//
//   bench/slots MODEL     microseconds to bind new lengths and evaluate the slot program, for the
//                         plan of a session (max and elastic) and for every dim of the graph as the
//                         importer left it; 50 are allowed for 30 layers
//
// Each update changes `past`, as every token does, and `seq` too. The smallest of many batches
// counts: what the program takes, not what else the machine does.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/engine_plan.h"
#include "core/host/loader.h"
#include "core/sym/slots.h"
#include "importers/onnx/model.h"

namespace {

using namespace weft;

template <typename T>
T need(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::fprintf(stderr, "slots: %s\n", result.error().message.c_str());
  std::exit(1);
}

double microseconds(sym::SlotProgram& program) {
  constexpr int kBatches = 200, kUpdates = 50;
  const std::vector<std::string> symbols = program.symbols();
  double best = 1e9;
  int64_t sink = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < kUpdates; ++i) {
      for (size_t s = 0; s < symbols.size(); ++s) program.set(symbols[s], 1 + (batch + i) % 400);
      program.evaluate();
      sink += program.values().empty() ? 0 : program.values().back();
    }
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / kUpdates);
  }
  if (sink == 1) std::puts("");  // keeps the values alive
  return best;
}

void row(const char* name, const sym::SlotTable& table) {
  sym::SlotProgram program(table);
  const double time = microseconds(program);
  std::printf("%-22s %8zu %8zu %8zu %10.2f\n", name, program.symbols().size(), table.dims().size(),
              program.operation_count(), time);
}

// Every dim, and every element of a small integer tensor, that is no number.
sym::SlotTable every_dim(const ir::Graph& graph) {
  sym::SlotTable table;
  for (size_t i = 0; i < graph.value_count(); ++i) {
    const ir::Value& value = graph[ir::ValueId(i)];
    for (const ir::Dim& dim : value.type.shape) {
      if (!dim.is_constant()) table.slot(dim);
    }
    if (!value.contents) continue;
    for (const ir::Dim& element : *value.contents) {
      if (!element.is_constant()) table.slot(element);
    }
  }
  return table;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: slots MODEL\n");
    return 2;
  }
  const auto services = host::HostServices::create({});
  const auto plugin = need(host::load(WEFT_PLUGIN_DIR "/weft_cpu.so", services));
  std::printf("%-22s %8s %8s %8s %10s\n", "program", "symbols", "slots", "ops", "us");
  size_t nodes = 0;
  for (const auto memory : {plan::MemoryPlan::max, plan::MemoryPlan::elastic}) {
    EngineOptions options;
    options.backends = {"cpu"};
    options.memory = memory;
    const auto plan = need(EnginePlan::make(need(onnx::import(argv[1])), {plugin}, options));
    row(memory == plan::MemoryPlan::max ? "max plan" : "elastic plan", plan->prefill().slots());
    nodes = plan->graph().order().size();
  }
  const ir::Graph imported = need(onnx::import(argv[1]));
  row("every dim, as imported", every_dim(imported));
  std::printf("nodes: %zu planned, %zu imported\n", nodes, imported.order().size());
  return 0;
}
