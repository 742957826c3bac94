// Feeds arbitrary bytes to the ONNX importer: any input ends in a graph or an error.
//
//   clang++ -fsanitize=fuzzer,address ... tests/fuzz/onnx_import_fuzz.cpp
#include <cstddef>
#include <cstdint>
#include <span>

#include "importers/onnx/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto graph = weft::onnx::import_bytes(std::as_bytes(std::span(data, size)), {});
  return graph.ok() && graph->outputs.empty() ? 1 : 0;
}
