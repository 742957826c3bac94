// An open device: what it claims, and the objects it makes.
#pragma once

#include <weft/extensions.h>

#include "plugins/opencl/context.h"

namespace weft::opencl {

class OpenclDevice final : public plugin::Device {
 public:
  using Log = std::function<void(const std::string&)>;
  // `log` gets the report of option report=1 when the device is closed.
  OpenclDevice(DeviceFacts facts, Options options, Log log)
      : context_(std::move(facts), options), log_(std::move(log)) {}
  ~OpenclDevice() override;

  void claim(const weft_graph& graph, const weft_claim_sink& sink) override;
  uint32_t blob_check(const void* head, uint64_t size) override;
  plugin::Program* compile(const weft_compile_args& args) override;
  plugin::Buffer* allocate(const weft_buffer_desc& desc) override;
  plugin::Queue* create_queue(const weft_queue_desc& desc) override;
  plugin::Event* create_event() override;
  void wait_idle() override;

  // Whether the host and the device may work on the same pages, with nothing in between.
  bool imports_host_memory() const {
    return context_.options.share_memory && context_.facts.coherent;
  }
  plugin::Buffer* import(const weft_external& external);

 private:
  Context context_;
  Log log_;
};

// The table of weft.external_memory/1: host pointers, where the device works on the host's memory.
extern const weft_ext_external_memory_1 kExternalMemory;

}  // namespace weft::opencl
