#include "core/schedule/phone.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weft::schedule {

namespace {

constexpr uint32_t kProcessor = 0, kNpu = 1;
constexpr uint32_t kSteps = 6;

// What one chunk of 256 tokens of Qwen1.5-1.8B takes on the processor, and its sizes.
constexpr double kPublishedMs = 157.5, kRows = 256, kLayers = 24, kHidden = 2048;
constexpr double kLayerMs = kPublishedMs / kLayers;
// Milliseconds for an element of a row, and for a multiply-add of attention. Of 256 rows, a query
// meets 128.5 keys.
constexpr double kNormMs = 0.12 * kLayerMs / (kRows * kHidden);
constexpr double kResidualMs = 0.22 * kLayerMs / (kRows * kHidden);
constexpr double kRowMs = 0.33 * kLayerMs / (kRows * 3 * kHidden);
constexpr double kPairMs = 0.33 * kLayerMs / (kRows * 128.5 * 2 * kHidden);
constexpr double kShadow = 0.15 * 0.002;

struct Chunk {
  double rows = 0, past = 0, padded = 0;
};

double shadow_ms(const Chunk& chunk, double weights) {
  return chunk.rows * weights * kShadow * kPairMs;
}

double step_ms(const ModelShape& s, const Chunk& chunk, uint32_t step) {
  const double h = double(s.hidden), q = double(s.queries), k = double(s.keys);
  const int64_t m = int64_t(chunk.padded);
  switch (step) {
    case 0:
      return chunk.rows * h * kNormMs;
    case 1:
      return npu_product_ms(m, s.hidden, s.queries) + 2 * npu_product_ms(m, s.hidden, s.keys);
    case 2: {
      const double keys = chunk.past + (chunk.rows + 1) / 2;
      return chunk.rows * (q + 2 * k) * kRowMs + chunk.rows * keys * 2 * q * kPairMs +
             shadow_ms(chunk, h * (q + 2 * k));
    }
    case 3:
      return npu_product_ms(m, s.queries, s.hidden);
    case 4:
      return chunk.rows * h * kResidualMs + shadow_ms(chunk, h * (q + 3 * double(s.between)));
    default:
      return 2 * npu_product_ms(m, s.hidden, s.between) + npu_product_ms(m, s.between, s.hidden);
  }
}

ChunkSteps layers(uint32_t count) {
  ChunkSteps out;
  for (uint32_t layer = 0; layer < count; ++layer) {
    for (uint32_t k = 0; k < kSteps; ++k) {
      Step step{k % 2 == 0 ? kProcessor : kNpu};
      if (k == 2) step.after = {layer * kSteps + 1};
      out.steps.push_back(step);
    }
  }
  out.early_steps = uint32_t(out.steps.size());
  return out;
}

}  // namespace

std::span<const ModelShape> published_shapes() {
  static constexpr std::array<ModelShape, 3> shapes = {{
      {"Qwen1.5-1.8B", 24, 2048, 2048, 2048, 5504},
      {"Gemma-2B", 18, 2048, 2048, 256, 16384},
      {"Llama-2-7B", 32, 4096, 4096, 4096, 11008},
  }};
  return shapes;
}

double npu_product_ms(int64_t m, int64_t k, int64_t n) {
  const double weights = double(k) * double(n);
  return std::max(0.8 + double(m) * weights / 1.72e9, 0.1 + weights / 12e6);
}

TaskGraph phone_prompt(const ModelShape& shape, int64_t tokens, int64_t chunk) {
  const uint32_t chunks = uint32_t((tokens + chunk - 1) / chunk);
  return chunk_graph(layers(shape.layers), chunks, chunks, [&](uint32_t i, uint32_t step) {
    const double past = double(i) * double(chunk);
    const Chunk at{std::min(double(chunk), double(tokens) - past), past, double(chunk)};
    return int64_t(std::llround(step_ms(shape, at, step % kSteps) * 1e6));
  });
}

}  // namespace weft::schedule
