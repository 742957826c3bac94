#include "core/runtime/part_run.h"

#include "core/partition/claims.h"
#include "core/partition/schedule.h"
#include "core/runtime/graph_run.h"

namespace weft::runtime {

Result<std::vector<ops::Tensor>> run_part(const ir::Graph& graph, const host::DevicePtr& device,
                                          std::span<const ops::Tensor> inputs) {
  Session::Setup setup;
  setup.devices = {device};
  const bool shared = imports_host_memory(*device);
  setup.domains = {shared ? 0u : 1u};
  setup.shared_domains = shared ? std::vector<bool>{true} : std::vector<bool>{true, false};
  const std::vector<uint32_t> preference = {0};
  const auto assignment = TRY(partition::assign(graph, setup.devices, preference));
  const auto plan = TRY(
      plan::Plan::make(graph, TRY(partition::schedule(graph, assignment.units)), setup.domains));
  const auto programs = TRY(prepare(*plan, setup.devices, ProgramCache({})));
  setup.prefill = setup.decode = {plan.get(), programs.get()};
  const auto run = TRY(GraphRun::create(setup));
  for (size_t i = 0; i < inputs.size(); ++i) TRY(run->write(graph.inputs[i], inputs[i].bytes));
  TRY(run->run());
  std::vector<ops::Tensor> outputs;
  for (const ir::Output& output : graph.outputs) {
    const ir::Type& type = graph[output.value].type;
    ops::Tensor tensor;
    tensor.dtype = type.dtype;
    for (const ir::Dim& dim : type.shape) tensor.shape.push_back(dim.constant());
    const auto bytes = TRY(run->read(output.value));
    tensor.bytes.assign(bytes.begin(), bytes.end());
    outputs.push_back(std::move(tensor));
  }
  return outputs;
}

}  // namespace weft::runtime
