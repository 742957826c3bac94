// A phone's NPU and processor as published figures have them, for the modelled clock. Every time
// that comes out of here is modelled, not measured.
//
// Products on the NPU (int8): the slower of two limits,
//
//   0.8 ms + M K N / 1.72e12 per s        starting, and multiplying
//   0.1 ms + K N bytes / 12e9 per s      reading the weights
//
// which is within 12 % of the six products that the paper lists (table 3, Redmi K70 Pro), and gives
// 315 ms for a chunk of 256 tokens of Qwen1.5-1.8B (section 3.4).
//
// On the processor (float): the paper has half of the NPU's time there. It is divided as 12 % for
// the norm before attention, 22 % for residual and norm before the feed-forward, 66 % for
// attention, half of which is for every row (rotation, cache, quantization) and half for every pair
// of query and key. Each part is then scaled by what it depends on. Shadow products are 0.2 % of
// the channels of 15 % of the products, at the speed of attention.
//
// Embedding, last norm and head are left out, and so are copies and the table lookups of the NPU.
// mllm-NPU (Xu et al., ASPLOS 2025), tables and sections as named.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/schedule/chunk_graph.h"

namespace weft::schedule {

// A decoder's sizes, in elements.
struct ModelShape {
  const char* name = "";
  uint32_t layers = 0;
  int64_t hidden = 0;   // of the residual stream
  int64_t queries = 0;  // heads * size
  int64_t keys = 0;     // heads of keys * size
  int64_t between = 0;  // rows between up and down
};

// Qwen1.5-1.8B, Gemma-2B, Llama-2-7B.
std::span<const ModelShape> published_shapes();

double npu_product_ms(int64_t m, int64_t k, int64_t n);

// The graph of a prompt: six steps per layer, as in the paper. Chunks of the NPU are full whatever
// the prompt; the processor computes the rows there are. All chunks may be in flight.
TaskGraph phone_prompt(const ModelShape& shape, int64_t tokens, int64_t chunk);

}  // namespace weft::schedule
