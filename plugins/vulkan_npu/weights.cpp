// Packing, sharing and storing weights; see weights.h.
#include "plugins/vulkan_npu/weights.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "plugins/vulkan_npu/kernels.h"
#include "plugins/vulkan_npu/rounding.h"

namespace weft::vulkan_npu {

using common::ConstantKey;
using plugin::Failure;

namespace {

constexpr uint64_t kMagic = 0x31555056'54464557;  // "WEFTVPU1"
// Raised whenever the packed layout changes.
constexpr uint32_t kVersion = 3;

struct Prefix {
  uint64_t magic;
  uint32_t version;
  uint32_t reserved;
  uint64_t device;
  uint64_t zeros[5];
};
static_assert(sizeof(Prefix) == 64);

uint64_t device_key(const PhysicalDevice& device) {
  uint64_t key = 0;
  for (const char c : std::string(device.properties.deviceName) + "|" + device.driver)
    key = common::mix(key, uint64_t(uint8_t(c)));
  return key;
}

uint64_t align256(uint64_t n) { return (n + 255) & ~uint64_t{255}; }

ConstantKey key_of(const plugin::GraphView& graph, const Product& p) {
  const weft_value& b = graph.value(p.b);
  const auto codes = common::content_id(b);
  std::array<uint64_t, 2> scales = {0, 0};
  if (p.has_steps()) scales = common::content_id(graph.value(p.scale));
  const uint64_t tensors =
      uint64_t(std::bit_cast<uint32_t>(p.a_scale)) << 32 | std::bit_cast<uint32_t>(p.y_scale);
  return {uint64_t(p.result) << 1 | uint64_t(b.order == WEFT_COLUMN_MAJOR),
          codes[0],
          codes[1],
          scales[0],
          scales[1],
          tensors,
          uint64_t(p.k),
          uint64_t(p.n)};
}

void pack_codes(const int8_t* codes, bool column_major, const Product& p, char* to) {
  const int64_t words = (p.k + 7) / 8;
  const int64_t row = column_major ? 1 : p.n, column = column_major ? p.k : 1;
  for (int64_t first = 0; first < p.n; first += int64_t(kPanel)) {
    const int64_t width = std::min(int64_t(kPanel), p.n - first);
    for (int64_t k = 0; k < words * 8; k++)
      for (int64_t c = 0; c < width; c++)
        to[(k / 8 * width + c) * 8 + k % 8] =
            char(k < p.k ? codes[k * row + (first + c) * column] : 0);
    to += words * width * 8;
  }
}

void write_steps(const plugin::GraphView& graph, const Product& p, float* to) {
  const weft_value& scale = graph.value(p.scale);
  const auto* scales = static_cast<const float*>(scale.data);
  const bool per_column = scale.data_size > sizeof(float);
  for (int64_t n = 0; n < p.n; n++) to[n] = p.a_scale * scales[per_column ? n : 0] / p.y_scale;
}

uint64_t word_of(const Codes& codes) {
  return uint64_t(std::bit_cast<uint32_t>(codes.scale)) << 32 | uint32_t(codes.zero);
}

// Tables differ in what they are made of alone; no product has a first word like theirs.
ConstantKey key_of(const Unit& unit) {
  uint64_t function = 0;
  const bool looks_up = unit.kind == Unit::Kind::lookup;
  if (looks_up) {
    for (const char c : unit.function.op) function = common::mix(function, uint64_t(uint8_t(c)));
    function = common::mix(function, std::bit_cast<uint32_t>(unit.function.alpha));
    function = common::mix(function, unit.function.fit);
  }
  const uint64_t x = looks_up ? word_of(unit.of_x) : 0;
  return {uint64_t{looks_up ? 0x101u : 0x100u}, function, x, word_of(unit.of_y), 0, 0, 0, 0};
}

}  // namespace

Weights::Weights(Core& core, const ConstantKey& identity, uint64_t bytes, uint64_t steps)
    : key(identity), block(core, bytes, "a weight"), size(bytes), step_offset(steps) {}

WeightBlob::WeightBlob(const PhysicalDevice& device, const void* blob, uint64_t size) {
  if (check_weight_blob(device, blob, size) != WEFT_BLOB_OPTIMAL)
    throw Failure(WEFT_E_STALE_BLOB, "the blob was not written for this device and version");
  store_.emplace(none_, static_cast<const char*>(blob) + sizeof(Prefix), size - sizeof(Prefix));
}

const char* WeightBlob::get(const ConstantKey& key, uint64_t size) {
  return store_->get(key, size, [](char*) {});
}

WeightsRef WeightPool::get(Core& core, const plugin::GraphView& graph, const Unit& unit,
                           WeightBlob* blob) {
  if (unit.kind == Unit::Kind::product) return product(core, graph, unit.product, blob);
  if (unit.kind == Unit::Kind::dequantize) return nullptr;
  return table(core, unit, blob);
}

WeightsRef WeightPool::product(Core& core, const plugin::GraphView& graph, const Product& product,
                               WeightBlob* blob) {
  const ConstantKey key = key_of(graph, product);
  const uint64_t codes = uint64_t((product.k + 7) / 8 * 8 * product.n);
  const uint64_t steps = align256(codes);
  const uint64_t size = product.has_steps() ? steps + uint64_t(product.n) * sizeof(float) : codes;
  const char* stored = blob ? blob->get(key, size) : nullptr;
  return live_.get(key, [&] {
    auto made = std::make_shared<Weights>(core, key, size, steps);
    char* to = made->block.data();
    if (stored) {
      std::memcpy(to, stored, size);
      return made;
    }
    const weft_value& b = graph.value(product.b);
    pack_codes(static_cast<const int8_t*>(b.data), b.order == WEFT_COLUMN_MAJOR, product, to);
    if (product.has_steps()) write_steps(graph, product, reinterpret_cast<float*>(to + steps));
    return made;
  });
}

WeightsRef WeightPool::table(Core& core, const Unit& unit, WeightBlob* blob) {
  const ConstantKey key = key_of(unit);
  const bool looks_up = unit.kind == Unit::Kind::lookup;
  const uint64_t size = looks_up ? 256 : 257 * sizeof(float);
  const char* stored = blob ? blob->get(key, size) : nullptr;
  return live_.get(key, [&] {
    auto made = std::make_shared<Weights>(core, key, size, 0);
    if (stored) {
      std::memcpy(made->block.data(), stored, size);
    } else if (looks_up) {
      const auto table = lookup_table(unit.function, unit.of_x, unit.of_y);
      std::memcpy(made->block.data(), table.data(), size);
    } else {
      const auto least = least_reals(unit.of_y);
      std::memcpy(made->block.data(), least.data(), size);
    }
    return made;
  });
}

void save_weights(const PhysicalDevice& device, const std::vector<WeightsRef>& weights,
                  const Facts& facts, const weft_writer& writer) {
  const Prefix prefix = {kMagic, kVersion, 0, device_key(device), {}};
  const weft_status status = writer.write(writer.ctx, &prefix, sizeof prefix);
  if (status < 0) throw Failure(status, "the host's writer refused the blob");
  std::vector<common::ConstantRef> stored;
  for (const WeightsRef& one : weights) {
    auto constant = std::make_shared<common::StoredConstant>();
    constant->key = one->key;
    constant->data = one->block.data();
    constant->size = one->size;
    stored.push_back(std::move(constant));
  }
  std::vector<std::array<uint32_t, 2>> values;  // must not move
  values.reserve(facts.size());
  for (const auto& [key, value] : facts) {
    values.push_back(value);
    auto constant = std::make_shared<common::StoredConstant>();
    constant->key = key;
    constant->data = reinterpret_cast<char*>(values.back().data());
    constant->size = sizeof value;
    stored.push_back(std::move(constant));
  }
  common::save_blob(stored, writer);
}

uint32_t check_weight_blob(const PhysicalDevice& device, const void* head, uint64_t size) {
  Prefix prefix;
  if (!head || size < sizeof prefix) return WEFT_BLOB_FOREIGN;
  std::memcpy(&prefix, head, sizeof prefix);
  if (prefix.magic != kMagic) return WEFT_BLOB_FOREIGN;
  const bool mine = prefix.version == kVersion && prefix.device == device_key(device);
  return mine ? WEFT_BLOB_OPTIMAL : WEFT_BLOB_STALE;
}

}  // namespace weft::vulkan_npu
